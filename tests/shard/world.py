"""A pipeline of one shard with rules as text, and plain words for what it says."""

import json
import signal
from contextlib import contextmanager

from engine import metrics
from engine.limits import DEFAULT_LIMITS
from engine.replay import Pipeline
from engine.rules import compile_plan, load
from engine.sources import SourceSpec

T0 = 1_700_000_000_000
LATENESS_MS = 2_000

ERRORS = """
- alert: Errors
  metrics: errors
  window: {sliding: 10s, every: 5s}
  by: [service]
  compute: {total: sum()}
  when: total > 3
"""


def plan(*rules):
    text = "".join(rules).replace("\n", "\n  ")
    loaded, findings = load({"rules/test.yml": f"groups:\n- name: g\n  rules:{text}\n"})
    assert loaded is not None, findings
    return compile_plan(loaded)


def pipeline(*rules, limits=DEFAULT_LIMITS, sources=None, shards=1):
    sources = sources or [SourceSpec("metrics", "metrics", LATENESS_MS, 1)]
    return Pipeline(plan(*rules), sources, shards, limits)


def sample(value, at_ms, name="errors", **labels):
    labels = labels or {"service": "a"}
    return json.dumps({"timestamp": at_ms, "name": name, "labels": labels, "value": value}).encode()


def second(pipe, number, *values, partition=0, mark=True):
    """One second of the world: values arrive, time is proven, the owner reads."""
    now_ms = T0 + number * 1_000
    if values:
        pipe.feed("metrics", partition, values, now_ms)
    if mark:
        pipe.mark(now_ms)
    pipe.run(now_ms)


def said(pipe):
    """(rule, state, reason, labels but the rule's name, second) of every alert record."""
    return [
        (r.rule, r.state, r.reason, r.labels.get("service", ""), (r.event_ms - T0) / 1_000)
        for r in pipe.alert_records
    ]


def count(reason):
    """How many rows were dropped so far for a reason."""
    value = metrics.REGISTRY.get_sample_value("tocsin_rows_dropped_total", {"reason": reason})
    return value or 0.0


@contextmanager
def within(seconds):
    """End what would run for ever: real seconds, far more than it needs."""

    def late(*_):
        raise AssertionError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
