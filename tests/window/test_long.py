"""Long ranges by panes against the naive twin over the same samples, and their checkpoints."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.checkpoint import pack
from engine.errors import SnapshotError
from engine.limits import DEFAULT_LIMITS
from engine.window import LONG_FUNCTIONS, LongStore, pane_ms_of
from tests.reference import ranges as twin
from tests.reference.ranges import STALE
from tests.window.samples import FUNCTIONS, close, columns, largest, of

SERIES = 2
EVERY_MS, RANGE_MS = 60_000, 600_000  # ten panes
numbers = st.one_of(
    st.integers(-40, 40).map(float), st.integers(0, 9).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e10, 1e-6, STALE]),
)  # fmt: skip


@st.composite
def timelines(draw):
    """[(tick, rows that came before it, in any order)], none later than the tick by a minute."""
    ticks, at = [], draw(st.integers(-20, 20)) * EVERY_MS
    for _ in range(draw(st.integers(1, 14))):
        one = st.tuples(st.integers(0, SERIES - 1), st.integers(-110_000, 0), numbers)
        rows = draw(st.lists(one, max_size=12))
        ticks.append((at, [(s, at + behind, v) for s, behind, v in rows]))
        at += EVERY_MS * draw(st.sampled_from([1, 1, 1, 1, 2, 7, 30]))
    return ticks


def make(function, range_ms=RANGE_MS, limits=DEFAULT_LIMITS, every_ms=EVERY_MS):
    return LongStore(function, range_ms, pane_ms_of(range_ms, every_ms), limits)


def through_bytes(store, function, rng):
    """What a checkpoint makes of a store."""
    other = make(function)
    found = list(store.chunks({}))
    for chunk in rng.sample(found, len(found)):
        other.restore(chunk.name, chunk.payload)
    return other


def tolerance(function, rows):
    scale = largest(rows)
    if function == "stdvar_over_time":
        return scale**2
    return scale * 1e3 if function in ("stddev_over_time", "deriv", "predict_linear") else scale


@pytest.mark.parametrize("function", sorted(LONG_FUNCTIONS))
@given(timeline=timelines(), rng=st.randoms(), restart=st.booleans())
@settings(max_examples=12)
def test_at_every_tick_it_is_what_the_twin_says(function, timeline, rng, restart):
    store = make(function)
    came = []
    parameters = (np.array([90.0]),) * FUNCTIONS[function]
    for at, rows in timeline:
        store.append(*columns(rows))
        came += rows
        if restart:
            store = through_bytes(store, function, rng)
        values, mask = store.over(np.arange(SERIES), np.array([at]), parameters)
        for series in range(SERIES):
            wanted = twin.over(function, of(came, series), at, RANGE_MS, 90.0)
            assert mask[series, 0] == (wanted is not None)
            if wanted is not None:
                assert close(values[series, 0], wanted, tolerance(function, came)), (
                    values[series, 0], wanted,
                )  # fmt: skip


def test_the_width_of_panes():
    minute, hour, day = 60_000, 3_600_000, 86_400_000
    assert pane_ms_of(2 * hour, minute) == minute
    assert pane_ms_of(day, minute) == minute  # 1,440
    assert pane_ms_of(day, 15_000) == minute  # 5,760 would be exact
    assert pane_ms_of(day, minute, 5 * minute) == minute
    assert pane_ms_of(hour + 1_000, minute) == 5_000 - 1_000 - 1_000  # 1,221 panes of 3 s
    assert -(-30 * day // pane_ms_of(30 * day, minute)) <= 1_500
    assert pane_ms_of(30 * day, minute) % minute == 0


def test_an_average_of_what_would_overflow():
    store = make("avg_over_time")
    store.append(*columns([(0, t, 1.5e308) for t in range(-500_000, 0, 1_000)]))
    assert store.over(np.array([0]), np.array([0]))[0][0, 0] == 1.5e308


def test_more_panes_than_allowed_move_the_left_edge_a_little():
    day = 86_400_000
    store = make("count_over_time", 30 * day, every_ms=60_000)
    times = np.arange(0, 40 * day, 300_000)
    store.append(np.zeros(times.size, np.int64), times, np.ones(times.size))
    at = 35 * day + 61 * 60_000
    counted = store.over(np.array([0]), np.array([at]))[0][0, 0]
    assert abs(counted - 30 * 288) <= 30 * 288 / 1_500
    grown = make("increase", 30 * day, every_ms=60_000)
    grown.append(np.zeros(times.size, np.int64), times, times / 1_000)
    increase = grown.over(np.array([0]), np.array([at]))[0][0, 0]
    assert increase == pytest.approx(30 * 86_400, rel=1e-9)


def test_memory_is_bounded_and_used_again():
    limits = replace(DEFAULT_LIMITS, long_cells_max=100)
    store = make("sum_over_time", limits=limits)
    for at in range(0, 100 * EVERY_MS, EVERY_MS):
        series = at // EVERY_MS // 10  # one lives for ten ticks, then the next one
        store.append(np.array([series]), np.array([at]), np.array([1.0]))
        assert store.over(np.array([series]), np.array([at]))[1][0, 0]
    assert store.cells <= 100


def test_rows_of_closed_panes_are_late():
    store = make("sum_over_time")
    store.append(*columns([(0, 0, 1.0)]))
    store.over(np.array([0]), np.array([600_000]))
    store.append(*columns([(0, 100_000, 1.0), (0, 590_000, 1.0)]))
    assert store.over(np.array([0]), np.array([600_000]))[0][0, 0] == 1.0


def test_a_checkpoint_writes_the_open_block_only():
    store, known = make("sum_over_time", 100 * EVERY_MS), {}
    written = []
    for at in range(0, 200 * EVERY_MS, EVERY_MS):
        store.append(np.arange(5), np.full(5, at), np.ones(5))
        store.over(np.arange(5), np.array([at]))
        found = list(store.chunks(known))
        known = {chunk.name: chunk.version for chunk in found}
        written.append(sum(1 for chunk in found if chunk.payload and "/tail/" not in chunk.name))
    assert set(written[3:]) == {2}  # a block and the head


@pytest.mark.parametrize(
    ("name", "payload"),
    [("long/3", b"x"), ("long/3", pack({}, {})), ("long/head", pack({"function": "rate"}, {})),
     ("long/3", pack({"function": "sum_over_time", "pane_ms": EVERY_MS}, {})),
     ("long/3", pack({"function": "rate", "pane_ms": EVERY_MS}, {})),
     ("long/3", pack({"function": "sum_over_time", "pane_ms": EVERY_MS},
                     {"series": np.zeros(2, np.int64), "panes": np.zeros(1, np.int64),
                      "cells": np.zeros((1, 3))}))],
)  # fmt: skip
def test_a_damaged_chunk_is_refused(name, payload):
    with pytest.raises(SnapshotError):
        make("sum_over_time").restore(name, payload)
