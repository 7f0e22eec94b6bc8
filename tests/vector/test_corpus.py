"""Every case of the promqltest corpus over floats: by itself, in a range, and with `@`."""

from dataclasses import replace

import numpy as np
import pytest

from engine.promql import (
    Call,
    MatrixSelector,
    PromQLError,
    Subquery,
    VectorSelector,
    parse,
    walk,
)
from engine.vector import (
    Annotations,
    EvaluationError,
    Evaluator,
    Matrix,
    Scalar,
    Text,
    label_set,
    rows,
)
from tests.vector.corpus import equal, float_cases, loaded, number, said, sampling_cases

CASES = float_cases()
pytestmark = pytest.mark.skipif(not CASES, reason="corpus promqltest is missing")
STEP_MS = 60_000
UNSAFE = {
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "time",
    "timestamp",
}


def evaluated(expr, text, source, times, start_ms, end_ms):
    """Return the value, with final labels, and its annotations."""
    annotations = Annotations()
    evaluator = Evaluator(expr, text=text)
    # Twice: what is kept between calls must not change anything.
    for _ in range(2):
        value = evaluator.evaluate(
            source, np.array(times, np.int64), annotations, start_ms=start_ms, end_ms=end_ms
        )
        if isinstance(value, Matrix):
            value = evaluator.finish(value)
    return value, annotations


def check_step(value, step, result, ordered):
    """Compare one step with an instant result."""
    if result["type"] == "scalar":
        assert isinstance(value, Scalar)
        assert equal(float(value.values[step]), number(result["value"]))
        return
    if result["type"] == "string":
        assert value == Text(result["value"])
        return
    assert isinstance(value, Matrix), value
    have = rows(value, step)
    want = [(label_set(s["labels"]), number(s["values"][0])) for s in result["series"]]
    if not ordered:
        have, want = sorted(have, key=lambda row: row[0]), sorted(want, key=lambda row: row[0])
    assert [labels for labels, _ in have] == [labels for labels, _ in want]
    wrong = [(h, w) for h, w in zip(have, want) if not equal(h[1], w[1])]
    assert not wrong, wrong


def check_matrix(value, steps, result):
    """Compare all steps with the series of a range result."""
    want = {}
    for series in result["series"]:
        for step, text in enumerate(series["values"]):
            if text is not None:
                want.setdefault(step, {})[label_set(series["labels"])] = number(text)
    for step in range(steps):
        have = dict(rows(value, step))
        expected = want.get(step, {})
        assert have.keys() == expected.keys(), step
        assert all(equal(have[labels], expected[labels]) for labels in have), (have, expected)


def check_said(annotations, expect):
    assert said(expect["warn"], annotations.warnings), annotations.warnings
    assert said(expect["info"], annotations.infos), annotations.infos
    assert not (expect["no_warn"] and annotations.warnings)
    assert not (expect["no_info"] and annotations.infos)


def names(case):
    return case["id"]


def instants():
    return [c for c in CASES if c["eval"]["kind"] == "instant"]


@pytest.mark.parametrize("case", CASES, ids=names)
def test_case(case):
    """The value, the failure and the annotations of a case are the expected ones."""
    check_case(case, loaded(case))


@pytest.mark.parametrize("case", sampling_cases(), ids=names)
def test_sampling_case(case):
    """limitk and limit_ratio pick as many rows as upstream's tests want."""
    check_case(case, loaded(case, histogram=1.0))


def check_case(case, source):
    asked = case["eval"]
    text, expect = asked["expr"], asked["expect"]
    if asked["kind"] == "instant":
        times = [asked["at_ms"]]
    else:
        times = list(range(asked["start_ms"], asked["end_ms"] + 1, asked["step_ms"]))
    ends = times[0], times[-1]
    if expect["fail"]:
        with pytest.raises((EvaluationError, PromQLError)) as raised:
            evaluated(parse(text), text, source, times, *ends)
        if "msg" in expect["fail"]:
            assert str(raised.value) == expect["fail"]["msg"]
        return
    value, annotations = evaluated(parse(text), text, source, times, *ends)
    if asked["kind"] == "instant":
        check_step(value, 0, asked["result"], expect["ordered"])
    else:
        check_matrix(value, len(times), asked["result"])
    check_said(annotations, expect)


@pytest.mark.parametrize("case", instants(), ids=names)
def test_in_a_range(case):
    """In the middle of three steps the value is that of an instant evaluation."""
    asked = case["eval"]
    text, expect, at_ms = asked["expr"], asked["expect"], asked["at_ms"]
    if "start()" in text or "end()" in text:
        return
    times = [at_ms - STEP_MS, at_ms, at_ms + STEP_MS]
    if expect["fail"]:
        with pytest.raises((EvaluationError, PromQLError)):
            evaluated(parse(text), text, loaded(case), times, times[0], times[-1])
        return
    value, _ = evaluated(parse(text), text, loaded(case), times, times[0], times[-1])
    check_step(value, 1, asked["result"], False)


def pinned(expr, at_ms):
    """Return a tree whose selectors have `@`, those inside subqueries as they are."""
    match expr:
        case VectorSelector(at=None) | Subquery(at=None):
            return replace(expr, at=at_ms)
        case VectorSelector() | Subquery():
            return expr
        case MatrixSelector():
            return replace(expr, vector=pinned(expr.vector, at_ms))
    fields = {}
    for name in expr.__dataclass_fields__:
        value = getattr(expr, name)
        if name == "args":
            fields[name] = tuple(pinned(argument, at_ms) for argument in value)
        elif name in ("expr", "left", "right") or (name == "parameter" and value is not None):
            fields[name] = pinned(value, at_ms)
    return replace(expr, **fields) if fields else expr


@pytest.mark.parametrize("case", instants(), ids=names)
def test_pinned(case):
    """With `@ t` the value is the same whenever it is evaluated."""
    asked = case["eval"]
    text, expect, at_ms = asked["expr"], asked["expect"], asked["at_ms"]
    try:
        expr = parse(text)
    except PromQLError:
        return
    if any(isinstance(node, Call) and node.function in UNSAFE for node in walk(expr)):
        return
    expr = pinned(expr, at_ms)
    times = [at_ms - 7 * STEP_MS, at_ms, at_ms + 100 * STEP_MS]
    if expect["fail"]:
        with pytest.raises(EvaluationError):
            evaluated(expr, text, loaded(case), times, times[0], times[-1])
        return
    value, _ = evaluated(expr, text, loaded(case), times, times[0], times[-1])
    for step in range(3):
        check_step(value, step, asked["result"], False)
