"""Range functions over one window of samples, as Prometheus 3 defines them for floats.

Every kernel here takes times (whole ms over a base of the caller's, any integer type) and values of
the samples lo..hi-1: in order of time, no time twice, staleness markers already gone. Windows are
(left, right], in the same units. The order of additions is Prometheus', so results are the same to
the last bit where it says what the bits are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

whole: Any = np.int64
"""int64() in kernels: unsigned with signed would turn to float there."""

_NAMES: Final = (
    "rate", "increase", "delta", "irate", "idelta", "deriv", "predict_linear", "changes", "resets",
    "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time",
    "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time",
    "quantile_over_time", "first_over_time",
)  # fmt: skip
RANGE_FUNCTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {name: code for code, name in enumerate(_NAMES)}
)
"""Every range function, with the code that kernels know it by."""

(
    RATE, INCREASE, DELTA, IRATE, IDELTA, DERIV, PREDICT, CHANGES, RESETS, AVG, MIN, MAX, SUM,
    COUNT, LAST, PRESENT, STDDEV, STDVAR, QUANTILE, FIRST,
) = range(len(_NAMES))  # fmt: skip

PARAMETERS: Final[Mapping[str, int]] = MappingProxyType(
    {"predict_linear": 1, "quantile_over_time": 1}
)
"""How many scalar parameters a range function takes, where it takes any."""


@jit
def kahan_add(value: float, total: float, lost: float) -> tuple[float, float]:
    """Add a value to a compensated sum (Neumaier's order); an infinite sum has lost nothing."""
    result = total + value
    if np.isinf(result):
        lost = 0.0
    elif abs(total) >= abs(value):
        lost += (total - result) + value
    else:
        lost += (value - result) + total
    return result, lost


@jit
def extrapolated(
    code: int, times: Array, values: Array, lo: int, hi: int, left: int, right: int
) -> Any:
    """Rate, increase or delta of at least two samples, extrapolated to the window's edges."""
    first = values[lo]
    result = values[hi - 1] - first
    if code != DELTA:
        previous = first
        for i in range(lo + 1, hi):
            value = values[i]
            if value < previous:
                result += previous
            previous = value
    to_start = (whole(times[lo]) - left) / 1000.0
    to_end = (right - whole(times[hi - 1])) / 1000.0
    sampled = (whole(times[hi - 1]) - whole(times[lo])) / 1000.0
    between = sampled / (hi - lo - 1)
    threshold = between * 1.1
    if to_start >= threshold:
        to_start = between / 2
    if code != DELTA and result > 0 and first >= 0:
        to_zero = sampled * (first / result)  # a counter is never below zero
        to_start = min(to_zero, to_start)
    if to_end >= threshold:
        to_end = between / 2
    factor = (sampled + to_start + to_end) / sampled
    if code == RATE:
        factor /= (right - left) / 1000.0
    return result * factor


@jit
def newest_change(code: int, times: Array, values: Array, hi: int) -> Any:
    """Irate or idelta: from the last but one sample to the last."""
    result = values[hi - 1]
    if code == IDELTA or not values[hi - 1] < values[hi - 2]:
        result = values[hi - 1] - values[hi - 2]
    if code == IRATE:
        result /= (whole(times[hi - 1]) - whole(times[hi - 2])) / 1000.0
    return result


@jit
def regression(times: Array, values: Array, lo: int, hi: int, at: int) -> tuple[float, float]:
    """Return slope a second and value at a time, by least squares."""
    n = 0.0
    x_sum = x_lost = y_sum = y_lost = 0.0
    xy_sum = xy_lost = xx_sum = xx_lost = 0.0
    first = values[lo]
    constant = True
    for i in range(lo, hi):
        y = values[i]
        if constant and i > lo and y != first:
            constant = False
        n += 1.0
        x = (whole(times[i]) - at) / 1e3
        x_sum, x_lost = kahan_add(x, x_sum, x_lost)
        y_sum, y_lost = kahan_add(y, y_sum, y_lost)
        xy_sum, xy_lost = kahan_add(x * y, xy_sum, xy_lost)
        xx_sum, xx_lost = kahan_add(x * x, xx_sum, xx_lost)
    if constant:
        if np.isinf(first):
            return np.nan, np.nan
        return 0.0, first
    x_sum += x_lost
    y_sum += y_lost
    xy_sum += xy_lost
    xx_sum += xx_lost
    slope = (xy_sum - x_sum * y_sum / n) / (xx_sum - x_sum * x_sum / n)
    return slope, y_sum / n - slope * x_sum / n


@jit
def changed(code: int, values: Array, lo: int, hi: int) -> float:
    """Changes or resets: how often a value differs from the one before it, or is less."""
    count = 0
    for i in range(lo + 1, hi):
        now = values[i]
        before = values[i - 1]
        if code == RESETS:
            if now < before:
                count += 1
        elif now != before and not (np.isnan(now) and np.isnan(before)):
            count += 1
    return float(count)


@jit
def average(values: Array, lo: int, hi: int) -> Any:
    """The mean: of the compensated sum, and step by step from where that would overflow."""
    total = values[lo]
    count = 1.0
    mean = lost = 0.0
    stepwise = False
    for i in range(lo + 1, hi):
        count += 1.0
        if not stepwise:
            more, more_lost = kahan_add(values[i], total, lost)
            if not np.isinf(more):
                total = more
                lost = more_lost
                continue
            stepwise = True
            mean = total / (count - 1.0)
            lost /= count - 1.0
        share = (count - 1.0) / count
        mean, lost = kahan_add(values[i] / count, share * mean, share * lost)
    if stepwise:
        return mean + lost
    return total / count + lost / count


@jit
def extreme(code: int, values: Array, lo: int, hi: int) -> Any:
    """The least or the greatest; NaN only where there is nothing else."""
    best = values[lo]
    for i in range(lo + 1, hi):
        value = values[i]
        if np.isnan(best) or (value < best if code == MIN else value > best):
            best = value
    return best


@jit
def total_of(values: Array, lo: int, hi: int) -> float:
    """The compensated sum."""
    total = lost = 0.0
    for i in range(lo, hi):
        total, lost = kahan_add(values[i], total, lost)
    if np.isinf(total):
        return total
    return total + lost


@jit
def variance(values: Array, lo: int, hi: int) -> float:
    """The population variance, by Welford's recurrence with compensated sums."""
    count = mean = mean_lost = squares = squares_lost = 0.0
    for i in range(lo, hi):
        count += 1.0
        value = values[i]
        delta = value - (mean + mean_lost)
        mean, mean_lost = kahan_add(delta / count, mean, mean_lost)
        squares, squares_lost = kahan_add(
            delta * (value - (mean + mean_lost)), squares, squares_lost
        )
    return (squares + squares_lost) / count


@jit
def quantile(values: Array, lo: int, hi: int, q: float, scratch: Array) -> Any:
    """The q-quantile between ranks; NaNs sort first. `scratch` has room for the window."""
    if np.isnan(q):
        return np.nan
    if q < 0:
        return -np.inf
    if q > 1:
        return np.inf
    nans = 0
    for i in range(lo, hi):
        nans += np.isnan(values[i])
    at = nans
    for i in range(lo, hi):
        if not np.isnan(values[i]):
            scratch[at] = values[i]
            at += 1
    scratch[:nans] = np.nan
    scratch[nans:at].sort()
    n = hi - lo
    rank = q * (n - 1)
    low = int(max(0.0, np.floor(rank)))
    high = min(n - 1, low + 1)
    weight = rank - np.floor(rank)
    return scratch[low] * (1 - weight) + scratch[high] * weight


@jit
def of_window(
    code: int, times: Array, values: Array, lo: int, hi: int, left: int, right: int,
    parameter: float, scratch: Array,
) -> tuple[bool, float]:  # fmt: skip
    """Return whether a function has a result over a window, and it."""
    n = hi - lo
    if n <= 0 or (n < 2 and code <= PREDICT):
        return False, 0.0
    if code <= DELTA:
        return True, extrapolated(code, times, values, lo, hi, left, right)
    if code <= IDELTA:
        return True, newest_change(code, times, values, hi)
    if code == DERIV:
        # Near the values in use, so that squares of x stay small.
        return True, regression(times, values, lo, hi, whole(times[lo]))[0]
    if code == PREDICT:
        slope, now = regression(times, values, lo, hi, right)
        return True, slope * parameter + now
    if code <= RESETS:
        return True, changed(code, values, lo, hi)
    if code == AVG:
        return True, average(values, lo, hi)
    if code <= MAX:
        return True, extreme(code, values, lo, hi)
    if code == SUM:
        return True, total_of(values, lo, hi)
    if code == COUNT:
        return True, float(n)
    if code == LAST:
        return True, values[hi - 1]
    if code == FIRST:
        return True, values[lo]
    if code == PRESENT:
        return True, 1.0
    if code == STDDEV:
        return True, np.sqrt(variance(values, lo, hi))
    if code == STDVAR:
        return True, variance(values, lo, hi)
    return True, quantile(values, lo, hi, parameter, scratch)


@jit
def after(times: Array, lo: int, hi: int, bound: int) -> Any:
    """Return the first of lo..hi whose time is greater than a bound; hi where there is none."""
    while lo < hi:
        middle = (lo + hi) >> 1
        if whole(times[middle]) > bound:
            hi = middle
        else:
            lo = middle + 1
    return lo


@jit
def columns_kernel(
    code: int, steps: Array, values: Array, mask: Array, times: Array, range_ms: int,
    parameter: Array, out: Array, found: Array,
) -> None:  # fmt: skip
    """Fill out[n, t] and found[n, t] from rows that exist at some of the steps."""
    rows, width = values.shape
    own_times = np.empty(width, np.int64)
    own_values = np.empty(width)
    scratch = np.empty(width)
    for row in range(rows):
        size = 0
        for step in range(width):
            if mask[row, step]:
                own_times[size] = steps[step]
                own_values[size] = values[row, step]
                size += 1
        for j in range(times.size):
            right = times[j]
            lo = after(own_times, 0, size, right - range_ms)
            hi = after(own_times, lo, size, right)
            ok, value = of_window(
                code, own_times, own_values, lo, hi, right - range_ms, right, parameter[j], scratch
            )
            if ok:
                out[row, j] = value
                found[row, j] = True


def contiguous(array: npt.ArrayLike, dtype: Any) -> Array:
    """Return an array as kernels are compiled for: C order, writable, of that type."""
    result = np.ascontiguousarray(array, dtype)
    return result if result.flags.writeable else result.copy()


def parameter_of(function: str, parameters: tuple[Floats, ...], steps: int) -> Floats:
    """Return a function's parameter at each step; zeros where it takes none.

    The number of parameters is type-checked long before: a wrong one is a broken invariant.
    """
    wanted = PARAMETERS.get(function, 0)
    assert len(parameters) == wanted, f"{function}: {len(parameters)} parameters, not {wanted}"
    if not wanted:
        return np.zeros(steps)
    given = np.broadcast_to(np.asarray(parameters[0], np.float64), steps)
    return contiguous(given, np.float64)


def over_columns(
    function: str,
    step_times: Ints,
    values: Floats,
    mask: Mask,
    times: Ints,
    range_ms: int,
    parameters: tuple[Floats, ...] = (),
) -> tuple[Floats, Mask]:
    """Return a range function over (t - range, t] of rows that were evaluated at steps.

    Shapes: step_times i64[s] rising, values f64[n, s], mask bool[n, s], times i64[t],
            parameters f64[t] each; result f64[n, t], bool[n, t].
    predict_linear counts its seconds from t: where an offset or @ moved t, add what it was moved
    by to the parameter.
    """
    ends = contiguous(times, np.int64)
    out = np.zeros((values.shape[0], ends.size))
    found = np.zeros(out.shape, np.bool_)
    columns_kernel(
        RANGE_FUNCTIONS[function],
        contiguous(step_times, np.int64),
        contiguous(values, np.float64),
        contiguous(mask, np.bool_),
        ends,
        int(range_ms),
        parameter_of(function, parameters, ends.size),
        out,
        found,
    )
    return out, found
