"""Kernels of classic histograms: quantiles and fractions of buckets, group by group.

Rows of histogram g are order[starts[g]:starts[g + 1]], by rising bound. Counts are cumulative.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]

_SMALL_DELTA: Final = 1e-12  # relative: less is what adding floats does, not a lost count
_NORMAL: Final = 2.2250738585072014e-308


@jit
def buckets_at(
    order: Array, start: int, end: int, bounds: Array, values: Array, mask: Array, step: int,
    upper: Array, count: Array,
) -> int:  # fmt: skip
    """Collect the buckets present at a step; equal bounds are one. Returns how many."""
    have = 0
    for at in range(start, end):
        row = order[at]
        if mask[row, step]:
            if have and upper[have - 1] == bounds[row]:
                count[have - 1] += values[row, step]
            else:
                upper[have] = bounds[row]
                count[have] = values[row, step]
                have += 1
    return have


@jit
def nearly_equal(a: float, b: float) -> bool:
    """Say whether two counts differ by no more than rounding."""
    total = abs(a) + abs(b)
    apart = abs(a - b)
    if a == 0 or b == 0 or total < _NORMAL:
        return apart < _SMALL_DELTA * _NORMAL
    return apart / min(total, 1.7976931348623157e308) < _SMALL_DELTA


@jit
def made_monotonic(upper: Array, count: Array, have: int, forced: Array) -> None:
    """Raise counts below their predecessor; forced (f64[4]): times, bounds from, to, most."""
    previous = count[0]
    raised = False
    for at in range(1, have):
        value = count[at]
        if value == previous:
            continue
        if nearly_equal(previous, value):
            count[at] = previous
        elif value < previous:
            count[at] = previous
            raised = True
            forced[1] = min(forced[1], upper[at])
            forced[2] = max(forced[2], upper[at])
            forced[3] = max(forced[3], previous - value)
        else:
            previous = value
    if raised:
        forced[0] += 1.0


@jit
def bucket_quantile(upper: Array, count: Array, have: int, wanted: float, forced: Array) -> Any:
    """Return a quantile, linear within its bucket."""
    if np.isnan(wanted):
        return np.nan
    if wanted < 0:
        return -np.inf
    if wanted > 1:
        return np.inf
    if upper[have - 1] != np.inf:
        return np.nan
    made_monotonic(upper, count, have, forced)
    if have < 2:
        return np.nan
    total = count[have - 1]
    if total == 0:
        return np.nan
    rank = wanted * total
    found = have - 1
    for at in range(have - 1):
        if count[at] >= rank:
            found = at
            break
    if found == have - 1:
        return upper[have - 2]
    if found == 0 and upper[0] <= 0:
        return upper[0]
    begin = 0.0
    within = count[found]
    if found > 0:
        begin = upper[found - 1]
        within -= count[found - 1]
        rank -= count[found - 1]
    return begin + (upper[found] - begin) * (rank / within)


@jit
def rank_of(upper: Array, count: Array, have: int, value: float) -> Any:
    """Return how many observations are below a value, linear within its bucket."""
    rank = 0.0
    begin = 0.0 if upper[0] > 0 else -np.inf
    for at in range(have):
        if at:
            begin = upper[at - 1]
        if begin >= value:
            return rank
        if upper[at] > value:
            if begin == -np.inf:
                return count[at]
            return rank + (count[at] - rank) * (value - begin) / (upper[at] - begin)
        rank = count[at]
    return count[have - 1]


@jit
def bucket_fraction(upper: Array, count: Array, have: int, low: float, high: float) -> Any:
    """Return the part of the observations between two values."""
    if upper[have - 1] != np.inf:
        return np.nan
    total = count[have - 1]
    if total == 0 or np.isnan(low) or np.isnan(high):
        return np.nan
    if low >= high:
        return 0.0
    below = min(rank_of(upper, count, have, low), total)
    return (min(rank_of(upper, count, have, high), total) - below) / total


@jit
def histogram_quantiles(
    order: Array, starts: Array, bounds: Array, values: Array, mask: Array, wanted: Array
) -> tuple[Array, Array, Array]:
    """Return f64[g, t], bool[g, t], and forced f64[g, t, 4] as made_monotonic fills it."""
    size, steps = starts.size - 1, mask.shape[1]
    out = np.zeros((size, steps))
    present = np.zeros((size, steps), np.bool_)
    forced = np.zeros((size, steps, 4))
    upper, count = np.zeros(order.size), np.zeros(order.size)
    for group in range(size):
        for step in range(steps):
            forced[group, step, 1] = np.inf
            forced[group, step, 2] = -np.inf
            have = buckets_at(
                order, starts[group], starts[group + 1], bounds, values, mask, step, upper, count
            )
            if have:
                present[group, step] = True
                out[group, step] = bucket_quantile(
                    upper, count, have, wanted[step], forced[group, step]
                )
    return out, present, forced


@jit
def histogram_fractions(
    order: Array, starts: Array, bounds: Array, values: Array, mask: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """Return f64[g, t] and bool[g, t]."""
    size, steps = starts.size - 1, mask.shape[1]
    out = np.zeros((size, steps))
    present = np.zeros((size, steps), np.bool_)
    upper, count = np.zeros(order.size), np.zeros(order.size)
    for group in range(size):
        for step in range(steps):
            have = buckets_at(
                order, starts[group], starts[group + 1], bounds, values, mask, step, upper, count
            )
            if have:
                present[group, step] = True
                out[group, step] = bucket_fraction(upper, count, have, low[step], high[step])
    return out, present
