"""Quantiles: exact up to a stated number of rows, then within RELATIVE_ERROR; any order, any cut."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.window import RELATIVE_ERROR, ValueStore
from tests.window.rows import Row, by_group, fill, restored, same

SIZE = 3
values = st.one_of(st.floats(-1e9, 1e9), st.integers(-5, 5).map(float), st.just(math.nan))
rows_of = st.lists(
    st.builds(Row, st.integers(1, 3_000), st.integers(0, SIZE - 1), st.just(0), values), max_size=60
)
qs = st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.99, 1.0])


def ranks(numbers, q):
    numbers = sorted(numbers)
    rank = q * (len(numbers) - 1)
    low = math.floor(rank)
    return numbers[low], numbers[min(low + 1, len(numbers) - 1)], rank - low


def naive(rows, q):
    numbers = [row.value for row in rows if not math.isnan(row.value)]
    if not numbers:
        return math.nan
    low, high, share = ranks(numbers, q)
    return low if share == 0 else low * (1 - share) + high * share


@given(rows_of, qs, st.randoms())
def test_a_quantile_is_exact_up_to_the_limit(rows, q, rng):
    store = fill(ValueStore(1_024), rng.sample(rows, len(rows)), rng)
    wanted = [naive(group, q) for group in by_group(rows, 1, 3, SIZE)]
    assert np.allclose(store.window(1, 3, q, SIZE), wanted, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", ["lognormal", "uniform", "negative", "twenty"])
def test_above_the_limit_it_is_within_the_stated_error(seed, shape):
    rng = np.random.default_rng(seed)
    numbers = {
        "lognormal": lambda: rng.lognormal(3, 2, 5_000),
        "uniform": lambda: rng.uniform(0, 1, 5_000),
        "negative": lambda: -rng.lognormal(0, 3, 5_000),
        "twenty": lambda: rng.integers(1, 21, 5_000).astype(float),
    }[shape]()
    store = fill(ValueStore(64), [Row(1, 0, 0, value) for value in numbers], random.Random(seed))
    for q in (0.0, 0.01, 0.5, 0.9, 0.99, 1.0):
        found = store.window(1, 1, q, 1)[0]
        low, high, _ = ranks(numbers, q)
        edges = [side * (1 + sign * RELATIVE_ERROR) for side in (low, high) for sign in (-1, 1)]
        assert min(edges) <= found <= max(edges), q


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=80), qs, st.randoms())
def test_order_and_cuts_change_nothing_above_the_limit_either(numbers, q, rng):
    rows = [Row(1 + i % 2_000, i % 2, 0, value) for i, value in enumerate(numbers)]
    a = fill(ValueStore(4), rows)
    b = fill(ValueStore(4), rng.sample(rows, len(rows)), rng)
    b.window(1, 2, 0.5, 2)  # looking (arrival does) compacts
    assert same(a.window(1, 2, q, 2), b.window(1, 2, q, 2))


@given(rows_of, qs, st.randoms())
def test_a_snapshot_is_the_store(rows, q, rng):
    store = fill(ValueStore(4), rows, rng)
    other = restored(store, lambda: ValueStore(4))
    more = rng.sample(rows, len(rows) // 2)
    for each in (store, other):
        fill(each, more)
    assert same(store.window(1, 3, q, SIZE), other.window(1, 3, q, SIZE))
    assert list(store.chunks("p", {})) == list(other.chunks("p", {}))


def test_zero_and_infinity_in_a_sketch():
    numbers = [0.0, 1e-300, math.inf, -math.inf] * 10
    store = fill(ValueStore(4), [Row(1, 0, 0, value) for value in numbers])
    assert store.window(1, 1, 0.0, 1)[0] == -math.inf
    assert store.window(1, 1, 1.0, 1)[0] == math.inf
    assert store.window(1, 1, 0.5, 1)[0] == 0.0


def test_what_a_pane_holds_is_bounded():
    store = ValueStore(64)
    rng = random.Random(1)
    for _ in range(50):
        fill(store, [Row(1, 0, 0, rng.uniform(1, 1e6)) for _ in range(200)])
    (chunk,) = store.chunks("p", {})
    assert len(chunk.payload) < 24 * (8 * 64 + 200 + 1_500)  # of 10,000 rows: 240 kB


def test_infinities_share_a_bucket_each():
    store = ValueStore(4)
    for _ in range(40):
        fill(store, [Row(1, 0, 0, value) for value in (math.inf, -math.inf)])
    store.window(1, 1, 0.5, 1)
    (chunk,) = store.chunks("p", {})
    assert len(chunk.payload) < 400
