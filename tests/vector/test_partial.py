"""Aggregations in parts: however rows are spread over senders, the owner gets the same bits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.promql import Aggregation, parse
from engine.vector import (
    PARTIAL,
    Labels,
    Matrix,
    PartialMerge,
    finish,
    label_set,
    memo_of,
    merge_partials,
    partial,
    rows,
)
from tests.vector.corpus import equal

values = st.floats() | st.sampled_from([1e308, -1e308, 1.0, 1e100, -1e100, math.inf, -math.inf])


def aggregation(operator, by="g"):
    expr = parse(f"{operator} by ({by}) (a)")
    assert isinstance(expr, Aggregation)
    return expr


def matrix_of(entries, steps=1):
    """Return a matrix of (group, id, value per step or None) rows."""
    labels = Labels()
    held, mask = np.zeros((len(entries), steps)), np.zeros((len(entries), steps), bool)
    for row, (group, number, points) in enumerate(entries):
        labels.add(label_set({"__name__": "a", "g": group, "i": str(number)}))
        for step, value in enumerate(points):
            if value is not None:
                held[row, step], mask[row, step] = value, True
    return Matrix(labels, held, mask)


def merged(operator, parts):
    asked = aggregation(operator)
    sent = [partial(asked, matrix_of(part, 2), memo_of(asked)) for part in parts]
    return [dict(rows(merge_partials(asked, sent), step)) for step in range(2)]


def same_bits(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        if math.isnan(value):
            assert math.isnan(other[key])
        else:
            assert value == other[key], key
            assert math.copysign(1, value) == math.copysign(1, other[key])


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(sorted(PARTIAL)),
    st.lists(
        st.tuples(
            st.sampled_from(["p", "q"]),
            st.tuples(st.none() | values, st.none() | values),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_spread_over_senders(operator, drawn):
    """One sender and four, in order and reversed: sums may overflow in one order and not another."""
    entries = [(group, number, points) for number, (group, points, _) in enumerate(drawn)]
    alone = merged(operator, [entries])
    parts = [[e for e, d in zip(entries, drawn) if d[2] == sender] for sender in range(4)]
    spread = merged(operator, parts[::-1])
    large = any(v is not None and 1e307 < abs(v) < math.inf for _, p, _ in drawn for v in p)
    for one, other in zip(alone, spread):
        assert one.keys() == other.keys()
        if not (large and operator == "sum"):
            same_bits(one, other)


@pytest.mark.parametrize("operator", sorted(PARTIAL))
def test_naive(operator):
    """The values are what Python computes."""
    points = [3.0, 1.0, math.nan, 2.0]
    have = merged(operator, [[("p", i, (v, None))] for i, v in enumerate(points)])
    numbers = [v for v in points if not math.isnan(v)]
    want = {
        "sum": math.nan, "avg": math.nan, "count": 4.0, "group": 1.0,
        "min": min(numbers), "max": max(numbers),
    }[operator]  # fmt: skip
    assert have[1] == {}
    assert equal(have[0][(("g", "p"),)], want)


def test_small_and_great_numbers():
    """A sum does not lose what is small beside what goes away again; a mean does not overflow."""
    tiny = merged(
        "sum", [[("p", 0, (1e100, 1.0))], [("p", 1, (1.0, 1.0)), ("p", 2, (-1e100, 1.0))]]
    )
    assert tiny[0][(("g", "p"),)] == 1.0
    great = merged("avg", [[("p", 0, (1.7e308, 1.0)), ("p", 1, (1.7e308, 1.0))]] * 1)
    assert great[0][(("g", "p"),)] == 1.7e308


def test_merge_keeps_in_step():
    """A kept merge takes in senders' new rows, senders that begin anew, and no senders."""
    asked = aggregation("sum")
    merge = PartialMerge(asked)
    memos = [memo_of(asked), memo_of(asked)]
    first = matrix_of([("p", 0, (1.0,))])
    second = matrix_of([("p", 1, (2.0,)), ("q", 2, (5.0,))])
    parts = [partial(asked, m, memo) for m, memo in zip([first, second], memos)]
    assert dict(rows(merge(parts))) == {(("g", "p"),): 3.0, (("g", "q"),): 5.0}
    first.labels.add(label_set({"__name__": "a", "g": "r", "i": "3"}))
    grown = Matrix(first.labels, np.array([[1.0], [7.0]]), np.ones((2, 1), bool))
    parts[0] = partial(asked, grown, memos[0])
    assert dict(rows(merge(parts))) == {(("g", "p"),): 3.0, (("g", "q"),): 5.0, (("g", "r"),): 7.0}
    for _ in range(40):
        parts[1] = partial(asked, matrix_of([("p", 1, (4.0,))]), memo_of(asked))
        have = dict(rows(merge(parts)))
    assert have == {(("g", "p"),): 5.0, (("g", "r"),): 7.0}
    assert merge([]).values.shape == (0, 1)


def test_names_go_with_their_rows():
    """A group with the metric name loses it where a row with a dropped name is present."""
    asked = aggregation("count", "__name__")
    kept, dropped = Labels(), Labels()
    kept.add(label_set({"__name__": "a", "i": "0"}))
    dropped.add(label_set({"__name__": "a", "i": "1"}), True)
    ones, there = np.ones((1, 2)), np.ones((1, 2), bool)
    parts = [
        partial(asked, Matrix(kept, ones, there), memo_of(asked)),
        partial(asked, Matrix(dropped, ones, np.array([[True, False]])), memo_of(asked)),
    ]
    out = finish(merge_partials(asked, parts))
    assert rows(out, 0) == [((), 2.0)]
    assert rows(out, 1) == [((("__name__", "a"),), 1.0)]
