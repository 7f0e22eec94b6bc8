"""Range functions, sample by sample, written from PromQL's documentation: a twin, not the engine.

A sample is (time_ms, value). Every function gets the samples of one window, oldest first, and
returns a float, or None where the series has no result.
"""

import math
from itertools import pairwise


def exact_sum(values):
    values = list(values)
    if any(math.isnan(v) for v in values) or any(math.isinf(v) for v in values):
        return sum(values)
    try:
        return math.fsum(values)
    except OverflowError:
        return math.inf if sum(v / 2**60 for v in values) > 0 else -math.inf


def added(total, lost, value):
    """Add with Neumaier's compensation; Prometheus' averages are those of this very order."""
    result = total + value
    if math.isinf(result):
        return result, 0.0
    if abs(total) >= abs(value):
        return result, lost + ((total - result) + value)
    return result, lost + ((value - result) + total)


def mean(values):
    """Return the mean: of the sum, or step by step from where the sum is too great for a float."""
    total, lost, incremental, middle = values[0], 0.0, False, 0.0
    for count, value in enumerate(values[1:], 2):
        if not incremental:
            result = added(total, lost, value)
            if not math.isinf(result[0]):
                total, lost = result
                continue
            incremental, middle, lost = True, total / (count - 1), lost / (count - 1)
        part = (count - 1) / count
        middle, lost = added(part * middle, part * lost, value / count)
    return middle + lost if incremental else total / len(values) + lost / len(values)


def variance(values):
    middle = mean(values)
    if math.isnan(middle) or math.isinf(middle):
        return math.nan
    return math.fsum((v - middle) ** 2 for v in values) / len(values)


def quantile(wanted, values):
    if not values or math.isnan(wanted):
        return math.nan
    if wanted < 0:
        return -math.inf
    if wanted > 1:
        return math.inf
    held = sorted(values, key=lambda v: (not math.isnan(v), v))
    rank = wanted * (len(held) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(held) - 1)
    weight = rank - lower
    return held[lower] * (1 - weight) + held[upper] * weight


def extrapolated(samples, t, range_ms, counter, rate):
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    change = last[1] - first[1]
    if counter:
        for before, after in pairwise(samples):
            if after[1] < before[1]:
                change += before[1]
    to_start = (first[0] - (t - range_ms)) / 1000
    to_end = (t - last[0]) / 1000
    covered = (last[0] - first[0]) / 1000
    between = covered / (len(samples) - 1)
    if to_start >= between * 1.1:
        to_start = between / 2
    if counter and change > 0 and first[1] >= 0:
        to_start = min(to_start, covered * (first[1] / change))
    if to_end >= between * 1.1:
        to_end = between / 2
    factor = (covered + to_start + to_end) / covered
    if rate:
        factor /= range_ms / 1000
    return change * factor


def last_two(samples, rate):
    if len(samples) < 2:
        return None
    (t0, v0), (t1, v1) = samples[-2:]
    if t0 == t1:
        return None
    change = v1 if rate and v1 < v0 else v1 - v0
    return change / ((t1 - t0) / 1000) if rate else change


def regression(samples, base_ms):
    """Return slope and intercept at base_ms."""
    values = [v for _, v in samples]
    if all(v == values[0] for v in values[1:]) and not math.isnan(values[0]):
        return (math.nan, math.nan) if math.isinf(values[0]) else (0.0, values[0])
    xs = [(t - base_ms) / 1000 for t, _ in samples]
    n = len(samples)
    sx, sy = exact_sum(xs), exact_sum(values)
    sxy = exact_sum(x * y for x, y in zip(xs, values))
    sxx = exact_sum(x * x for x in xs)
    slope = (sxy - sx * sy / n) / (sxx - sx * sx / n)
    return slope, sy / n - slope * sx / n


def predicted(samples, t, ahead):
    if len(samples) < 2:
        return None
    slope, intercept = regression(samples, t)
    return slope * ahead + intercept


def extreme(values, better):
    best = values[0]
    for value in values:
        if math.isnan(best) or better(value, best):
            best = value
    return best


def changes(values):
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(values)))


def range_value(function, samples, t, range_ms, parameters):
    """Return a range function's value at t over its window's samples."""
    if not samples:
        return None
    values = [v for _, v in samples]
    simple = {
        "avg_over_time": mean,
        "sum_over_time": exact_sum,
        "count_over_time": lambda v: float(len(v)),
        "min_over_time": lambda v: extreme(v, lambda a, b: a < b),
        "max_over_time": lambda v: extreme(v, lambda a, b: a > b),
        "last_over_time": lambda v: v[-1],
        "first_over_time": lambda v: v[0],
        "present_over_time": lambda v: 1.0,
        "stdvar_over_time": variance,
        "stddev_over_time": lambda v: math.sqrt(variance(v)),
        "changes": changes,
        "resets": lambda v: float(sum(b < a for a, b in pairwise(v))),
        "quantile_over_time": lambda v: quantile(parameters[0], v),
    }
    if function in simple:
        return simple[function](values)
    if function in ("rate", "increase", "delta"):
        return extrapolated(samples, t, range_ms, function != "delta", function == "rate")
    if function in ("irate", "idelta"):
        return last_two(samples, function == "irate")
    if function == "deriv":
        return None if len(samples) < 2 else regression(samples, samples[0][0])[0]
    assert function == "predict_linear", function
    return predicted(samples, t, parameters[0])
