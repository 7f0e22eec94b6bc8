"""Functions against Python's own: calendar, labels, order, absence, scalars."""

import math
from calendar import monthrange
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.promql import parse
from engine.vector import Annotations, EvaluationError, Evaluator, Scalar, Text, rows
from engine.vector.elementwise import DATES
from tests.vector.asking import ask, store

seconds = st.integers(-62_135_596_800 + 86_400, 253_402_300_799)


@given(st.lists(seconds, min_size=1, max_size=8))
def test_dates(times):
    """The calendar is Python's."""
    dates = [datetime.fromtimestamp(s, UTC) for s in times]
    want = {
        "year": [d.year for d in dates],
        "month": [d.month for d in dates],
        "day_of_month": [d.day for d in dates],
        "day_of_week": [d.isoweekday() % 7 for d in dates],
        "day_of_year": [d.timetuple().tm_yday for d in dates],
        "days_in_month": [monthrange(d.year, d.month)[1] for d in dates],
        "hour": [d.hour for d in dates],
        "minute": [d.minute for d in dates],
    }
    column = np.array(times, np.float64)
    for name, apply in DATES.items():
        assert apply(column).tolist() == want[name], name


def test_dates_without_a_date():
    source = store({"a": [math.nan]})
    assert math.isnan(ask("year(a)", source)[()])
    assert ask("year()", source, 1_700_000_000_000) == {(): 2023.0}


def test_label_replace():
    source = store({'a{x="p-q"}': [1]})

    def replaced(template, regex="(.*)-(.*)", source_label="x"):
        text = f'label_replace(a, "y", "{template}", "{source_label}", "{regex}")'
        ((labels, _),) = ask(text, source).items()
        return dict(labels).get("y")

    assert replaced("$2/$1") == "q/p"
    assert replaced("${1}x") == "px"
    assert replaced("$1x") is None  # the group named 1x
    assert replaced("$$1") == "$1"
    assert replaced("$9") is None
    assert replaced("$name", "(?P<name>.).*") == "p"
    assert replaced("v", "q") is None  # anchored
    assert replaced("v", "", "none") == "v"  # a missing label is empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('label_replace(a, "y", "", "x", "(")', "invalid regular expression in label_replace(): ("),
        ('label_replace(a, "", "", "x", "")', "invalid destination label name in label_replace(): "),
        ('label_join(a, "", ",", "x")', "invalid destination label name in label_join(): "),
        ('label_replace({x=~".+"}, "x", "", "x", ".*")', None),
        ("topk(NaN, a)", "Parameter value is NaN"),
        ("topk(1e30, a)", "Scalar value 1e+30 overflows int64"),
        ("a + on() group_left() {x!=\"\"}",
         'found duplicate series for the match group {} on the right hand-side of the operation: '
         '[{__name__="a", x="2"}, {__name__="a", x="1"}];many-to-many matching not allowed: '
         "matching labels must be unique on one side"),
        ('a + on() b', "multiple matches for labels: many-to-one matching must be explicit "
         "(group_left/group_right)"),
        ('{__name__=~"b|c"} * on() group_left() d',
         "multiple matches for labels: grouping labels must ensure unique matches"),
        ('-{__name__=~"b|c"}', "vector cannot contain metrics with the same labelset"),
    ],
)  # fmt: skip
def test_refusals(text, message):
    """What Prometheus refuses is refused in its words, at evaluation and not before."""
    source = store({'a{x="1"}': [1], 'a{x="2"}': [2], "b": [1], "c": [1], "d": [1]})
    evaluator = Evaluator(parse(text))
    if message is None:
        assert ask(text, store({'a{x="1"}': [1]}))
        return

    def call():
        value = evaluator.evaluate(source, np.array([0]), Annotations(), start_ms=0, end_ms=0)
        evaluator.finish(value)

    with pytest.raises(EvaluationError) as raised:
        call()
    assert str(raised.value) == message


