"""Partials of range functions: samples folded into cells, cells merged, results of cells.

A partial is a row of numbers whose meaning is its kind's. Folding takes samples in order of time,
merging takes partials of windows that follow each other. All are as stable as the functions over
samples are: compensated sums, and moments about the mean (Chan, Golub, LeVeque, 1983).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit
from engine.window.range_functions import (
    AVG,
    CHANGES,
    COUNT,
    DELTA,
    DERIV,
    FIRST,
    IDELTA,
    IRATE,
    LAST,
    MAX,
    MIN,
    PREDICT,
    PRESENT,
    RATE,
    RESETS,
    STDDEV,
    STDVAR,
    after,
    kahan_add,
    whole,
)
from engine.window.ring_kernels import STALE_BITS

Array = npt.NDArray[Any]

SUMS, EDGES, MOMENTS, LINE, PAIR = range(5)
WIDTHS: Final = (3, 7, 3, 7, 5)
"""Numbers in a partial of each kind. The first is always how many samples it has.

SUMS     n, sum, what it lost; least, greatest, first and last value are kept as a "sum" too
EDGES    n, first, last, first_ms, last_ms, sum of the values before resets (or count), what it lost
MOMENTS  n, mean, sum of squares about it
LINE     n, mean of x, mean of y, sum of dx dy, sum of dx dx, first y, 1 where every y is the first
PAIR     n, last, last_ms, last but one, its ms
"""

SCALE: Final = 2.0**-40
"""Of the sums of averages: they cannot overflow, and a power of two costs no bits."""


def kind_of(code: int) -> int:
    """Return the kind of partial that a function is made of."""
    if code <= DELTA or code in (CHANGES, RESETS):
        return EDGES
    if code in (STDDEV, STDVAR):
        return MOMENTS
    if code in (IRATE, IDELTA):
        return PAIR
    return LINE if code in (DERIV, PREDICT) else SUMS


@jit
def single(code: int, kind: int, value: float, time_ms: float, x: float, into: Array) -> None:
    """Make a partial of one sample. x: its time in seconds over the partial's origin."""
    into[:] = 0.0
    into[0] = 1.0
    if kind == EDGES:
        into[1] = into[2] = value
        into[3] = into[4] = time_ms
    elif kind == LINE:
        into[1] = x
        into[2] = into[5] = value
        into[6] = 1.0
    elif kind == PAIR:
        into[1] = value
        into[2] = time_ms
    elif code == AVG:
        into[1] = value * SCALE
    else:
        into[1] = value


@jit
def merge_sums(code: int, a: Array, b: Array) -> None:
    """Merge b, which is later, into a."""
    if code in (MIN, MAX):
        if np.isnan(a[1]) or (b[1] < a[1] if code == MIN else b[1] > a[1]):
            a[1] = b[1]
    elif code == LAST:
        a[1] = b[1]
    elif code != COUNT and code != PRESENT and code != FIRST:
        a[1], a[2] = kahan_add(b[1], a[1], a[2])
        a[2] += b[2]


@jit
def merge_edges(code: int, a: Array, b: Array) -> None:
    """Merge b, which is later, into a."""
    before = a[2]
    now = b[1]
    if code == CHANGES:
        a[5] += now != before and not (np.isnan(now) and np.isnan(before))
        a[5] += b[5]
    elif code == RESETS:
        a[5] += now < before
        a[5] += b[5]
    elif code != DELTA:
        if now < before:
            a[5], a[6] = kahan_add(before, a[5], a[6])
        a[5], a[6] = kahan_add(b[5], a[5], a[6])
        a[6] += b[6]
    a[2] = b[2]
    a[4] = b[4]


@jit
def merge_line(a: Array, b: Array, moved: float) -> None:
    """Merge b, whose origin is `moved` seconds after that of a."""
    n = a[0] + b[0]
    dx = b[1] + moved - a[1]
    dy = b[2] - a[2]
    share = a[0] * b[0] / n
    a[1] += dx * b[0] / n
    a[2] += dy * b[0] / n
    a[3] += b[3] + dx * dy * share
    a[4] += b[4] + dx * dx * share
    if b[6] == 0.0 or b[5] != a[5]:
        a[6] = 0.0


@jit
def merge(code: int, kind: int, a: Array, b: Array, moved: float) -> None:
    """Merge partial b into a, which may be empty; b is later, its origin by `moved` seconds."""
    if a[0] == 0.0:
        a[:] = b
        if kind == LINE:
            a[1] += moved
        return
    if kind == SUMS:
        merge_sums(code, a, b)
    elif kind == EDGES:
        merge_edges(code, a, b)
    elif kind == LINE:
        merge_line(a, b, moved)
    elif kind == PAIR:
        many = b[0] > 1.0
        a[3] = b[3] if many else a[1]
        a[4] = b[4] if many else a[2]
        a[1] = b[1]
        a[2] = b[2]
    else:
        n = a[0] + b[0]
        delta = b[1] - a[1]
        a[2] += b[2] + delta * delta * (a[0] * b[0] / n)
        a[1] += delta * b[0] / n
    a[0] += b[0]


