"""The panes store: count, sum, avg, min, max and last of a group over a run of panes."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.owner import Chunk
from engine.window.cells import empty_cells, fold, grown, merge
from engine.window.store import PaneMap, Rows, by_pane, pane_chunk, read_pane

Cells = npt.NDArray[Any]


class PaneStore:
    """Cells by (pane, group); a window is the merge of its panes."""

    def __init__(self) -> None:
        self._map: PaneMap[Cells] = PaneMap()

    def add(self, rows: Rows) -> None:
        """Fold rows into their panes.

        Cost: one kernel call a pane; no per-row Python.
        """
        for pane, part in by_pane(rows):
            size = int(part.groups.max()) + 1
            cells = self._map.panes.get(pane)
            cells = empty_cells(max(size, 16)) if cells is None else grown(cells, size)
            fold(cells, part.groups, part.values, part.times, part.stamp_ms)
            self._map.panes[pane] = cells
            self._map.touch(pane)

    def window(self, first: int, last: int, size: int) -> Cells:
        """Return the merged cells of panes first..last for groups 0..size-1."""
        merged = empty_cells(size)
        for _, cells in self._map.run(first, last):
            merge(merged, cells)
        return merged

    def column(self, function: str, cells: Cells) -> npt.NDArray[np.float64]:
        """Return one aggregate of a window, NaN where a group has no number (count: 0)."""
        some = cells["values"] > 0
        match function:
            case "count":
                return cells["rows"].astype(np.float64)
            case "sum":
                return np.where(some, cells["high"] + cells["low"], np.nan)
            case "avg":
                total = cells["high"] + cells["low"]
                return np.where(some, total / np.maximum(cells["values"], 1), np.nan)
            case "min":
                return np.where(some, cells["least"], np.nan)
            case "max":
                return np.where(some, cells["most"], np.nan)
            case "last":
                return np.where(some, cells["last"], np.nan)
        raise AssertionError(f"{function} is no function of the panes store")

    def used(self, groups: int) -> npt.NDArray[np.bool_]:
        """Say for groups 0..groups-1 whether any pane has rows of them."""
        used = np.zeros(groups, np.bool_)
        for cells in self._map.panes.values():
            size = min(groups, cells.size)
            used[:size] |= cells["rows"][:size] > 0
        return used

    @property
    def panes(self) -> list[int]:
        """The numbers of the panes that hold rows."""
        return list(self._map.panes)

    def drop_before(self, pane: int) -> None:
        """Forget panes below a number."""
        self._map.drop_before(pane)

    def chunks(self, prefix: str, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield one chunk a pane."""
        for pane, cells in self._map.panes.items():
            yield pane_chunk(prefix, pane, self._map.versions[pane], known, {"cells": cells})

    def restore(self, pane: int, payload: bytes) -> None:
        """Take a pane back from its chunk."""
        version, arrays = read_pane(payload)
        self._map.panes[pane] = arrays["cells"]
        self._map.versions[pane] = version
        self._map.version = max(self._map.version, version)
