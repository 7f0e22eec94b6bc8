"""Cells and the kernels that fold rows into them: mergeable partials of one group in one pane."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]

CELL: Final = np.dtype(
    [
        ("rows", "<i8"),  # rows seen, NaN ones too
        ("values", "<i8"),  # rows whose value is a number
        ("high", "<f8"),  # the sum, as high + low (double-double): merging in any
        ("low", "<f8"),  # order gives the same float but for the 2^-100 of a tie
        ("least", "<f8"),
        ("most", "<f8"),
        ("last_ms", "<i8"),  # time of `last`; of equal times the greater value wins
        ("last", "<f8"),
        ("newest_ms", "<i8"),  # time of the newest row, NaN ones too
        ("arrived_ms", "<i8"),  # stamp of the batch that row came in: a trace, decides nothing
    ],
    align=True,
)
EMPTY_LAST_MS: Final = -(1 << 62)


def empty_cells(size: int) -> npt.NDArray[Any]:
    """Return cells that nothing was folded into: the identity of merge."""
    cells = np.zeros(size, CELL)
    cells["least"] = np.inf
    cells["most"] = -np.inf
    cells["last_ms"] = EMPTY_LAST_MS
    cells["last"] = np.nan
    cells["newest_ms"] = EMPTY_LAST_MS
    return cells


def grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return cells with room for `size` groups, the new ones empty."""
    if array.size >= size:
        return array
    more = empty_cells(max(size, array.size * 2))
    more[: array.size] = array
    return more


@jit
def two_sum(high: float, low: float, value: float) -> tuple[float, float]:
    """Add a value to a double-double (Knuth's TwoSum, then renormalised)."""
    total = high + value
    if not np.isfinite(total):
        return total, 0.0
    part = total - high
    error = (high - (total - part)) + (value - part)
    low += error
    result = total + low
    return result, low - (result - total)


@jit
def fold(cells: Array, groups: Array, values: Array, times: Array, stamp_ms: int) -> None:
    """Fold rows into the cells of one pane. groups i64[n], values f64[n], times i64[n]."""
    for i in range(groups.size):
        cell = cells[groups[i]]
        cell.rows += 1
        if times[i] > cell.newest_ms:
            cell.newest_ms = times[i]
            cell.arrived_ms = stamp_ms
        value = values[i]
        if np.isnan(value):
            continue
        cell.values += 1
        cell.high, cell.low = two_sum(cell.high, cell.low, value)
        cell.least = min(value, cell.least)
        cell.most = max(value, cell.most)
        if times[i] > cell.last_ms or (times[i] == cell.last_ms and value > cell.last):
            cell.last_ms = times[i]
            cell.last = value


@jit
def merge(into: Array, cells: Array) -> None:
    """Merge the cells of one pane into a window's."""
    for i in range(min(into.size, cells.size)):
        a = into[i]
        b = cells[i]
        if b.rows == 0:
            continue
        a.rows += b.rows
        if b.newest_ms > a.newest_ms:
            a.newest_ms = b.newest_ms
            a.arrived_ms = b.arrived_ms
        if b.values == 0:
            continue
        a.values += b.values
        a.high, a.low = two_sum(a.high, a.low, b.high)
        a.high, a.low = two_sum(a.high, a.low, b.low)
        a.least = min(a.least, b.least)
        a.most = max(a.most, b.most)
        if b.last_ms > a.last_ms or (b.last_ms == a.last_ms and b.last > a.last):
            a.last_ms = b.last_ms
            a.last = b.last


@jit
def exact_group_sum(groups: Array, values: Array, size: int) -> tuple[Array, Array]:
    """Sum values by group as double-doubles. groups i64[n], values f64[n] -> f64[size], seen."""
    high = np.zeros(size)
    low = np.zeros(size)
    seen = np.zeros(size, np.bool_)
    for i in range(groups.size):
        g = groups[i]
        high[g], low[g] = two_sum(high[g], low[g], values[i])
        seen[g] = True
    return high + low, seen
