"""Rings: the last samples of every series that a Prometheus rule reads."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from engine import metrics
from engine.limits import Limits
from engine.owner import Chunk
from engine.window import ring_kernels as kernels
from engine.window import ring_windows as windows
from engine.window.range_functions import (
    RANGE_FUNCTIONS,
    Array,
    Floats,
    Ints,
    Mask,
    contiguous,
    parameter_of,
)
from engine.window.segments import PARTITION, Segments

FIRST_ROWS: Final = 4_096  # of an arena


class RingStore:
    """Samples by series; series are small ints of the caller's table.

    A series has a ring once somebody needs it. A ring holds what is younger than its newest sample
    less its need; where the owner says which ticks have passed (`tick_passed`), what is younger
    than the last of them less its need, however far ahead of it samples are. Nothing else is seen,
    so what is read depends on the samples alone, not on blocks, batches or restarts.
    Memory: 12 bytes a sample and 48 a series; blocks have room for a few more than they hold.
    """

    def __init__(self, limits: Limits, name: str = "ring") -> None:
        self._rings: Array = np.zeros(0, kernels.RING)
        self._times: Array = np.empty(FIRST_ROWS, np.uint32)
        self._bits: Array = np.empty(FIRST_ROWS, np.int64)
        self._values: Array = self._bits.view(np.float64)
        self._free: Array = np.full(kernels.SIZES.size, -1, np.int64)
        self._state: Array = np.zeros(kernels.STATE_SIZE, np.int64)
        self._state[kernels.PASSED] = kernels.FOREVER_MS
        self._state[kernels.ROWS_MAX] = limits.ring_rows_max
        self._segments = Segments(name)
        self._to_sweep = 0

    @property
    def rows(self) -> int:
        """Samples that there is memory for: what `limits.ring_rows_max` bounds."""
        return int(self._state[kernels.TOP])

    @property
    def _passed_ms(self) -> int:
        return int(self._state[kernels.PASSED])

    def need(self, series: Ints, need_ms: Ints | int) -> None:
        """Raise the retention of series. Shapes: series i64[k], need_ms i64[k] or one for all.

        A sample is kept while newest - need < its time, so a window of `need_ms` that ends at the
        newest sample is whole. Capped at 24 days; longer is LongStore's.
        """
        self._settle()
        ids = contiguous(series, np.int64)
        if not ids.size or ids.max() < 0:
            return
        self._grow_table(int(ids.max()) + 1)
        needs = contiguous(np.broadcast_to(np.asarray(need_ms, np.int64), ids.shape), np.int64)
        if kernels.raise_needs(self._rings, self._times, self._state, ids, needs):
            self._segments.needs_changed(ids[ids >= 0])

    def append(self, series: Ints, times: Ints, values: Floats) -> None:
        """Append samples, in any order. Shapes: series i64[n], times i64[n], values f64[n].

        Series without a need are passed over (-1 too). Value bits are kept. Of equal times the
        greater value wins, and any value beats a staleness marker. What no window can reach any
        more is dropped and counted as `late`; above `ring_rows_max` a ring loses its oldest
        samples, counted as `ring_rows`.
        Cost: one kernel call; no per-sample Python.
        """
        self._settle()
        self._append(
            contiguous(series, np.int64),
            contiguous(times, np.int64),
            contiguous(values, np.float64),
        )
        metrics.dropped("late", int(self._state[kernels.LATE]))
        metrics.dropped("ring_rows", int(self._state[kernels.CROWDED]))
        self._state[kernels.LATE] = self._state[kernels.CROWDED] = 0

    def _append(self, series: Array, times: Array, values: Array) -> None:
        assert series.size == times.size == values.size, (series.size, times.size, values.size)
        done = 0
        while True:
            done = kernels.append_rows(
                self._rings, self._times, self._bits, self._values, self._free, self._state,
                kernels.SIZES, series, times, values.view(np.int64), values, done,
            )  # fmt: skip
            if done == series.size:
                return
            self._grow_arena()

    def _grow_arena(self) -> None:
        """Double the arena. Pages that nothing was written to are not resident."""
        used, size = int(self._state[kernels.TOP]), self._times.size * 2
        times, bits = np.empty(size, np.uint32), np.empty(size, np.int64)
        times[:used] = self._times[:used]
        bits[:used] = self._bits[:used]
        self._times, self._bits, self._values = times, bits, bits.view(np.float64)

    def _grow_table(self, size: int) -> None:
        if size <= self._rings.size:
            return
        rings = np.zeros(max(size, self._rings.size * 5 // 4, 64), kernels.RING)
        rings[: self._rings.size] = self._rings
        self._rings = rings

    def tick_passed(self, at_ms: int) -> None:
        """Say that no tick at or before a time will come: what only they could read may go."""
        self._settle()
        held = self._passed_ms
        if held != kernels.FOREVER_MS and at_ms <= held:
            return
        if held == kernels.FOREVER_MS and self._rings.size:
            kernels.cut_all(self._rings, self._times, self._state)
            self._segments.needs_changed(np.flatnonzero(self._rings["need_ms"]))
        self._state[kernels.PASSED] = at_ms
        if self._rings.size:
            first = self._to_sweep % self._rings.size
            part = self._rings[first : first + PARTITION]
            kernels.sweep(part, self._times, self._bits, self._free, self._state, kernels.SIZES)
            self._to_sweep = first + PARTITION if first + PARTITION < self._rings.size else 0

    def instant(self, series: Ints, times: Ints, lookback_ms: int) -> tuple[Floats, Mask, Ints]:
        """Return the newest samples in (t - lookback, t], their presence and their times.

        Shapes: series i64[m], times i64[t]; values f64[m, t], mask bool[m, t], sample_ms i64[m, t].
        A staleness marker hides what was before it.
        """
        self._settle()
        ids, ends = contiguous(series, np.int64), contiguous(times, np.int64)
        values = np.zeros((ids.size, ends.size))
        mask = np.zeros(values.shape, np.bool_)
        sample_ms = np.zeros(values.shape, np.int64)
        windows.newest_at(
            self._rings, self._times, self._bits, self._values, self._passed_ms, ids,
            ends, int(lookback_ms), values, mask, sample_ms,
        )  # fmt: skip
        return values, mask, sample_ms

    def over(
        self,
        function: str,
        series: Ints,
        times: Ints,
        range_ms: int,
        parameters: tuple[Floats, ...] = (),
    ) -> tuple[Floats, Mask]:
        """Return a range function over (t - range, t]; staleness markers are no samples.

        Shapes: series i64[m], times i64[t], parameters f64[t] each; values f64[m, t], mask.
        predict_linear counts its seconds from t: where an offset or @ moved t, add what it was
        moved by to the parameter.
        """
        self._settle()
        ids, ends = contiguous(series, np.int64), contiguous(times, np.int64)
        values = np.zeros((ids.size, ends.size))
        mask = np.zeros(values.shape, np.bool_)
        windows.over_rings(
            self._rings, self._times, self._bits, self._values, self._passed_ms,
            RANGE_FUNCTIONS[function], ids, ends, int(range_ms),
            parameter_of(function, parameters, ends.size), values, mask,
        )  # fmt: skip
        return values, mask

    def over_jobs(
        self, functions: Ints, series: Ints, range_ms: Ints, at_ms: int
    ) -> tuple[Floats, Mask]:
        """Return functions over windows that end at one time: all leaves of a tick in one call.

        Shapes: functions i64[j] (RANGE_FUNCTIONS' codes, none that takes a parameter), series
        i64[j], range_ms i64[j]; values f64[j], mask bool[j]. Sorted by series it is twice as fast.
        """
        self._settle()
        codes, ids = contiguous(functions, np.int64), contiguous(series, np.int64)
        values, mask = np.zeros(ids.size), np.zeros(ids.size, np.bool_)
        windows.jobs_over_rings(
            self._rings, self._times, self._bits, self._values, self._passed_ms, codes, ids,
            contiguous(range_ms, np.int64), int(at_ms), values, mask,
        )  # fmt: skip
        return values, mask

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield the segments that a checkpoint consists of; what it has not yet, with payloads.

        Rows count as written once they were yielded: take all of it. Where `known` lacks a segment
        that is still read from, its partition is written anew.
        """
        self._settle()
        passed = self._passed_ms
        return self._segments.chunks(
            self, self._rings.size, None if passed == kernels.FOREVER_MS else passed, known
        )

    def restore(self, name: str, payload: bytes) -> None:
        """Take a chunk of a checkpoint back into a new store, in any order of chunks.

        Raises SnapshotError. They take effect together, at the next other call.
        """
        self._segments.restore(name, payload)

    def _settle(self) -> None:
        """Apply restored chunks, once all of them must have come: at the first use."""
        if not self._segments.waiting:
            return
        brought = self._segments.settled()
        for first, needs, cuts in brought.needs:
            self._grow_table(first + needs.size)
            self._rings["need_ms"][first : first + needs.size] = needs
            self._rings["cut_ms"][first : first + needs.size] = cuts
        if brought.passed_ms is not None:
            self._state[kernels.PASSED] = brought.passed_ms
        for series, times, bits in brought.rows:
            self._append(series, times, bits.view(np.float64))
        self._rings["fresh"] = 0
        self._state[kernels.LATE] = self._state[kernels.CROWDED] = 0

    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """Return rings, times, bits and values, as kernels take them, until the next append."""
        self._settle()
        return self._rings, self._times, self._bits, self._values

    def holding(self, series: Ints) -> Mask:
        """Say which series have samples."""
        self._settle()
        held = np.zeros(series.size, np.bool_)
        there = series < self._rings.size
        held[there] = self._rings["count"][series[there]] > 0
        return held

    def needs(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Return need_ms and cut_ms, i64, of series first..last-1."""
        part = self._rings[first:last]
        return np.ascontiguousarray(part["need_ms"]), np.ascontiguousarray(part["cut_ms"])

    def live(self, first: int, last: int) -> int:
        """Return how many samples series first..last-1 hold."""
        return int(self._rings["count"][first:last].sum(dtype=np.int64))

    def take(self, first: int, last: int, only_fresh: bool) -> tuple[Array, Array, Array]:
        """Return series, times and bits i64 of samples that no segment holds, or of all."""
        empty = np.empty(0, np.int64)
        size = kernels.rows_of(
            self._rings, self._times, self._bits, first, last, only_fresh, empty, empty, empty
        )
        series, times, bits = (np.empty(size, np.int64) for _ in range(3))
        if size:
            kernels.rows_of(
                self._rings, self._times, self._bits, first, last, only_fresh, series, times, bits
            )
        return series, times, bits
