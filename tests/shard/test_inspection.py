"""What a shard says of series that somebody only asks about."""

import pytest

from engine.promql import parse
from engine.replay import Pipeline
from engine.rules import compile_plan, load
from engine.shard import covers, held, rows_now
from engine.sources import SourceSpec
from engine.vector import EvaluationError
from tests.shard.world import LATENESS_MS, T0, sample, second

RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: A, expr: 'errors{service=~"a|b"} > 100'}
  - {alert: B, expr: 'rate(requests[10s]) > 100'}
"""


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    """Ten services with a sample a second for twenty seconds; rules read `a`, `b` of one metric."""
    rules, findings = load({"r.yml": RULES})
    assert rules is not None, findings
    made = Pipeline(compile_plan(rules), [SourceSpec("metrics", "metrics", LATENESS_MS, 1)], 1)
    for number in range(20):
        at_ms = T0 + number * 1_000
        second(made, number, *(
            sample(index + number, at_ms, name, service=service)
            for name in ("errors", "requests") for index, service in enumerate("abcdefghij")
        ))  # fmt: skip
    return made


def asked(pipe: Pipeline, text: str) -> tuple:
    (owner,) = pipe.owners
    selector = parse(text).selector  # type: ignore[union-attr]
    named = [
        number
        for number, raw in enumerate(owner.series.raw)
        if f"\x1f__name__\x1e{selector[0].value}\x1f".encode() in raw
    ]
    return owner, selector, named


def test_rings_that_there_are(pipe: Pipeline) -> None:
    owner, _, errors = asked(pipe, "errors")
    assert held(owner, errors).series == len(errors) == 2  # what no rule reads is not sent here
    assert held(owner, errors).gaps_ms == (1_000, 1_000)
    assert held(owner, []) == held(owner, [10_000])
    assert held(owner, []).series == 0


@pytest.mark.parametrize(
    ("text", "reach_ms", "whole"),
    [
        ('errors{service=~"a|b"}', 300_000, True),
        ('errors{service="a",service=~"a|b"}', 300_000, True),
        ('errors{service="a"}', 1, False),
        ("errors", 1, False),
        ("requests", 10_000, True),
        ('requests{service="a"}', 10_000, True),
        ("requests", 20_000, False),
        ("others", 1, False),
    ],
)
def test_what_is_held_as_a_whole(pipe: Pipeline, text: str, reach_ms: int, whole: bool) -> None:
    owner, selector, _ = asked(pipe, text)
    assert covers(owner, "default", selector, reach_ms) is whole
    assert not covers(owner, "another", selector, reach_ms)


@pytest.mark.parametrize(
    ("text", "name", "rows"),
    [
        ("rate(requests[5s]) > 0", "requests", 10),
        ("requests > 20", "requests", 6),  # 17..26 at the watermark, two seconds behind
        ("requests > 20 < 22", "requests", 1),
        ("-requests < -25", "requests", 1),
        ("abs(requests) * 2 > 1000", "requests", 0),
    ],
)
def test_rows_as_of_the_watermark(pipe: Pipeline, text: str, name: str, rows: int) -> None:
    owner, _, series = asked(pipe, name)
    indexed = dict(owner.groups.feeds.indexes["default"].found)
    assert sum(rows_now(owner, parse(text), series)) == rows
    assert indexed == owner.groups.feeds.indexes["default"].found, "asking leaves nothing behind"


def test_what_cannot_be_evaluated(pipe: Pipeline) -> None:
    owner, _, series = asked(pipe, "requests")
    with pytest.raises(EvaluationError):
        list(rows_now(owner, parse('label_replace(requests, "x", "$1", "service", "(")'), series))


def test_before_any_time_has_passed() -> None:
    rules, _ = load({"r.yml": RULES})
    assert rules is not None
    fresh = Pipeline(compile_plan(rules), [SourceSpec("metrics", "metrics", 0, 1)], 1)
    owner, _, _ = asked(fresh, "requests")
    assert list(rows_now(owner, parse("requests > 0"), [])) == []
