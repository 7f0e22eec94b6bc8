"""distinct: exact up to a stated number of values, then within four standard errors."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.series import text_hash
from engine.window import DistinctStore
from tests.window.rows import Row, columns, cut, pane, restored

SIZE = 3
rows_of = st.lists(
    st.tuples(st.integers(1, 4_000), st.integers(0, SIZE - 1), st.sampled_from([*"abcdef", ""])),
    max_size=50,
)


def fill(store, rows, rng=None):
    for part in cut(rows, rng) if rng else [rows]:
        batch = [Row(at, group, 0) for at, group, _ in part]
        store.add(columns(batch, [text_hash(text) for _, _, text in part]))
    return store


def naive(rows, first, last):
    return [
        float(len({t for at, g, t in rows if t and g == group and first <= pane(at) <= last}))
        for group in range(SIZE)
    ]


@given(rows_of, st.integers(1, 4), st.integers(1, 4), st.randoms())
def test_a_count_is_exact_up_to_the_limit(rows, a, b, rng):
    store = fill(DistinctStore(100), rng.sample(rows, len(rows)), rng)
    assert store.window(a, b, SIZE).tolist() == naive(rows, a, b)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [300, 3_000, 20_000])
def test_above_the_limit_it_is_within_four_standard_errors(seed, number):
    rng = random.Random(seed)
    texts = [f"{seed}/{i}" for i in range(number)]
    rows = [(rng.randrange(1, 4_000), 0, text) for text in texts for _ in range(2)]
    store = DistinctStore(256)
    for at in range(0, len(rows), 1_000):
        fill(store, rows[at : at + 1_000])
    error = abs(store.window(1, 4, SIZE)[0] - number) / number
    assert error < 4 / math.sqrt(254), error


@given(st.integers(0, 2**30), st.integers(1, 60), st.randoms())
def test_order_and_cuts_change_nothing_above_the_limit_either(seed, number, rng):
    rows = [(1 + i * 37 % 3_000, i % 2, f"{seed}/{i}") for i in range(number)]
    a = fill(DistinctStore(8), rows)
    b = fill(DistinctStore(8), rng.sample(rows, len(rows)), rng)
    assert a.window(1, 3, SIZE).tolist() == b.window(1, 3, SIZE).tolist()
    assert a.window(2, 2, SIZE).tolist() == b.window(2, 2, SIZE).tolist()


@given(rows_of, st.randoms())
def test_a_snapshot_is_the_store(rows, rng):
    store = fill(DistinctStore(3), rows, rng)
    other = restored(store, lambda: DistinctStore(3))
    for each in (store, other):
        fill(each, rng.sample(rows, len(rows))) if rows else None
    assert store.window(1, 4, SIZE).tolist() == other.window(1, 4, SIZE).tolist()


def test_what_a_pane_holds_is_bounded():
    store = DistinctStore(64)
    for turn in range(20):
        fill(store, [(1, 0, f"{turn}/{i}") for i in range(500)])
    (chunk,) = store.chunks("p", {})
    assert len(chunk.payload) < 64 * 16 + 500
    assert np.isfinite(store.window(1, 1, 1)).all()
