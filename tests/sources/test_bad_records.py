"""A bad record is named and kept, and its neighbours in the same fetch are taken."""

import json
import warnings

import pytest

from engine.limits import DEFAULT_LIMITS
from engine.rules import compile_plan, load
from engine.sources import Fetch, SourceSpec, SourceStage
from tests.acceptance import bad

NOW_MS = 1_795_000_000_000
RULES = """\
groups:
- name: bad
  rules:
  - alert: Samples
    metrics: good
    window: {tumbling: 2s}
    by: [group]
    compute: {n: count()}
    when: n > 0
  - alert: Lines
    logs: '{job="good"}'
    window: {tumbling: 2s}
    by: [group]
    compute: {n: count(), users: distinct(user), total: sum(n)}
    when: n > 0 and users > 0 and total > 0
"""
BAD = [
    *(("metrics", reason, value) for reason, value in bad.bad_metrics(NOW_MS, "g")),
    *(("logs", reason, value) for reason, value in bad.bad_lines(NOW_MS, "g")),
]
ODD = [
    *(("metrics", value) for value in bad.odd_metrics(NOW_MS, "g")),
    *(("logs", value) for value in bad.odd_lines(NOW_MS, "g")),
]


def stage() -> SourceStage:
    rules, findings = load({"bad.yml": RULES}, limits=DEFAULT_LIMITS)
    assert rules is not None, findings
    specs = [SourceSpec(kind, kind, 2_000, 1) for kind in ("metrics", "logs")]
    made = SourceStage(specs, 4, b"secret", DEFAULT_LIMITS)
    made.use([compile_plan(rules)])
    for kind in ("metrics", "logs"):
        made.assign(kind, 0, 7)
    return made


def taken(kind: str, value: bytes | None) -> tuple[int, list[dict]]:
    """How many rows of [good, value, good] were taken, and what was kept as a reject."""
    good = (bad.metric if kind == "metrics" else bad.line)(NOW_MS, "g")
    made = stage()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs = made.take(kind, 0, Fetch(7, [7, 8, 9], [NOW_MS] * 3, [good, value, good]), NOW_MS)
    kept = [json.loads(o.value or b"") for o in outputs if o.topic == "rejects"]
    return made.samples_total + made.lines_total, kept


@pytest.mark.parametrize(("kind", "reason", "value"), BAD)
def test_a_bad_record_is_named(kind: str, reason: str, value: bytes | None) -> None:
    rows, kept = taken(kind, value)
    assert rows == 2
    assert [(k["topic"], k["partition"], k["offset"], k["reason"]) for k in kept] == [
        (kind, 0, 8, reason)
    ]
    assert len(kept[0]["text"]) <= 512
    assert len(kept[0]["record"]) <= 4 * DEFAULT_LIMITS.reject_bytes_max


@pytest.mark.parametrize(("kind", "value"), ODD)
def test_an_odd_record_is_taken(kind: str, value: bytes) -> None:
    assert taken(kind, value) == (3, [])


def test_what_is_refused_for_its_size_is_not_remembered() -> None:
    made = stage()
    for i in range(20):
        record = bad.metric(NOW_MS, "x" * 500_000 + str(i))
        made.take("metrics", 0, Fetch(7 + i, [7 + i], [NOW_MS], [record]), NOW_MS)
    assert made.rejected_total == 20
    assert sum(map(len, map(str, made.dictionary.alias))) < 100_000
