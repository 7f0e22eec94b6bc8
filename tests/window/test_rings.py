"""Rings: what is kept, what is replaced, what instant and range reads see of it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.metrics import ROWS_DROPPED
from engine.window import RANGE_FUNCTIONS, RingStore
from tests.reference import ranges as twin
from tests.reference.ranges import STALE
from tests.window.samples import FUNCTIONS, close, columns, largest, numbers, of, rows

SERIES = 3
WIDE_MS = 2_000_000  # more than any rows here span: nothing is ever late


def store(need_ms=WIDE_MS, limits=DEFAULT_LIMITS):
    made = RingStore(limits)
    made.need(np.arange(SERIES), need_ms)
    return made


def filled(some, rng=None, **more):
    made = store(**more)
    at = 0
    while at < len(some):
        end = at + (rng.randrange(1, 9) if rng else len(some))
        made.append(*columns(some[at:end]))
        at = end
    return made


def dropped(reason):
    return ROWS_DROPPED.labels(reason)._value.get()


def read(made, at=0, lookback_ms=WIDE_MS):
    """{series: (value, time)} of what is newest at a time."""
    values, mask, sample_ms = made.instant(np.arange(SERIES), np.array([at]), lookback_ms)
    return {s: (values[s, 0], sample_ms[s, 0]) for s in range(SERIES) if mask[s, 0]}


@given(rows(), st.integers(-700_000, 700_000), st.integers(1, 900_000), st.randoms())
def test_instant_is_the_newest_sample_of_the_look_back(some, at, lookback_ms, rng):
    made = filled(rng.sample(some, len(some)), rng)
    values, mask, sample_ms = made.instant(np.arange(SERIES), np.array([at, at + 1]), lookback_ms)
    for series in range(SERIES):
        for j in (0, 1):
            wanted = twin.instant(of(some, series), at + j, lookback_ms)
            assert mask[series, j] == (wanted is not None)
            if wanted is not None:
                assert close(values[series, j], wanted[0], relative=0.0)
                assert sample_ms[series, j] == wanted[1]


@pytest.mark.parametrize("function", list(FUNCTIONS))
@given(some=rows(), ends=st.lists(st.integers(-700_000, 700_000), min_size=1, max_size=4),
       range_ms=st.integers(1, 900_000), parameter=st.floats(-0.5, 1.5), rng=st.randoms())  # fmt: skip
@settings(max_examples=30)
def test_a_range_function_is_what_the_twin_says(function, some, ends, range_ms, parameter, rng):
    made = filled(rng.sample(some, len(some)), rng)
    parameters = (np.full(len(ends), parameter),) * FUNCTIONS[function]
    values, mask = made.over(function, np.arange(SERIES), np.array(ends), range_ms, parameters)
    scale = largest(some)
    for series in range(SERIES):
        for j, end in enumerate(ends):
            wanted = twin.over(function, of(some, series), end, range_ms, parameter)
            assert mask[series, j] == (wanted is not None)
            if wanted is not None:
                assert close(values[series, j], wanted, tolerance(function, scale, range_ms)), (
                    values[series, j], wanted,
                )  # fmt: skip


def tolerance(function, scale, range_ms):
    """What errors are relative to where results cancel."""
    match function:
        case "stdvar_over_time":
            return scale**2
        case "stddev_over_time":
            return scale * 1e3  # the root of a variance's error
        case "deriv":
            return scale * 1e4
        case "predict_linear":
            return scale * 1e4 * (1 + range_ms / 1000)
    return scale


def test_all_functions_are_known_by_name():
    assert set(RANGE_FUNCTIONS) == set(FUNCTIONS)


@given(rows(), st.integers(-600_000, 600_000), st.integers(1, 900_000))
def test_jobs_are_the_same_as_one_call_each(some, at, range_ms):
    made = filled(some)
    names = [name for name, parameters in FUNCTIONS.items() if not parameters]
    jobs = [(series, name) for series in range(SERIES) for name in names]
    values, mask = made.over_jobs(
        np.array([RANGE_FUNCTIONS[name] for _, name in jobs]),
        np.array([series for series, _ in jobs]),
        np.full(len(jobs), range_ms),
        at,
    )
    for i, (series, name) in enumerate(jobs):
        own, own_mask = made.over(name, np.array([series]), np.array([at]), range_ms)
        assert mask[i] == own_mask[0, 0]
        assert not mask[i] or close(values[i], own[0, 0], relative=0.0)


@given(rows(series=1, value=st.one_of(numbers, st.just(STALE))), st.randoms())
def test_neither_order_nor_cuts_change_what_is_held(some, rng):
    shuffled = rng.sample(some, len(some))
    a, b = filled(some), filled(shuffled, rng)
    ends = np.arange(-600_000, 600_001, 50_000)
    for name in ("count_over_time", "sum_over_time", "last_over_time"):
        x, x_mask = a.over(name, np.arange(1), ends, 300_000)
        y, y_mask = b.over(name, np.arange(1), ends, 300_000)
        assert (x_mask == y_mask).all()
        assert x.tobytes() == y.tobytes() or all(map(close, x.ravel(), y.ravel()))


@pytest.mark.parametrize(
    ("held", "came", "wins"),
    [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (STALE, 1.0, 1.0), (1.0, STALE, 1.0), (math.nan, 1.0, 1.0),
     (1.0, math.nan, 1.0), (math.inf, 5.0, math.inf)],
)  # fmt: skip
def test_of_equal_times_the_greater_value_wins(held, came, wins):
    made = filled([(0, 7, held), (0, 7, came)])
    assert read(made, 7) == {0: (wins, 7)}


def test_a_nan_beats_a_marker_and_keeps_its_bits():
    quiet = np.array([0x7FF8000000000123], np.int64).view(np.float64)
    made = filled([(0, 7, STALE)])
    made.append(np.array([0]), np.array([7]), quiet)
    values, mask, _ = made.instant(np.array([0]), np.array([7]), 1_000)
    assert mask[0, 0]
    assert values.view(np.int64)[0, 0] == 0x7FF8000000000123


def test_series_without_need_are_passed_over():
    made = RingStore(DEFAULT_LIMITS)
    made.append(np.array([-1, 0, 5]), np.array([1, 1, 1]), np.array([1.0, 1.0, 1.0]))
    made.need(np.array([1]), 1_000)
    made.append(np.array([-1, 0, 1, 5]), np.full(4, 1), np.ones(4))
    assert read(made, 1) == {1: (1.0, 1)}


def test_what_no_window_reaches_is_dropped_and_counted():
    made = store(need_ms=10_000)
    before = dropped("late")
    made.append(*columns([(0, 100_000, 1.0), (0, 90_001, 2.0), (0, 90_000, 3.0)]))
    assert dropped("late") - before == 1
    values, _ = made.over("sum_over_time", np.array([0]), np.array([100_000]), 10_000)
    assert values[0, 0] == 3.0


def test_rows_far_ahead_do_not_push_out_what_coming_ticks_read():
    made = store(need_ms=10_000)
    made.tick_passed(50_000)
    made.append(*columns([(0, t, 1.0) for t in range(50_500, 650_000, 500)]))
    made.append(*columns([(0, 45_000, 1.0)]))
    values, mask = made.over("count_over_time", np.array([0]), np.array([51_000]), 10_000)
    assert (values[0, 0], mask[0, 0]) == (3.0, True)
    rows_then = made.rows
    for at in range(640_000, 5_000_000, 10_000):
        made.tick_passed(at - 600_000)
        made.append(*columns([(0, at + 500 * k, 1.0) for k in range(20)]))
    assert made.rows < 2 * rows_then


def test_memory_of_series_that_went_away_is_used_again():
    made = RingStore(DEFAULT_LIMITS)
    made.need(np.arange(1_000), 60_000)
    made.tick_passed(0)
    for at in range(0, 60_000, 5_000):
        made.append(np.arange(500), np.full(500, at), np.ones(500))
    rows_then = made.rows
    made.tick_passed(300_000)
    for at in range(300_000, 360_000, 5_000):
        made.append(np.arange(500, 1_000), np.full(500, at), np.ones(500))
    assert made.rows == rows_then
    assert not made.instant(np.arange(500), np.array([300_000]), 1 << 40)[1].any()


def test_a_ring_at_its_steady_state_needs_no_more_memory():
    made = store(need_ms=300_000)
    sizes = []
    for at in range(0, 40 * 300_000, 15_000):
        made.append(np.arange(SERIES), np.full(SERIES, at), np.ones(SERIES))
        sizes.append(made.rows)
    assert sizes[-1] == sizes[100]
    values, _ = made.over("count_over_time", np.arange(SERIES), np.array([at]), 300_000)
    assert (values == 20).all()


def test_above_the_limit_a_ring_loses_its_oldest_and_says_so():
    limits = replace(DEFAULT_LIMITS, ring_rows_max=40)
    made = RingStore(limits)
    made.need(np.arange(9), 1_000_000)
    before = dropped("ring_rows")
    for at in range(100):
        made.append(np.arange(9), np.full(9, at), np.ones(9))
    assert made.rows <= 40
    assert dropped("ring_rows") - before > 0
    values, mask = made.over("last_over_time", np.arange(9), np.array([99]), 10)
    assert mask[:, 0].sum() >= 2
    assert (values[mask] == 1.0).all()


@pytest.mark.parametrize("start_ms", [-(10**15), -5, 0, 1_700_000_000_000, 10**15])
def test_any_epoch_and_gaps_beyond_32_bits(start_ms):
    made = store(need_ms=300_000)
    month = 40 * 86_400_000
    for k in range(4):
        at = start_ms + k * month
        made.append(*columns([(0, at, 1.0), (0, at + 60_000, 2.0), (0, at - 60_000, 0.0)]))
        values, _ = made.over("increase", np.array([0]), np.array([at + 60_000]), 120_000)
        count, _ = made.over("count_over_time", np.array([0]), np.array([at + 60_000]), 300_000)
        assert values[0, 0] == 2.0
        assert count[0, 0] == 3.0


def test_needs_only_rise_and_what_was_kept_by_chance_goes_first():
    made = store(need_ms=10_000)
    made.append(*columns([(0, t, 1.0) for t in (0, 5_000, 11_000)]))
    made.need(np.array([0]), 60_000)
    made.need(np.array([0]), 5_000)
    values, _ = made.over("count_over_time", np.array([0]), np.array([11_000]), 60_000)
    assert values[0, 0] == 2.0  # 0 was beyond the need of then
    made.append(*columns([(0, 60_000, 1.0)]))
    values, _ = made.over("count_over_time", np.array([0]), np.array([60_000]), 60_000)
    assert values[0, 0] == 3.0


@given(rows(series=1, size=200), st.integers(1_000, 100_000))
def test_everything_younger_than_the_need_is_there(some, need_ms):
    made = store(need_ms=need_ms)
    for row in some:
        made.append(*columns([row]))
    if not some:
        return
    newest = max(t for _, t, _ in some)
    ends = np.array([newest])
    wanted = twin.over("count_over_time", of(some, 0), newest, need_ms)
    values, mask = made.over("count_over_time", np.array([0]), ends, need_ms)
    assert (values[0, 0] if mask[0, 0] else None) == wanted
