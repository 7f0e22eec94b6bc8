"""A naive twin of rings and range functions: lists of samples, exact fractions.

Imports nothing of ours.

Samples are (time_ms, value); STALE is a marker object, not a NaN. Results are floats, None for none.
"""

import itertools
import math
from fractions import Fraction

STALE = object()


def kept(samples):
    """One sample a time, sorted: numbers beat NaN, NaN beats the marker, of numbers the greater."""
    best = {}
    for at, value in samples:
        if at not in best or rank(value) > rank(best[at]):
            best[at] = value
    return sorted(best.items(), key=lambda pair: pair[0])


def rank(value):
    if value is STALE:
        return (0, 0.0)
    return (1, 0.0) if math.isnan(value) else (2, value)


def instant(samples, at, lookback_ms):
    """(value, time) of the newest in (at - lookback, at], None where it is none or a marker."""
    found = [pair for pair in kept(samples) if at - lookback_ms < pair[0] <= at]
    if not found or found[-1][1] is STALE:
        return None
    return found[-1][1], found[-1][0]


def window(samples, at, range_ms):
    return [(t, v) for t, v in kept(samples) if at - range_ms < t <= at and v is not STALE]


def over(function, samples, at, range_ms, parameter=0.0):
    inside = window(samples, at, range_ms)
    values = [value for _, value in inside]
    if not inside:
        return None
    match function:
        case "rate" | "increase" | "delta":
            return extrapolated(function, inside, at, range_ms)
        case "irate" | "idelta":
            return last_step(function, inside)
        case "deriv":
            return line(inside, inside[0][0])[0] if len(inside) > 1 else None
        case "predict_linear":
            if len(inside) < 2:
                return None
            slope, now = line(inside, at)
            return slope * parameter + now
        case "changes":
            return float(sum(differs(a, b) for a, b in itertools.pairwise(values)))
        case "resets":
            return float(sum(b < a for a, b in itertools.pairwise(values)))
        case "avg_over_time":
            return mean(values)
        case "sum_over_time":
            return total(values)
        case "count_over_time":
            return float(len(values))
        case "last_over_time":
            return values[-1]
        case "first_over_time":
            return values[0]
        case "present_over_time":
            return 1.0
        case "min_over_time" | "max_over_time":
            numbers = [value for value in values if not math.isnan(value)]
            if not numbers:
                return math.nan
            return min(numbers) if function == "min_over_time" else max(numbers)
        case "stdvar_over_time":
            return spread(values)
        case "stddev_over_time":
            return math.sqrt(spread(values))
        case "quantile_over_time":
            return quantile(values, parameter)
    raise AssertionError(function)


def differs(a, b):
    return a != b and not (math.isnan(a) and math.isnan(b))


def total(values):
    """The sum, exact but for its last rounding."""
    infinite = {value for value in values if math.isinf(value)}
    if any(math.isnan(value) for value in values) or len(infinite) > 1:
        return math.nan
    return infinite.pop() if infinite else rounded(sum(map(Fraction, values)))


def rounded(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def mean(values):
    whole = total(values)
    if not math.isfinite(whole) and not all(map(math.isfinite, values)):
        return whole
    return rounded(sum(map(Fraction, values)) / len(values))


def spread(values):
    if not all(map(math.isfinite, values)):
        return math.nan
    exact = list(map(Fraction, values))
    middle = sum(exact) / len(exact)
    return rounded(sum((value - middle) ** 2 for value in exact) / len(exact))


def quantile(values, q):
    if math.isnan(q):
        return math.nan
    if not 0 <= q <= 1:
        return -math.inf if q < 0 else math.inf
    ordered = sorted(values, key=lambda v: (not math.isnan(v), 0.0 if math.isnan(v) else v))
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    share = place - low
    return ordered[low] * (1 - share) + ordered[min(low + 1, len(ordered) - 1)] * share


def line(inside, at):
    """Slope a second and value at a time, least squares."""
    values = [value for _, value in inside]
    if all(value == values[0] for value in values):
        return (math.nan, math.nan) if math.isinf(values[0]) else (0.0, values[0])
    if not all(map(math.isfinite, values)):
        return math.nan, math.nan
    xs = [Fraction(t - at, 1000) for t, _ in inside]
    ys = list(map(Fraction, values))
    n = len(xs)
    covariance = sum(x * y for x, y in zip(xs, ys)) - sum(xs) * sum(ys) / n
    slope = covariance / (sum(x * x for x in xs) - sum(xs) ** 2 / n)
    return rounded(slope), rounded(sum(ys) / n - slope * sum(xs) / n)


def last_step(function, inside):
    if len(inside) < 2:
        return None
    (before_ms, before), (now_ms, now) = inside[-2:]
    if function == "idelta":
        return now - before
    return (now if now < before else now - before) / ((now_ms - before_ms) / 1000)


def extrapolated(function, inside, at, range_ms):
    """As the samples' slope goes on to the edges, or half an interval where an edge is far."""
    if len(inside) < 2:
        return None
    values = [value for _, value in inside]
    grew = values[-1] - values[0]
    if function != "delta":
        for before, now in itertools.pairwise(values):
            if now < before:
                grew += before
    covered = (inside[-1][0] - inside[0][0]) / 1000
    interval = covered / (len(inside) - 1)
    before = (inside[0][0] - (at - range_ms)) / 1000
    after = (at - inside[-1][0]) / 1000
    if before >= interval * 1.1:
        before = interval / 2
    if after >= interval * 1.1:
        after = interval / 2
    if function != "delta" and grew > 0 and values[0] >= 0:
        before = min(before, covered * (values[0] / grew))
    result = grew * ((covered + before + after) / covered)
    return result / (range_ms / 1000) if function == "rate" else result