def test_order():
    source = store({f'a{{x="{i}"}}': [v] for i, v in enumerate([3, math.nan, 1, 2])})

    def order(text):
        evaluator = Evaluator(parse(text))
        value = evaluator.evaluate(source, np.array([0]), Annotations(), start_ms=0, end_ms=0)
        return [dict(labels)["x"] for labels, _ in rows(evaluator.finish(value))]

    assert order("sort(a)") == ["2", "3", "0", "1"]
    assert order("sort_desc(a)") == ["0", "3", "2", "1"]
    assert order("sort(a) > 1") == ["3", "0"]
    assert order("topk(2, a)") == ["0", "3"]
    assert order("bottomk(3, a)") == ["2", "3", "0"]
    assert order("topk(9, a)") == ["0", "3", "2", "1"]


def test_ranks():
    """Equals: who came first stays. k beyond the group: all; below 1: none."""
    source = store({f'a{{x="{i}",g="{g}"}}': [v] for i, (g, v) in enumerate(
        [("p", 1), ("p", 1), ("p", 1), ("q", 5), ("q", math.nan)])})  # fmt: skip
    have = {dict(labels)["x"] for labels in ask("topk by (g) (2, a)", source)}
    assert have == {"0", "1", "3", "4"}
    assert {dict(labels)["x"] for labels in ask("bottomk by (g) (1, a)", source)} == {"0", "3"}
    assert ask("topk(0.9, a)", source) == {}
    assert ask("topk(-1, a)", source) == {}


def test_count_values():
    source = store({'a{x="1"}': [1.5], 'a{x="2"}': [1.5], 'a{x="3"}': [1e21], "b": [math.nan]})
    assert ask('count_values("v", a)', source) == {
        (("v", "1.5"),): 2.0, (("v", "1000000000000000000000"),): 1.0
    }  # fmt: skip
    assert ask('count_values without (x) ("v", a)', source) == ask('count_values("v", a)', source)
    assert ask('count_values("x", b)', source) == {(("x", "NaN"),): 1.0}
    assert set(ask('count_values by (x) ("v", a)', source).values()) == {1.0}


def test_deviations():
    values = [1.0, 4.0, 4.0, 9.0]
    source = store({f'a{{x="{i}"}}': [v] for i, v in enumerate(values)})
    variance = float(np.var(values))
    assert ask("stdvar(a)", source)[()] == pytest.approx(variance)
    assert ask("stddev(a)", source)[()] == pytest.approx(math.sqrt(variance))
    assert ask("stdvar(a > 8)", source) == {(): 0.0}
    source = store({'a{x="1"}': [1], 'a{x="2"}': [math.inf]})
    assert math.isnan(ask("stddev(a)", source)[()])


def test_scalars_and_texts():
    source = store({"a": [7], 'b{x="1"}': [1], 'b{x="2"}': [2]})
    assert ask('"x"', source) == Text("x")
    value = ask("scalar(a) + pi() - time() + scalar(none)", source)
    assert isinstance(value, Scalar)
    assert math.isnan(value.values[0])
    assert ask("(scalar(a))", source).values.tolist() == [7.0]
    assert math.isnan(ask("scalar(b)", source).values[0])
    assert ask("2 > bool 1", source).values.tolist() == [1.0]
    assert ask("-(2 ^ 3 % 3)", source).values.tolist() == [-2.0]


def test_clamp():
    source = store({"a": [5], "b": [math.nan]})
    assert ask("clamp(a, 1, 3)", source) == {(): 3.0}
    assert ask("clamp(a, 3, 1)", source) == {}
    assert ask("clamp_min(a, 9)", source) == {(): 9.0}
    assert math.isnan(ask("clamp_max(b, 9)", source)[()])


def test_absent():
    source = store({"a": [1]})
    assert ask("absent(a)", source) == {}
    assert ask('absent(b{x="1",y=~"2",z="3",z="4"})', source) == {(("x", "1"),): 1.0}
    assert ask('absent_over_time((b{x="1"})[1m:])', source) == {(): 1.0}
    assert ask('absent_over_time(b{x="1"}[1m])', source) == {(("x", "1"),): 1.0}
    assert ask("absent_over_time(a[1m])", source) == {}


def test_native_only():
    assert ask("histogram_count(a)", store({"a": [1]})) == {}
