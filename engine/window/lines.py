"""The lines store: the newest few log lines of each group and pane, as evidence for people."""

from collections.abc import Iterator, Mapping

import numpy as np

from engine.checkpoint import pack, unpack
from engine.owner import Chunk
from engine.window.store import PaneMap, Rows, by_pane

Line = tuple[int, str]


class LineStore:
    """Up to `lines_max` lines a cell, the newest by (time, text): order of arrival is no matter."""

    def __init__(self, lines_max: int) -> None:
        self._map: PaneMap[dict[int, list[Line]]] = PaneMap()
        self.lines_max = lines_max

    def add(self, rows: Rows) -> None:
        """Keep the newest lines of each group.

        Cost: one sort; Python only for the few rows that are kept.
        """
        if rows.texts is None:
            return
        for pane, part in by_pane(rows):
            assert part.texts is not None
            order = np.lexsort((-part.times, part.groups))
            groups = part.groups[order]
            starts = np.flatnonzero(np.r_[True, np.diff(groups) != 0])
            rank = np.arange(groups.size) - np.repeat(starts, np.diff(np.r_[starts, groups.size]))
            cells = self._map.panes.setdefault(pane, {})
            # One more than is kept, so that equal times at the edge are decided by text.
            for i in order[rank < self.lines_max + 1].tolist():
                held = cells.setdefault(int(part.groups[i]), [])
                held.append((int(part.times[i]), part.texts.line(i)))
            for group in np.unique(groups).tolist():
                cells[group] = sorted(cells[group])[-self.lines_max :]
            self._map.touch(pane)

    def window(self, first: int, last: int, group: int) -> list[str]:
        """Return the newest lines of a group over panes first..last, oldest first."""
        found: list[Line] = []
        for _, cells in self._map.run(first, last):
            found += cells.get(group, [])
        return [text for _, text in sorted(found)[-self.lines_max :]]

    def drop_before(self, pane: int) -> None:
        """Forget panes below a number."""
        self._map.drop_before(pane)

    @property
    def panes(self) -> list[int]:
        """The numbers of the panes that hold lines."""
        return list(self._map.panes)

    def chunks(self, prefix: str, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield one chunk a pane."""
        for pane, cells in self._map.panes.items():
            name, version = f"{prefix}/{pane}", self._map.versions[pane]
            if known.get(name) == version:
                yield Chunk(name, version, b"")
                continue
            rows = [[group, held] for group, held in sorted(cells.items())]
            yield Chunk(name, version, pack({"version": version, "cells": rows}, {}))

    def restore(self, pane: int, payload: bytes) -> None:
        """Take a pane back from its chunk."""
        meta, _ = unpack(payload)
        self._map.panes[pane] = {
            group: [(time_ms, text) for time_ms, text in held] for group, held in meta["cells"]
        }
        self._map.versions[pane] = int(meta["version"])
        self._map.version = max(self._map.version, int(meta["version"]))
