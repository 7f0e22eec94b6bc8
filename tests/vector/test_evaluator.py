"""What an Evaluator keeps between calls, and the edges of its contract."""

import numpy as np
import pytest

from engine.promql import Aggregation, Binary, Number, parse
from engine.vector import (
    Annotations,
    EvaluationError,
    Evaluator,
    Exchanged,
    Labels,
    Matrix,
    Scalar,
    finish,
    label_set,
    rows,
)
from tests.vector.asking import ask, store
from tests.vector.naive_source import STALE, NaiveSource


class Fixed:
    """A source whose every answer is one matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def instant(self, selector, times):
        return self.matrix

    def over(self, function, selector, times, parameters):
        return self.matrix


class Counting(str):
    """A label value that counts how often it is looked at."""

    looks = 0

    def __hash__(self):
        type(self).looks += 1
        return super().__hash__()

    def __eq__(self, other):
        type(self).looks += 1
        return str.__eq__(self, other)


def evaluated(evaluator, source, t_ms=0):
    return evaluator.evaluate(
        source, np.array([t_ms]), Annotations(), start_ms=t_ms, end_ms=t_ms
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "sum by (x) (rate(a[5m])) / on (x) group_right() avg without (y) (a) > 0",
        'label_replace(a, "z", "$1", "x", "(.*)") or on (y) (a unless a)',
        "topk by (x) (2, abs(a)) and ignoring (y) quantile by (x) (0.5, -a)",
    ],
)
def test_label_work_is_done_once(text):
    """A second evaluation looks at no label; one new row costs a row's work."""
    labels = Labels()
    for n in range(50):
        labels.add(label_set({"__name__": "a", "x": Counting(n % 5), "y": Counting(n)}))
    matrix = Matrix(labels, np.ones((50, 1)), np.ones((50, 1), bool))
    source, evaluator = Fixed(matrix), Evaluator(parse(text))
    first = evaluator.finish(evaluated(evaluator, source))
    Counting.looks = 0
    second = evaluator.finish(evaluated(evaluator, source))
    assert Counting.looks == 0
    assert second.labels is first.labels
    assert dict(rows(second)) == dict(rows(first))
    labels.add(label_set({"__name__": "a", "x": Counting(0), "y": Counting(99)}))
    source.matrix = Matrix(labels, np.ones((51, 1)), np.ones((51, 1), bool))
    Counting.looks = 0
    evaluator.finish(evaluated(evaluator, source))
    assert 0 < Counting.looks < 100


def test_rows_are_append_only():
    """A row keeps its number and labels for as long as the source's do."""
    source = store({'a{x="1"}': [1, None], 'a{x="2"}': [None, 2]})
    evaluator = Evaluator(parse("a > 0"))
    first = evaluator.finish(evaluated(evaluator, source, 0))
    assert first.labels.sets == [label_set({"__name__": "a", "x": "1"})]
    second = evaluator.finish(evaluated(evaluator, source, 30_000))
    assert second.labels is first.labels
    assert [dict(labels)["x"] for labels in second.labels.sets] == ["1", "2"]


def test_fewer_rows_than_labels():
    """A matrix may lack the newest rows of its Labels."""
    labels = Labels()
    for n in range(3):
        labels.add(label_set({"__name__": "a", "x": str(n)}))
    for text in ("a + 1", "a + on(x) a", "sum(a) + sum(a)", "a or a", "-a", "topk(1, a)"):
        evaluator = Evaluator(parse(text))
        for count in (2, 3, 1):
            source = Fixed(Matrix(labels, np.ones((count, 1)), np.ones((count, 1), bool)))
            value = evaluator.finish(evaluated(evaluator, source))
            assert len(rows(value)) == (1 if "sum" in text or "topk" in text else count), text


def test_another_source():
    """An evaluator that meets other Labels begins anew."""
    evaluator = Evaluator(
        parse('a + on(x) group_left() b{y="1"} or on(x) label_join(a, "z", "", "x")')
    )
    for x in "123":
        source = store({f'a{{x="{x}"}}': [1], f'b{{x="{x}",y="1"}}': [2]})
        assert set(dict(rows(evaluator.finish(evaluated(evaluator, source))))) == {(("x", x),)}


