"""The lines store: the newest few log lines of each group and pane, as evidence for people."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.checkpoint import pack, unpack
from engine.kernels import jit
from engine.owner import Chunk
from engine.window.store import PaneMap, Rows, by_pane

Array = npt.NDArray[Any]
Line = tuple[int, str]


@jit
def _above(a: int, b: int, starts: Array, ends: Array, blob: Array) -> bool:
    """Say whether the bytes of row a's line sort after those of row b's."""
    size_a = ends[a] - starts[a]
    size_b = ends[b] - starts[b]
    for k in range(min(size_a, size_b)):
        x = blob[starts[a] + k]
        y = blob[starts[b] + k]
        if x != y:
            return bool(x > y)
    return bool(size_a > size_b)


@jit
def _newest(
    order: Array,
    groups: Array,
    times: Array,
    starts: Array,
    ends: Array,
    blob: Array,
    lines_max: int,
) -> Array:
    """Return the newest `lines_max` rows of each group; equal times are decided by their bytes.

    Whole seconds as timestamps are common, so a tie may hold thousands of rows.
    order i64[n]: rows by (group, newest first); starts, ends i64[n]: each line in blob u8[].
    """
    out = np.empty(order.size, np.int64)
    size = 0
    first = 0  # where the rows of the group at hand begin in `out`
    for k in range(order.size):
        i = order[k]
        if k == 0 or groups[i] != groups[order[k - 1]]:
            first = size
        if size - first == lines_max:
            if lines_max == 0 or times[out[size - 1]] != times[i]:
                continue
            if not _above(i, out[size - 1], starts, ends, blob):
                continue
            size -= 1
        at = size
        while at > first and times[out[at - 1]] == times[i]:
            if not _above(i, out[at - 1], starts, ends, blob):
                break
            out[at] = out[at - 1]
            at -= 1
        out[at] = i
        size += 1
    return out[:size]


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
            texts = part.texts
            starts = np.where(texts.rows > 0, texts.ends[texts.rows - 1], 0)
            bytes_ = np.frombuffer(texts.blob, np.uint8)
            chosen = _newest(
                order, part.groups, part.times, starts, texts.ends[texts.rows], bytes_,
                self.lines_max,
            )  # fmt: skip
            cells = self._map.panes.setdefault(pane, {})
            for i in chosen.tolist():
                held = cells.setdefault(int(part.groups[i]), [])
                held.append((int(part.times[i]), texts.line(i)))
            for group in np.unique(part.groups).tolist():
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
