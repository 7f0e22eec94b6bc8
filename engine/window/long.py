"""Long ranges: a range function over more than rings hold, by panes of mergeable partials."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from engine import metrics
from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError
from engine.limits import Limits
from engine.owner import Chunk
from engine.window import long_kernels as kernels
from engine.window.range_functions import (
    RANGE_FUNCTIONS,
    Array,
    Floats,
    Ints,
    Mask,
    contiguous,
    parameter_of,
)
from engine.window.rings import RingStore

LONG_FUNCTIONS: Final = frozenset(RANGE_FUNCTIONS) - {"quantile_over_time"}
"""What can be made of partials."""

PANES_MAX: Final = 1_500
GRACE_MS: Final = 60_000  # rows may be that late, or one pane, before their pane is closed
BLOCK: Final = 16  # panes of a chunk
NEVER_MS: Final = -(1 << 61)
EMPTY: Final = -(1 << 62)  # pane number of a cell that was never written


def pane_ms_of(range_ms: int, every_ms: int, offset_ms: int = 0) -> int:
    """Return the width of panes for a range that is evaluated every so often.

    The greatest width that every window's left edge is a multiple of, or, where that would be more
    than 1,500 panes, the least multiple of it that is not: the left edge is then off by up to half
    a pane, a 3,000th of the range. The right edge is exact always.
    """
    exact = math.gcd(range_ms, every_ms, offset_ms)
    return exact * -(-range_ms // (exact * PANES_MAX))


class LongStore:
    """One range function over one range, for the series whose samples are appended.

    Samples of the newest panes are kept as they are (a RingStore); a pane that is older than a
    tick by the grace is reduced to a partial and takes no more rows.
    Memory: 32-64 bytes a series and pane, at most `limits.long_cells_max` of them.
    """

    def __init__(
        self, function: str, range_ms: int, pane_ms: int, limits: Limits, name: str = "long"
    ) -> None:
        assert function in LONG_FUNCTIONS, f"{function} is none of LONG_FUNCTIONS"
        self._function, self._code = function, RANGE_FUNCTIONS[function]
        self._kind = kernels.kind_of(self._code)
        self._range_ms, self._pane_ms, self._name = range_ms, pane_ms, name
        self._held = -(-range_ms // pane_ms) + 1 + -(-GRACE_MS // pane_ms)  # panes of a series
        self._slots_max = limits.long_cells_max // self._held
        self._tail = RingStore(limits, f"{name}/tail")
        self._tail.tick_passed(NEVER_MS)
        self._slots: Ints = np.full(0, -1, np.int64)  # by series
        self._free: list[int] = []
        self._closed: int | None = None  # number of the newest pane that is a partial
        self._swept = 0
        self._waiting = False  # chunks were restored and nothing was asked since
        width = kernels.WIDTHS[self._kind]
        self._cells: Floats = np.zeros((0, self._held, width))
        self._panes: Ints = np.full((0, self._held), EMPTY, np.int64)

    @property
    def cells(self) -> int:
        """Cells that there is memory for."""
        return self._panes.size

    def append(self, series: Ints, times: Ints, values: Floats) -> None:
        """Append samples, in any order; as RingStore.append, and every series counts.

        Rows of panes that were closed are dropped as `late`, those of series above the limit as
        `long_cells`.
        """
        self._settle()
        ids = contiguous(series, np.int64)
        if not ids.size:
            return
        self._place(ids)
        there = self._slots[ids] >= 0
        if not there.all():
            metrics.dropped("long_cells", int(ids.size - there.sum()))
            ids = np.where(there, ids, -1)
        self._tail.need(ids, 1)
        self._tail.append(ids, times, values)

    def _place(self, series: Ints) -> None:
        """Give series slots while there are any."""
        top = int(series.max()) + 1
        if top > self._slots.size:
            more = np.full(max(top, self._slots.size * 5 // 4), -1, np.int64)
            more[: self._slots.size] = self._slots
            self._slots = more
        new = np.unique(series[self._slots[series] < 0])
        if not new.size:
            return
        used = self._panes.shape[0] - len(self._free)
        new = new[: max(self._slots_max - used, 0)]
        self._grow(new.size - len(self._free))
        for one in new.tolist():
            self._slots[one] = self._free.pop()

    def _grow(self, slots: int) -> None:
        """Make place for so many more series."""
        if slots <= 0:
            return
        held = self._panes.shape[0]
        size = min(held + max(slots, held // 2, 16), max(self._slots_max, held + slots))
        cells = np.zeros((size, *self._cells.shape[1:]))
        panes = np.full((size, self._held), EMPTY, np.int64)
        cells[:held], panes[:held] = self._cells, self._panes
        self._cells, self._panes = cells, panes
        self._free = list(range(size - 1, held - 1, -1)) + self._free

    def over(
        self, series: Ints, times: Ints, parameters: tuple[Floats, ...] = ()
    ) -> tuple[Floats, Mask]:
        """Return the function over (t - range, t], for times of the current tick.

        Shapes: series i64[m], times i64[t], parameters f64[t] each; values f64[m, t], mask.
        Times far behind the newest one asked for before have a right edge that is a pane's.
        Cost: a merge a series and pane.
        """
        self._settle()
        ids, ends = contiguous(series, np.int64), contiguous(times, np.int64)
        values = np.zeros((ids.size, ends.size))
        mask = np.zeros(values.shape, np.bool_)
        if not ends.size:
            return values, mask
        self._close(int(ends.max()))
        assert self._closed is not None
        kernels.over_panes(
            *self._tail.arrays(), self._code, self._kind, self._slots, self._cells, self._panes,
            self._pane_ms, self._closed, ids, ends, self._range_ms,
            parameter_of(self._function, parameters, ends.size), values, mask,
        )  # fmt: skip
        return values, mask

    def _close(self, at_ms: int) -> None:
        """Reduce panes to partials up to the grace before a time."""
        pane_ms = self._pane_ms
        last = (at_ms - max(GRACE_MS, pane_ms)) // pane_ms
        first = (at_ms - self._range_ms) // pane_ms - 1
        if self._closed is not None:
            if last <= self._closed:
                return
            first = max(first, self._closed + 1)
        kernels.close_panes(
            *self._tail.arrays(), self._code, self._kind, self._slots, self._cells, self._panes,
            pane_ms, first, last,
        )  # fmt: skip
        self._closed = last
        self._tail.tick_passed(last * pane_ms + 1)
        if last - self._swept > self._held // 8:
            self._swept = last
            self._sweep(last - self._held)

    def _sweep(self, oldest: int) -> None:
        """Take slots back from series that have no pane any more and no samples."""
        series = np.flatnonzero(self._slots >= 0)
        gone = self._panes[self._slots[series]].max(axis=1) < oldest
        gone &= ~self._tail.holding(series)
        for one in series[gone].tolist():
            slot = int(self._slots[one])
            self._slots[one] = -1
            self._panes[slot] = EMPTY
            self._free.append(slot)

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield blocks of closed panes, which never change once they are full, and the rings."""
        self._settle()
        yield from self._tail.chunks(known)
        if self._closed is None:
            return
        series = np.flatnonzero(self._slots >= 0)
        slots = self._slots[series]
        for block in range((self._closed - self._held) // BLOCK, self._closed // BLOCK + 1):
            version = min(self._closed, block * BLOCK + BLOCK - 1) + (1 << 62)
            name = f"{self._name}/{block}"
            if known.get(name) == version:
                yield Chunk(name, version, b"")
            elif payload := self._block(block, series, slots):
                yield Chunk(name, version, payload)
        head = {"closed": self._closed, "function": self._function, "pane_ms": self._pane_ms}
        yield Chunk(f"{self._name}/head", self._closed + (1 << 62), pack(head, {}))

    def _block(self, block: int, series: Ints, slots: Ints) -> bytes:
        """Return the cells of a block of panes; nothing where there are none."""
        rows, numbers, cells = [], [], []
        for pane in range(block * BLOCK, block * BLOCK + BLOCK):
            at = pane % self._held
            there = self._panes[slots, at] == pane
            rows.append(series[there])
            numbers.append(np.full(int(there.sum()), pane, np.int64))
            cells.append(self._cells[slots[there], at])
        if not sum(part.size for part in rows):
            return b""
        arrays = {
            "series": np.concatenate(rows),
            "panes": np.concatenate(numbers),
            "cells": np.concatenate(cells),
        }
        return pack({"function": self._function, "pane_ms": self._pane_ms}, arrays)

    def restore(self, name: str, payload: bytes) -> None:
        """Take a chunk back into a new store, in any order. Raises SnapshotError."""
        self._waiting = True
        if name.startswith(f"{self._name}/tail/"):
            self._tail.restore(name, payload)
            return
        meta, arrays = unpack(payload)
        try:
            if (meta["function"], meta["pane_ms"]) != (self._function, self._pane_ms):
                raise ValueError(f"of {meta['function']} by {meta['pane_ms']} ms")
            if name == f"{self._name}/head":
                self._closed = int(meta["closed"])
            else:
                self._restore(arrays)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SnapshotError(f"{name} is no chunk of {self._name}: {error!r}") from error

    def _settle(self) -> None:
        """Give slots to series of which a checkpoint had samples and no closed pane."""
        if not self._waiting:
            return
        self._waiting = False
        series = np.arange(self._tail.arrays()[0].size)
        series = series[self._tail.holding(series)]
        if series.size:
            self._place(series)

    def _restore(self, arrays: Mapping[str, Array]) -> None:
        series, panes, cells = arrays["series"], arrays["panes"], arrays["cells"]
        if not series.size == panes.size == cells.shape[0]:
            raise ValueError("columns of different lengths")
        self._place(series)
        slots = self._slots[series]
        there = slots >= 0
        at = panes[there] % self._held
        # A block may bring panes that its place in the ring of panes has left behind.
        newer = panes[there] > self._panes[slots[there], at]
        self._panes[slots[there][newer], at[newer]] = panes[there][newer]
        self._cells[slots[there][newer], at[newer]] = cells[there][newer]
