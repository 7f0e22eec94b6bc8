"""Kernels of aggregations: rows folded into groups, step by step.

Shapes everywhere: groups i64[n]; values f64[n, t]; mask bool[n, t]; results [size, t].
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]


@jit
def two_sum(high: float, low: float, value: float) -> tuple[float, float]:
    """Add a value to a double-double (Knuth's TwoSum, renormalised)."""
    total = high + value
    if not np.isfinite(total):
        return total, 0.0
    part = total - high
    low += (high - (total - part)) + (value - part)
    result = total + low
    return result, low - (result - total)


@jit
def counts(groups: Array, mask: Array, size: int) -> Array:
    """Count rows: f64[size, t]."""
    out = np.zeros((size, mask.shape[1]))
    for row in range(groups.size):
        group = groups[row]
        for step in range(mask.shape[1]):
            if mask[row, step]:
                out[group, step] += 1.0
    return out


@jit
def summed(
    groups: Array, values: Array, mask: Array, size: int, scale: float
) -> tuple[Array, Array, Array]:
    """Add values, times a power of two, as double-doubles, and count them: high, low, number."""
    steps = mask.shape[1]
    high = np.zeros((size, steps))
    low = np.zeros((size, steps))
    number = np.zeros((size, steps))
    for row in range(groups.size):
        group = groups[row]
        for step in range(steps):
            if mask[row, step]:
                high[group, step], low[group, step] = two_sum(
                    high[group, step], low[group, step], values[row, step] * scale
                )
                number[group, step] += 1.0
    return high, low, number


@jit
def merged(groups: Array, high: Array, low: Array, mask: Array, size: int) -> tuple[Array, Array]:
    """Add double-doubles: the same bits in any order of rows."""
    steps = mask.shape[1]
    out_high = np.zeros((size, steps))
    out_low = np.zeros((size, steps))
    for row in range(groups.size):
        group = groups[row]
        for step in range(steps):
            if mask[row, step]:
                upper, lower = out_high[group, step], out_low[group, step]
                upper, lower = two_sum(upper, lower, high[row, step])
                if low[row, step] != 0.0:
                    upper, lower = two_sum(upper, lower, low[row, step])
                out_high[group, step] = upper
                out_low[group, step] = lower
    return out_high, out_low


@jit
def presence(groups: Array, mask: Array, size: int) -> Array:
    """Say which groups have a row: bool[size, t]."""
    out = np.zeros((size, mask.shape[1]), np.bool_)
    for row in range(groups.size):
        for step in range(mask.shape[1]):
            if mask[row, step]:
                out[groups[row], step] = True
    return out


@jit
def extremes(
    groups: Array, values: Array, mask: Array, size: int, sign: float
) -> tuple[Array, Array]:
    """Return the greatest (sign 1) or least (-1) value, NaN where there is no number; present."""
    steps = mask.shape[1]
    out = np.full((size, steps), np.nan)
    present = np.zeros((size, steps), np.bool_)
    for row in range(groups.size):
        group = groups[row]
        for step in range(steps):
            if mask[row, step]:
                present[group, step] = True
                have = out[group, step]
                value = values[row, step]
                if np.isnan(have) or sign * value > sign * have:
                    out[group, step] = value
    return out, present


@jit
def spreads(groups: Array, values: Array, mask: Array, means: Array, size: int) -> Array:
    """Return the sums of squared distances from the means."""
    steps = mask.shape[1]
    high = np.zeros((size, steps))
    low = np.zeros((size, steps))
    for row in range(groups.size):
        group = groups[row]
        for step in range(steps):
            if mask[row, step]:
                distance = values[row, step] - means[group, step]
                high[group, step], low[group, step] = two_sum(
                    high[group, step], low[group, step], distance * distance
                )
    return high + low


@jit
def quantile_of(values: Array, size: int, wanted: float) -> Any:
    """Return a quantile of values[:size], which are sorted in place, NaN before all."""
    if size == 0 or np.isnan(wanted):
        return np.nan
    if wanted < 0:
        return -np.inf
    if wanted > 1:
        return np.inf
    held = np.sort(values[:size])
    nans = 0
    for at in range(size):
        if np.isnan(held[at]):
            nans += 1
    rank = wanted * (size - 1)
    lower = max(0, int(np.floor(rank)))
    upper = min(size - 1, lower + 1)
    weight = rank - np.floor(rank)
    # np.sort puts NaN last; Prometheus sorts it first.
    first = np.nan if lower < nans else held[lower - nans]
    second = np.nan if upper < nans else held[upper - nans]
    return first * (1 - weight) + second * weight


@jit
def quantiles(order: Array, starts: Array, values: Array, mask: Array, wanted: Array) -> Array:
    """Return quantiles by group; rows of group g are order[starts[g]:starts[g + 1]]."""
    size = starts.size - 1
    steps = mask.shape[1]
    out = np.zeros((size, steps))
    most = 0
    for group in range(size):
        most = max(most, starts[group + 1] - starts[group])
    held = np.zeros(most)
    for group in range(size):
        for step in range(steps):
            have = 0
            for at in range(starts[group], starts[group + 1]):
                if mask[order[at], step]:
                    held[have] = values[order[at], step]
                    have += 1
            out[group, step] = quantile_of(held, have, wanted[step])
    return out


@jit
def ranked(
    order: Array, starts: Array, values: Array, mask: Array, wanted: Array, sign: float
) -> Array:
    """Return which rows are among the `wanted[t]` greatest (sign 1) or least (-1) of a group.

    NaN ranks behind every number; of equals the row that came first is kept.
    """
    steps = mask.shape[1]
    kept = np.zeros(mask.shape, np.bool_)
    most = 0
    for group in range(starts.size - 1):
        most = max(most, starts[group + 1] - starts[group])
    rows = np.zeros(most, np.int64)
    keys = np.zeros(most)
    for group in range(starts.size - 1):
        for step in range(steps):
            have = 0
            for at in range(starts[group], starts[group + 1]):
                row = order[at]
                if mask[row, step]:
                    rows[have] = row
                    keys[have] = -sign * values[row, step]  # NaN sorts last
                    have += 1
            limit = wanted[step]
            if have <= limit:
                for at in range(have):
                    kept[rows[at], step] = True
            elif limit >= 1:
                first = np.argsort(keys[:have], kind="mergesort")
                for at in range(limit):
                    kept[rows[first[at]], step] = True
    return kept
