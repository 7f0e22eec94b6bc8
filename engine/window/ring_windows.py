"""Kernels that read rings: the newest samples, and range functions in place."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels import jit
from engine.window.range_functions import after, of_window, whole
from engine.window.ring_kernels import FOREVER_MS, STALE_BITS, floor_of

Array = npt.NDArray[Any]


@jit
def newest_at(
    rings: Array, times: Array, bits: Array, values: Array, passed_ms: int, series: Array,
    ends: Array, lookback_ms: int, out: Array, found: Array, sample_ms: Array,
) -> None:  # fmt: skip
    """Fill out, found and sample_ms [m, t] with the newest samples in (t - lookback, t]."""
    for i in range(series.size):
        s = series[i]
        if s < 0 or s >= rings.size:
            continue
        ring = rings[s]
        lo = ring.offset + ring.start
        hi = lo + ring.count
        floor = floor_of(ring, times, passed_ms, -FOREVER_MS) - ring.base_ms
        for j in range(ends.size):
            right = ends[j] - ring.base_ms
            at = hi
            if at > lo and whole(times[at - 1]) > right:
                at = after(times, lo, hi, right)
            if at == lo or whole(times[at - 1]) <= max(right - lookback_ms, floor):
                continue
            if bits[at - 1] == STALE_BITS:
                continue
            out[i, j] = values[at - 1]
            sample_ms[i, j] = ring.base_ms + whole(times[at - 1])
            found[i, j] = True


@jit
def over_ring(
    ring: Any, times: Array, bits: Array, values: Array, floor_ms: int, code: int, end_ms: int,
    range_ms: int, parameter: float, own_times: Array, own_values: Array, scratch: Array,
) -> tuple[bool, float]:  # fmt: skip
    """Evaluate one function over one window of a ring; scratch arrays are as long as its run."""
    right = end_ms - ring.base_ms
    left = right - range_ms
    lo = ring.offset + ring.start
    hi = lo + ring.count
    if hi > lo and whole(times[hi - 1]) > right:
        hi = after(times, lo, hi, right)
    lo = after(times, lo, hi, max(left, floor_ms - ring.base_ms))
    if not ring.marked:
        return of_window(code, times, values, lo, hi, left, right, parameter, scratch)
    size = 0
    for at in range(lo, hi):
        if bits[at] != STALE_BITS:
            own_times[size] = times[at]
            own_values[size] = values[at]
            size += 1
    return of_window(code, own_times, own_values, 0, size, left, right, parameter, scratch)


@jit
def longest(rings: Array, series: Array) -> int:
    """Return how many samples the longest of some rings has."""
    most = 0
    for i in range(series.size):
        if 0 <= series[i] < rings.size:
            most = max(most, rings[series[i]].count)
    return most


@jit
def over_rings(
    rings: Array, times: Array, bits: Array, values: Array, passed_ms: int, code: int,
    series: Array, ends: Array, range_ms: int, parameter: Array, out: Array, found: Array,
) -> None:  # fmt: skip
    """Fill out and found [m, t] with one function over (t - range, t] of each series."""
    most = longest(rings, series)
    own_times = np.empty(most, np.uint32)
    own_values = np.empty(most)
    scratch = np.empty(most)
    for i in range(series.size):
        s = series[i]
        if s < 0 or s >= rings.size or rings[s].count == 0:
            continue
        floor = floor_of(rings[s], times, passed_ms, -FOREVER_MS)
        for j in range(ends.size):
            ok, value = over_ring(
                rings[s], times, bits, values, floor, code, ends[j], range_ms, parameter[j],
                own_times, own_values, scratch,
            )  # fmt: skip
            if ok:
                out[i, j] = value
                found[i, j] = True


@jit
def jobs_over_rings(
    rings: Array, times: Array, bits: Array, values: Array, passed_ms: int, codes: Array,
    series: Array, ranges: Array, end_ms: int, out: Array, found: Array,
) -> None:  # fmt: skip
    """Fill out and found [j] with functions over windows that end at one time, a job each."""
    most = longest(rings, series)
    own_times = np.empty(most, np.uint32)
    own_values = np.empty(most)
    scratch = np.empty(most)
    for i in range(series.size):
        s = series[i]
        if s < 0 or s >= rings.size or rings[s].count == 0:
            continue
        floor = floor_of(rings[s], times, passed_ms, -FOREVER_MS)
        ok, value = over_ring(
            rings[s], times, bits, values, floor, codes[i], end_ms, ranges[i], 0.0,
            own_times, own_values, scratch,
        )  # fmt: skip
        if ok:
            out[i] = value
            found[i] = True
