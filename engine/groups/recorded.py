"""What recording rules and alerts of a component wrote: series of its own, in rings of its own.

A series is kept only where something reads it: `use()` says which selectors, and how far back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from engine import metrics
from engine.errors import SnapshotError
from engine.groups.long_windows import LongWindows
from engine.groups.ring_source import RingSource
from engine.groups.series_index import SeriesIndex, fixed_name
from engine.limits import Limits
from engine.owner import Chunk
from engine.series import METRIC_NAME, Selector, selects
from engine.vector import Floats, LabelSet
from engine.window import RingStore

UNREAD: Final = -1
"""The number of a series that nothing reads: samples of it go nowhere."""
STALE: Final = np.array([0x7FF0000000000002], np.uint64).view(np.float64)
"""The staleness marker, f64[1]: a NaN that is known by its bits."""
_PREFIX: Final = "recorded/"

Series = npt.NDArray[np.int64]


class Recorded:
    """Recorded series of one component: numbers by label set, an index, rings, a source.

    `source` is the vector.Source over them: an owner's source adds its rows to what the shards
    sent. It forgets what it computed whenever samples come, so that a later rule of the same tick
    reads what an earlier one recorded.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.numbers: dict[LabelSet, int] = {}
        self.index = SeriesIndex()
        self.rings = RingStore(limits, f"{_PREFIX}ring")
        self.longs = LongWindows(limits, f"{_PREFIX}long")
        self.source = RingSource(self.index, self.rings, longs=self.longs)
        self._named: dict[str, list[tuple[Selector, int]]] = {}
        self._unnamed: list[tuple[Selector, int]] = []

    def use(self, reads: Sequence[tuple[Selector, int]]) -> None:
        """Keep what these (selector, need_ms) read, and no other new series, from here on.

        need_ms: how far before a tick a reader reaches (look-back or range, offset, query offset,
        interval), as RingStore.need takes it. Numbers that series() gave before may now be
        another: UNREAD ones are asked for anew.
        """
        self._named, self._unnamed = {}, []
        for selector, need_ms in reads:
            name = fixed_name(selector)
            place = self._unnamed if name is None else self._named.setdefault(name, [])
            place.append((selector, need_ms))
        self.index.retain({selector for selector, _ in reads})
        for labels, number in self.numbers.items():
            self._need(number, labels)

    def read(self, name: str) -> bool:
        """Say whether any selector may match a series of that name."""
        if name in self._named:
            return True
        alone = {METRIC_NAME: name}
        return any(
            all(m.name != METRIC_NAME or m.matches(alone) for m in selector)
            for selector, _ in self._unnamed
        )

    def series(self, labels: LabelSet) -> int:
        """Return the number of a series, UNREAD where nothing reads it (or at series_max)."""
        number = self.numbers.get(labels)
        if number is not None:
            return number
        if self._need_ms(labels) is None:
            return UNREAD
        if len(self.numbers) >= self.limits.series_max:
            metrics.dropped("series_limit")
            return UNREAD
        number = self.numbers[labels] = len(self.numbers)
        self.index.add(number, labels)
        self._need(number, labels)
        self.source.forget()
        return number

    def append(self, series: Series, at_ms: int, values: Floats) -> None:
        """Add a sample at `at_ms` to each series. Shapes: series i64[n], values f64[n]."""
        self.add(series, np.full(series.size, at_ms, np.int64), values)

    def add(self, series: Series, times: Series, values: Floats) -> None:
        """Add samples of any times. Shapes: series i64[n], UNREAD ones too; times; values."""
        self.rings.append(series, times, values)
        if self.longs:
            self.longs.append("", self.index, series, times, values)
        self.source.forget()

    def end(self, series: Series, at_ms: int) -> None:
        """Mark series i64[n] stale at `at_ms`; a sample of the same time wins."""
        self.append(series, at_ms, np.repeat(STALE, series.size))

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield the chunks of series and rings, all named `recorded/…`."""
        if not self.numbers:
            return
        yield Chunk(
            f"{_PREFIX}series", len(self.numbers),
            b"" if known.get(f"{_PREFIX}series") == len(self.numbers)
            else msgspec.json.encode(list(self.numbers)),
        )  # fmt: skip
        yield from self.rings.chunks(known)
        yield from self.longs.chunks(known)

    def restore(self, name: str, payload: bytes) -> None:
        """Take back a chunk that chunks() named so, in any order of chunks."""
        if name.startswith(f"{_PREFIX}long/"):
            self.longs.restore(name, payload)
            return
        if name != f"{_PREFIX}series":
            self.rings.restore(name, payload)
            return
        try:
            sets: list[LabelSet] = msgspec.json.decode(payload, type=list[LabelSet])
        except msgspec.MsgspecError as error:
            raise SnapshotError(f"{name} cannot be read: {error}") from error
        # Their needs are in the rings' own chunks, which take effect when all have come.
        for number, labels in enumerate(sets):
            self.numbers[labels] = number
            self.index.add(number, labels)
        self.source.forget()

    def _readers(self, labels: LabelSet) -> Iterable[int]:
        have = dict(labels)
        for selector, need_ms in (*self._named.get(have.get(METRIC_NAME, ""), ()), *self._unnamed):
            if selects(selector, have):
                yield need_ms

    def _need_ms(self, labels: LabelSet) -> int | None:
        return max(self._readers(labels), default=None)

    def _need(self, number: int, labels: LabelSet) -> None:
        need_ms = self._need_ms(labels)
        if need_ms is not None:
            self.rings.need(np.array([number], np.int64), need_ms)


class Written:
    """The series that one rule wrote at its last evaluation: what is gone from them is stale."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.series: Series = np.empty(0, np.int64)  # each once, without UNREAD

    def write(self, series: Series, at_ms: int, values: Floats) -> None:
        """Append the results of an evaluation and end what is not among them any more."""
        read = series >= 0
        if not read.all():
            series, values = series[read], values[read]
        if series.size:
            self.recorded.append(series, at_ms, values)
        if series.size == self.series.size and np.array_equal(series, self.series):
            return
        gone = np.setdiff1d(self.series, series)
        if gone.size:
            self.recorded.end(gone, at_ms)
        self.series = series