@jit
def fold_ring(
    ring: Any, times: Array, bits: Array, values: Array, code: int, kind: int, left_ms: int,
    right_ms: int, origin_ms: int, into: Array, one: Array,
) -> None:  # fmt: skip
    """Fold a ring's samples in (left, right] into a partial; markers are no samples."""
    lo = ring.offset + ring.start
    hi = lo + ring.count
    lo = after(times, lo, hi, left_ms - ring.base_ms)
    hi = after(times, lo, hi, right_ms - ring.base_ms)
    for at in range(lo, hi):
        if bits[at] == STALE_BITS:
            continue
        time_ms = ring.base_ms + whole(times[at])
        single(code, kind, values[at], float(time_ms), (time_ms - origin_ms) / 1000.0, one)
        merge(code, kind, into, one, 0.0)


@jit
def close_panes(
    rings: Array, times: Array, bits: Array, values: Array, code: int, kind: int, slots: Array,
    cells: Array, panes: Array, pane_ms: int, first: int, last: int,
) -> None:  # fmt: skip
    """Fold rings into the cells of panes first..last. slots i64[series], cells [slot, pane, k]."""
    one = np.empty(cells.shape[2])
    for s in range(min(slots.size, rings.size)):
        slot = slots[s]
        if slot < 0 or rings[s].count == 0:
            continue
        ring = rings[s]
        lo = ring.offset + ring.start
        oldest = ring.base_ms + whole(times[lo])
        newest = ring.base_ms + whole(times[lo + ring.count - 1])
        # Panes are (end - width, end]: the number is the end by the width, rounded up.
        begin = max(first, -(-oldest // pane_ms))
        for pane in range(begin, min(last, -(-newest // pane_ms)) + 1):
            at = pane % cells.shape[1]
            cells[slot, at, :] = 0.0
            panes[slot, at] = pane
            end = pane * pane_ms
            fold_ring(
                ring, times, bits, values, code, kind, end - pane_ms, end, end,
                cells[slot, at], one,
            )  # fmt: skip


@jit
def result_of(code: int, a: Array, left: int, right: int, parameter: float) -> tuple[bool, float]:
    """Return whether a function has a result, and it, of a window's partial (origin: right)."""
    if a[0] == 0.0 or (a[0] < 2.0 and code <= PREDICT):
        return False, 0.0
    if code <= DELTA:
        return True, extrapolate(code, a, left, right)
    if code <= IDELTA:
        change = a[1] if code == IRATE and a[1] < a[3] else a[1] - a[3]
        return True, change / ((a[2] - a[4]) / 1000.0) if code == IRATE else change
    if code in (CHANGES, RESETS):
        return True, a[5]
    if code in (DERIV, PREDICT):
        slope = 0.0
        now = a[5]
        if a[6] == 0.0:
            slope = a[3] / a[4]
            now = a[2] - slope * a[1]
        if not np.isfinite(a[2]):
            slope = now = np.nan  # as sums of infinities are
        return True, slope if code == DERIV else slope * parameter + now
    if code == COUNT:
        return True, a[0]
    if code == PRESENT:
        return True, 1.0
    if code == AVG:
        return True, (a[1] / a[0] + a[2] / a[0]) / SCALE
    if code in (STDDEV, STDVAR):
        spread = a[2] / a[0] if np.isfinite(a[1]) else np.nan
        return True, np.sqrt(spread) if code == STDDEV else spread
    return True, a[1] if np.isinf(a[1]) else a[1] + a[2]


@jit
def extrapolate(code: int, a: Array, left: int, right: int) -> Any:
    """Rate, increase or delta of a partial, as range_functions.extrapolated of its samples."""
    result = a[2] - a[1]
    if code != DELTA:
        result += a[5] + a[6]
    to_start = (a[3] - left) / 1000.0
    to_end = (right - a[4]) / 1000.0
    sampled = (a[4] - a[3]) / 1000.0
    between = sampled / (a[0] - 1.0)
    if to_start >= between * 1.1:
        to_start = between / 2
    if code != DELTA and result > 0 and a[1] >= 0:
        to_start = min(sampled * (a[1] / result), to_start)
    if to_end >= between * 1.1:
        to_end = between / 2
    factor = (sampled + to_start + to_end) / sampled
    if code == RATE:
        factor /= (right - left) / 1000.0
    return result * factor


@jit
def over_panes(
    rings: Array, times: Array, bits: Array, values: Array, code: int, kind: int, slots: Array,
    cells: Array, panes: Array, pane_ms: int, closed: int, series: Array, ends: Array,
    range_ms: int, parameter: Array, out: Array, found: Array,
) -> None:  # fmt: skip
    """Fill out and found [m, t]: panes up to number `closed`, then samples of the rings."""
    whole_window = np.zeros(cells.shape[2])
    one = np.empty(cells.shape[2])
    for i in range(series.size):
        s = series[i]
        if s < 0 or s >= slots.size or slots[s] < 0:
            continue
        slot = slots[s]
        for j in range(ends.size):
            right = ends[j]
            left = right - range_ms
            whole_window[:] = 0.0
            # The edge of panes that is nearest to the window's left one: that one where exact.
            first = (left + pane_ms // 2) // pane_ms + 1
            for pane in range(first, min(closed, right // pane_ms) + 1):
                at = pane % cells.shape[1]
                if panes[slot, at] == pane and cells[slot, at, 0] > 0.0:
                    moved = (pane * pane_ms - right) / 1000.0
                    merge(code, kind, whole_window, cells[slot, at], moved)
            begin = max(closed * pane_ms, left)
            if s < rings.size and rings[s].count:
                fold_ring(
                    rings[s], times, bits, values, code, kind, begin, right, right,
                    whole_window, one,
                )  # fmt: skip
            ok, value = result_of(code, whole_window, left, right, parameter[j])
            if ok:
                out[i, j] = value
                found[i, j] = True