def test_exchanged():
    """A subtree that shards evaluated is a leaf; scalars come as one row."""
    labels = Labels()
    labels.add(label_set({"x": "1"}))
    sent = {
        "v": lambda times: Matrix(labels, times[np.newaxis] / 1000, np.ones((1, times.size), bool))
    }
    source = NaiveSource(exchanged=sent)
    expr = parse("sum(a) * 2")
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Aggregation)
    tree = Binary("*", Exchanged("v"), Number(2.0))
    assert rows(evaluated(Evaluator(tree), source, 3000)) == [((("x", "1"),), 6.0)]
    value = evaluated(Evaluator(Exchanged("v", "scalar")), source, 3000)
    assert isinstance(value, Scalar)
    assert value.values.tolist() == [3.0]
    with pytest.raises(EvaluationError):
        evaluated(Evaluator(Exchanged("w")), source)


def test_subquery_step():
    """A subquery without a step takes the default one; steps are multiples of it."""
    source = NaiveSource()
    for default, count in ((60_000, 5.0), (30_000, 10.0)):
        expr = parse("count_over_time(vector(1)[5m:])")
        value = evaluated(Evaluator(expr, default_step_ms=default), source, 310_000)
        assert rows(value) == [((), count)]
    assert ask("sum_over_time(vector(time())[1m:20s])", source, 70_000) == {(): 20.0 + 40 + 60}
    assert ask("max_over_time(vector(time())[1m:20s] offset -1m)", source, 70_000) == {(): 120.0}


def test_start_and_end():
    """@ start() and end() are those of the whole query, in subqueries too."""
    source = store({"a": [0, 1, 2, 3, 4]})
    expr = parse("max_over_time((a @ end() - a @ start())[1m:30s])")
    value = Evaluator(expr).evaluate(
        source, np.array([30_000, 60_000]), Annotations(), start_ms=30_000, end_ms=120_000
    )
    assert [rows(finish(value), step) for step in (0, 1)] == [[((), 3.0)]] * 2


def test_predictions_are_from_the_evaluation():
    """predict_linear looks ahead from the evaluation's time, whatever its window's own end is."""
    source = store({"a": list(range(41))})
    assert ask("predict_linear(a[5m], 60)", source, 600_000) == {(): 22.0}
    assert ask("predict_linear(a[5m] offset 5m, 60)", source, 600_000) == {(): 22.0}
    assert ask("predict_linear(a[5m] @ 300, 60)", source, 600_000) == {(): 22.0}
    assert ask("predict_linear(a[5m:30s] offset 5m, 60)", source, 600_000) == {(): 22.0}


def test_a_range_has_no_value():
    with pytest.raises(EvaluationError):
        Evaluator(parse("a[5m]"))


def test_a_partner_changes():
    """The row of the one side comes and goes; labels taken from it are those of the moment."""
    source = store({
        'a{x="1"}': [1, 1, 1],
        'b{x="1",y="p"}': [2, "NaN", None],
        'b{x="1",y="q"}': [None, None, 3],
    })  # fmt: skip
    source.series[label_set({"__name__": "b", "x": "1", "y": "p"})][60_000] = STALE
    evaluator = Evaluator(parse("a * on(x) group_left(y) b"))
    for t_ms, y, value in ((0, "p", 2.0), (60_000, "q", 3.0), (0, "p", 2.0)):
        have = rows(evaluator.finish(evaluated(evaluator, source, t_ms)))
        assert have == [((("x", "1"), ("y", y)), value)]


def test_a_mixed_group_keeps_its_name_while_it_may():
    """A group by name loses it at the steps where a row is present whose name is to go."""
    source = store({'a{x="1"}': [1, 1, None], 'a{x="2"}': [None, 5, 9]}, 300_000)
    evaluator = Evaluator(parse('sum by (__name__) (a{x="1"} or -a{x="2"})'))
    want = [{(("__name__", "a"),): 1.0}, {(): -4.0}, {(): -9.0}]
    for step, expected in enumerate(want):
        assert (
            dict(rows(evaluator.finish(evaluated(evaluator, source, step * 300_000)))) == expected
        )


def test_a_filter_between_vectors_brings_no_name_back():
    """As promtool 3.15 has it; with its flag for delayed name removal the name would be there."""
    source = store({'a_total{x="1"}': [0, 60, 120], 'b_total{x="1"}': [0, 30, 60]})
    for text in ("rate(a_total[5m]) > rate(b_total[5m])", "-a_total < on (x) group_left b_total"):
        assert set(ask(text, source, 60_000)) == {(("x", "1"),)}
    named = {(("__name__", "a_total"), ("x", "1"))}
    assert set(ask("a_total > rate(b_total[5m])", source, 60_000)) == named
