"""Samples for ring and long-range tests: hypothesis strategies, columns, comparison."""

import math

import numpy as np
from hypothesis import strategies as st

from tests.reference.ranges import STALE

MARKER = np.array([0x7FF0000000000002], np.int64).view(np.float64)[0:1]

FUNCTIONS = {
    "rate": 0, "increase": 0, "delta": 0, "irate": 0, "idelta": 0, "deriv": 0, "predict_linear": 1,
    "changes": 0, "resets": 0, "avg_over_time": 0, "min_over_time": 0, "max_over_time": 0,
    "sum_over_time": 0, "count_over_time": 0, "last_over_time": 0, "present_over_time": 0,
    "stddev_over_time": 0, "stdvar_over_time": 0, "quantile_over_time": 1, "first_over_time": 0,
}  # fmt: skip

numbers = st.one_of(
    st.integers(0, 60).map(float),
    st.floats(-1e6, 1e6),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e10, 1e-6]),
)
plain = st.integers(-50, 50).map(float)
values = st.one_of(numbers, numbers, numbers, st.just(STALE))


def rows(most_ms=600_000, series=3, value=values, size=60):
    one = st.tuples(st.integers(0, series - 1), st.integers(-most_ms, most_ms), value)
    return st.lists(one, max_size=size)


def columns(some):
    """Rows (series, time, value) as the store takes them; markers by their bits."""
    bits = np.array(
        [
            MARKER.view(np.int64)[0] if v is STALE else np.float64(v).view(np.int64)
            for _, _, v in some
        ],
        np.int64,
    )
    return (
        np.array([s for s, _, _ in some], np.int64),
        np.array([t for _, t, _ in some], np.int64),
        bits.view(np.float64),
    )


def of(some, series):
    return [(t, v) for s, t, v in some if s == series]


def close(got, wanted, scale=0.0, relative=1e-9):
    """Equal to 1e-9 of the result or of `scale`, NaN to NaN."""
    if math.isnan(wanted):
        return math.isnan(got)
    if math.isinf(wanted) or math.isinf(got):
        return got == wanted
    return abs(got - wanted) <= relative * max(abs(wanted), scale)


def largest(some):
    """The magnitude that errors of sums are relative to."""
    finite = [abs(v) for _, _, v in some if v is not STALE and math.isfinite(v)]
    return max(finite, default=0.0)
