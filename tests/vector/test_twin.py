"""Random expressions over random series: the evaluator agrees with a naive one, tick by tick.

One Evaluator is used for all ticks while series come, go stale and come again: what it keeps
between calls must not show.
"""

import math
import os

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from engine.promql import parse
from engine.vector import Annotations, EvaluationError, Evaluator, label_set, rows
from tests.vector.corpus import equal
from tests.vector.naive_evaluator import Naive, RefusedError, final
from tests.vector.naive_source import STALE, NaiveSource

STEP_MS = 30_000
EXAMPLES = int(os.environ.get("TOCSIN_EXAMPLES", "120"))
values = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, 4.0, math.nan, math.inf, -math.inf, STALE])
series = st.fixed_dictionaries(
    {
        "__name__": st.sampled_from(["a", "b"]),
        "x": st.sampled_from(["", "1", "2"]),
        "y": st.sampled_from(["", "1", "2"]),
    }
).map(label_set)
samples = st.lists(st.tuples(st.integers(0, 40).map(lambda n: n * STEP_MS), values), max_size=20)
stores = st.dictionaries(series, samples, min_size=1, max_size=8)

selectors = st.sampled_from(
    ["a", "b", 'a{x="1"}', 'b{y!=""}', '{__name__=~"a|b"}', "a offset 1m", "b @ 600", 'a{x="9"}']
)
labels = st.sampled_from(["", "x", "y", "x, y", "__name__", "__name__, x"])
scalars = st.sampled_from(["1", "2", "-1", "time()", "scalar(a)", "0"])
comparisons = st.sampled_from([">", "<", "==", "!=", ">=", "<="])
arithmetics = st.sampled_from(["+", "-", "*", "/"])
ranged = st.sampled_from(
    [
        "rate",
        "delta",
        "sum_over_time",
        "last_over_time",
        "first_over_time",
        "changes",
        "count_over_time",
        "max_over_time",
    ]
)


def extended(inner):
    matching = st.builds("{}({})".format, st.sampled_from(["on", "ignoring"]), labels)
    grouped = st.builds(
        "{} {}({})".format,
        matching,
        st.sampled_from(["group_left", "group_right"]),
        st.sampled_from(["", "y", "x"]),
    ).filter(lambda text: not any(
        name in text.partition("group")[0] and name in text.partition("group")[2] and "on" in text
        for name in "xy"
    ))  # fmt: skip
    operators = st.one_of(arithmetics, comparisons, comparisons.map("{} bool".format))
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, scalars),
        st.builds("({} {} {})".format, scalars, operators, inner),
        st.builds("({} {} {} {})".format, inner, operators, st.one_of(matching, grouped), inner),
        st.builds(
            "({} {} {} {})".format, inner, st.sampled_from(["and", "or", "unless"]), matching, inner
        ),
        st.builds(
            "{} {} ({}) ({})".format,
            st.sampled_from(["sum", "avg", "min", "max", "count", "group"]),
            st.sampled_from(["by", "without"]), labels, inner,
        ),
        st.builds("quantile by ({}) (0.5, {})".format, labels, inner),
        st.builds('label_replace({}, "{}", "$1", "{}", "(.*)")'.format, inner,
                  st.sampled_from(["x", "y", "__name__"]), st.sampled_from(["x", "y"])),
        st.builds("-({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "timestamp"]), inner.map("({} + 0)".format)),
        st.builds("{}(({})[2m:30s])".format, ranged, inner),
        st.builds("{}(({})[90s:] offset 30s)".format, ranged, inner),
        st.builds("absent({} + 0)".format, inner),
        st.builds("vector({})".format, scalars),
    )  # fmt: skip


expressions = st.recursive(
    st.one_of(
        selectors,
        st.builds("{}({}[2m])".format, ranged, st.sampled_from(["a", "b", '{__name__=~"a|b"}'])),
    ),
    extended,
    max_leaves=4,
)


def told(call):
    """Return a result, or None where it was refused."""
    try:
        return call()
    except (EvaluationError, RefusedError) as error:
        note(f"{type(error).__name__}: {error}")
        return None


def same(have, want):
    if have is None or want is None:
        return have is want
    return have.keys() == want.keys() and all(equal(have[key], want[key]) for key in have)


def evaluated(evaluator, source, times):
    value = evaluator.evaluate(
        source, np.array(times, np.int64), Annotations(), start_ms=times[0], end_ms=times[-1]
    )
    value = evaluator.finish(value)
    return [dict(rows(value, step)) for step in range(len(times))]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(stores, expressions, st.lists(st.integers(0, 44), min_size=1, max_size=4))
def test_ticks(store, text, ticks):
    """At every tick the value is the naive one, while series appear one by one."""
    expr = parse(text)
    evaluator, source = Evaluator(expr, text=text), NaiveSource()
    waiting = list(store.items())
    for tick in ticks:
        for labels, points in waiting[:3]:
            source.add(labels, points)
        del waiting[:3]
        t = tick * STEP_MS
        want = told(lambda t=t: final(Naive(source).vector(expr, t)))
        have = told(lambda t=t: evaluated(evaluator, source, [t])[0])
        assert same(have, want), (text, t, have, want)


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(stores, expressions, st.integers(0, 40), st.integers(2, 5))
def test_ranges(store, text, first, count):
    """Steps of a range have the values of instants; it is refused where one of them is."""
    expr, source = parse(text), NaiveSource(store.items())
    times = [(first + step) * STEP_MS for step in range(count)]
    want = [told(lambda t=t: final(Naive(source).vector(expr, t))) for t in times]
    have = told(lambda: evaluated(Evaluator(expr), source, times))
    if None in want:
        assert have is None, (text, want, have)
        return
    assert have is not None, (text, want)
    for t, one, other in zip(times, have, want):
        assert same(one, other), (text, t, one, other)
