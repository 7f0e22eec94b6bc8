"""Leaves of many rules at a tick: every selector and range function in a few kernel calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.groups.ring_source import RingSource
from engine.groups.series_index import SeriesIndex
from engine.series import Selector
from engine.vector import Floats, Mask, Times
from engine.window import RANGE_FUNCTIONS

Ints = npt.NDArray[np.int64]

NEWEST: Final = ""
"""The function of a leaf that is an instant selector."""


class Leaf(NamedTuple):
    """Series of a selector, and what is read of them at a tick less `shift_ms`."""

    function: str
    selector: Selector
    range_ms: int
    shift_ms: int


@dataclass(frozen=True, slots=True)
class _Call:
    """Jobs of one time: rows of the columns, in the order of series."""

    newest: bool
    shift_ms: int
    rows: Ints
    series: Ints
    codes: Ints
    ranges_ms: Ints


class LeafColumns:
    """Columns over the rows of all leaves: those of leaf l are starts[l]..starts[l + 1]."""

    def __init__(self, leaves: Sequence[Leaf], source: RingSource) -> None:
        self.leaves, self.source = leaves, source
        self.starts: Ints = np.zeros(len(leaves) + 1, np.int64)
        self._calls: list[_Call] = []
        self._version = -1

    @property
    def index(self) -> SeriesIndex:
        """Where the series of the leaves are found."""
        return self.source.index

    def at(self, at_ms: int) -> tuple[Floats, Mask]:
        """Return what the leaves are at a tick: values f64[rows], mask bool[rows]."""
        if self.index.version != self._version:
            self._lay()
        size = int(self.starts[-1])
        values, mask = np.zeros(size), np.zeros(size, np.bool_)
        rings = self.source.rings
        for call in self._calls:
            when_ms = at_ms - call.shift_ms
            if call.newest:
                times: Times = np.array([when_ms], np.int64)
                found, there, _ = rings.instant(call.series, times, self.source.lookback_ms)
                found, there = found[:, 0], there[:, 0]
            else:
                found, there = rings.over_jobs(call.codes, call.series, call.ranges_ms, when_ms)
            values[call.rows], mask[call.rows] = found, there
        return values, mask

    def _lay(self) -> None:
        """Lay out the rows anew: series have come."""
        members = [self.index.find(leaf.selector).series.view() for leaf in self.leaves]
        self._version = self.index.version  # a selector that was first asked here counted, too
        sizes = np.array([member.size for member in members], np.int64)
        self.starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        series = np.concatenate([np.empty(0, np.int64), *members])
        of = np.repeat(np.arange(len(self.leaves)), sizes)
        codes = np.array([RANGE_FUNCTIONS.get(leaf.function, -1) for leaf in self.leaves], np.int64)
        ranges_ms = np.array([leaf.range_ms for leaf in self.leaves], np.int64)
        shifts_ms = np.array([leaf.shift_ms for leaf in self.leaves], np.int64)
        self._calls = []
        for newest in (True, False):
            for shift_ms in np.unique(shifts_ms[(codes < 0) == newest]).tolist():
                mine = ((codes < 0) == newest) & (shifts_ms == shift_ms)
                rows = np.flatnonzero(mine[of])
                rows = rows[np.argsort(series[rows], kind="stable")]  # rings are read in order
                at = of[rows]
                self._calls.append(
                    _Call(newest, shift_ms, rows, series[rows], codes[at], ranges_ms[at])
                )
