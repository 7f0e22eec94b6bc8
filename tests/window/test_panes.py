"""count, sum, avg, min, max and last against a loop over rows, whatever the order and the cuts."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.window import PaneStore
from tests.window.rows import Row, by_group, columns, fill, restored, same

SIZE = 3
values = st.one_of(
    st.integers(-1000, 1000).map(float), st.floats(-1e6, 1e6), st.just(math.nan),
    st.sampled_from([0.1, 0.3, 1e15, -1e15]),
)  # fmt: skip
rows_of = st.lists(
    st.builds(Row, st.integers(1, 6_000), st.integers(0, SIZE - 1), st.just(0), values), max_size=40
)
runs = st.tuples(st.integers(0, 7), st.integers(0, 7))


def naive(function, rows):
    numbers = [(row.time_ms, row.value) for row in rows if not math.isnan(row.value)]
    if function == "count":
        return float(len(rows))
    if not numbers:
        return math.nan
    plain = [value for _, value in numbers]
    return {
        "sum": lambda: math.fsum(plain),
        "avg": lambda: math.fsum(plain) / len(plain),
        "min": lambda: min(plain),
        "max": lambda: max(plain),
        "last": lambda: max(numbers)[1],
    }[function]()


FUNCTIONS = ["count", "sum", "avg", "min", "max", "last"]


def window(store, run):
    cells = store.window(*run, SIZE)
    return {function: store.column(function, cells) for function in FUNCTIONS}


@given(rows_of, runs, st.randoms())
def test_a_window_is_what_a_loop_over_its_rows_gives(rows, run, rng):
    found = window(fill(PaneStore(), rows, rng), run)
    for function in FUNCTIONS:
        wanted = [naive(function, group) for group in by_group(rows, *run, SIZE)]
        if function in ("sum", "avg"):  # the twin's own division rounds
            assert np.allclose(found[function], wanted, rtol=1e-15, atol=1e-300, equal_nan=True)
        else:
            assert same(found[function], wanted), function


@given(rows_of, runs, st.randoms())
def test_order_and_cuts_change_no_bit(rows, run, rng):
    wanted = window(fill(PaneStore(), rows), run)
    shuffled = rng.sample(rows, len(rows))
    found = window(fill(PaneStore(), shuffled, rng), run)
    for function in FUNCTIONS:
        assert same(found[function], wanted[function]), function


@pytest.mark.parametrize("seed", range(5))
def test_a_million_units_of_the_last_place_are_not_lost(seed):
    rng = random.Random(seed)
    numbers = [rng.choice([0.1, 1e-9, 1e9, -1e9, 7e6]) for _ in range(3_000)]
    store = PaneStore()
    for at in range(0, len(numbers), 500):
        batch = [Row(1, 0, 0, value) for value in numbers[at : at + 500]]
        store.add(columns(batch))
    cells = store.window(1, 1, 1)
    assert store.column("sum", cells)[0] == math.fsum(numbers)


@given(rows_of, runs, st.randoms())
def test_a_snapshot_is_the_store(rows, run, rng):
    store = fill(PaneStore(), rows, rng)
    other = restored(store, PaneStore)
    more = [Row(row.time_ms, row.group, 0, row.value) for row in rng.sample(rows, len(rows) // 2)]
    for each in (store, other):
        fill(each, more)
    assert store.window(*run, SIZE).tobytes() == other.window(*run, SIZE).tobytes()
    assert list(store.chunks("p", {})) == list(other.chunks("p", {}))


def test_infinity_is_a_number_and_nan_is_none():
    cases = {
        (math.inf, 1.0): {"sum": math.inf, "max": math.inf, "min": 1.0, "count": 2.0},
        (math.inf, -math.inf): {"sum": math.nan, "avg": math.nan, "max": math.inf},
        (math.nan, 2.0): {"sum": 2.0, "avg": 2.0, "min": 2.0, "count": 2.0, "last": 2.0},
        (math.nan, math.nan): {"sum": math.nan, "last": math.nan, "count": 2.0},
    }
    for (a, b), wanted in cases.items():
        for pair in ((a, b), (b, a)):
            store = fill(PaneStore(), [Row(1, 0, 0, pair[0]), Row(2, 0, 0, pair[1])])
            cells = store.window(1, 1, 1)
            for function, value in wanted.items():
                if function != "last" or pair == (a, b):
                    assert same(store.column(function, cells), [value]), (pair, function)


def test_of_equal_times_the_greatest_value_is_the_last():
    rows = [Row(5, 0, 0, 2.0), Row(5, 0, 0, 3.0), Row(4, 0, 0, 9.0)]
    for order in (rows, rows[::-1]):
        store = fill(PaneStore(), order)
        assert store.column("last", store.window(1, 1, 1))[0] == 3.0


def test_windows_are_open_on_the_left_and_closed_on_the_right():
    store = fill(PaneStore(), [Row(1_000, 0, 0, 1.0), Row(1_001, 0, 0, 2.0), Row(2_000, 0, 0, 4.0)])
    assert store.column("sum", store.window(1, 1, 1))[0] == 1.0
    assert store.column("sum", store.window(2, 2, 1))[0] == 6.0


def test_arrival_is_that_of_the_newest_row_whatever_came_after():
    store = PaneStore()
    store.add(columns([Row(900, 0, 0, 1.0)], stamp_ms=11))
    store.add(columns([Row(1_500, 0, 0, math.nan)], stamp_ms=12))
    store.add(columns([Row(800, 0, 0, 1.0)], stamp_ms=13))
    assert store.window(1, 2, 1)["arrived_ms"].tolist() == [12]
    assert store.window(1, 1, 1)["arrived_ms"].tolist() == [11]


def test_panes_below_are_forgotten_and_unchanged_ones_not_written_again():
    store = fill(PaneStore(), [Row(t, 0, 0, 1.0) for t in (500, 1_500, 2_500)])
    known = {chunk.name: chunk.version for chunk in store.chunks("p", {})}
    fill(store, [Row(2_600, 0, 0, 1.0)])
    written = [chunk.name for chunk in store.chunks("p", known) if chunk.payload]
    assert written == ["p/3"]
    store.drop_before(3)
    assert store.panes == [3]
    assert store.window(1, 3, 1)["rows"].tolist() == [2]
