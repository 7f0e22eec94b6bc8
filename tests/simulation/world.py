"""A seeded world for simulations: rules in two languages (ours and the twin's) and random rows."""

import json
import random

from engine.replay import Pipeline
from engine.rules import compile_plan, load
from engine.sources import SourceSpec
from tests.reference.twin import Row, TwinRule

START_MS = 1_700_000_000_000

RULES = """
groups:
- name: simulated
  rules:
  - alert: Errors
    metrics: errors{service!="d"}
    window: {sliding: 10s, every: 2s}
    by: [service]
    compute: {total: sum(), mean: avg(), n: count(), low: min(), high: max(), newest: last()}
    when: {warning: total > 12 and n >= 3, critical: total > 24}
    recover: total < 8
    for: 4s
    annotations: {summary: "{{ labels.service }} {{ total }} {{ mean }} {{ low }} {{ high }} {{ newest }}"}
  - alert: Requests
    metrics: requests_total
    window: {sliding: 20s, every: 5s}
    by: [service, pod]
    compute: {per_second: rate(), grew: increase()}
    when: per_second > 4
    keep_firing_for: 5s
    annotations: {summary: "{{ grew }}"}
  - alert: Latency
    metrics: errors
    window: {tumbling: 6s}
    by: [pod]
    compute: {p90: quantile(0.9)}
    when: p90 >= 3
    no_data: keep
  - alert: Timeouts
    logs: '{service=~"a|b"} |= "timeout" != "debug"'
    window: {sliding: 8s, every: 2s}
    by: [service]
    compute: {timeouts: count(), users: distinct(user_id), slow: avg(ms)}
    when: timeouts >= 4 and users >= 2
    labels: {severity: page}
    annotations: {summary: "{{ slow }}"}
"""

TWIN_RULES = [
    TwinRule(
        "Errors", "metrics",
        lambda r: r.labels["__name__"] == "errors" and r.labels["service"] != "d",
        ("service",), 10_000, 2_000,
        {"total": ("sum", None, None), "mean": ("avg", None, None), "n": ("count", None, None),
         "low": ("min", None, None), "high": ("max", None, None), "newest": ("last", None, None)},
        [("warning", lambda v: v["total"] > 12 and v["n"] >= 3),
         ("critical", lambda v: v["total"] > 24)],
        recover=lambda v: v["total"] < 8, for_ms=4_000,
    ),
    TwinRule(
        "Requests", "metrics", lambda r: r.labels["__name__"] == "requests_total",
        ("pod", "service"), 20_000, 5_000,
        {"per_second": ("rate", None, None), "grew": ("increase", None, None)},
        [("", lambda v: v["per_second"] > 4)], keep_ms=5_000,
    ),
    TwinRule(
        "Latency", "metrics", lambda r: r.labels["__name__"] == "errors", ("pod",), 6_000, 6_000,
        {"p90": ("quantile", None, 0.9)}, [("", lambda v: v["p90"] >= 3)], keep_without_data=True,
    ),
    TwinRule(
        "Timeouts", "logs",
        lambda r: r.labels["service"] in "ab" and "timeout" in r.message
        and "debug" not in r.message,
        ("service",), 8_000, 2_000,
        {"timeouts": ("count", None, None), "users": ("distinct", "user_id", None),
         "slow": ("avg", "ms", None)},
        [("", lambda v: v["timeouts"] >= 4 and v["users"] >= 2)],
    ),
]  # fmt: skip

SOURCES = [SourceSpec("metrics", "metrics", 2_000, 4), SourceSpec("logs", "logs", 2_000, 3)]


def plan():
    rules, findings = load({"rules/simulated.yml": RULES})
    assert rules is not None, findings
    return compile_plan(rules)


def pipeline(shards=4):
    return Pipeline(plan(), SOURCES, shards)


def rows(rng: random.Random, seconds: int) -> list[list[Row]]:
    """Rows by second of arrival; their own time is up to 1.5 s earlier (lateness is 2 s)."""
    counters = {}
    out = []
    for second in range(seconds):
        now_ms = START_MS + second * 1_000
        batch = []
        hot = rng.choice(["a", "b", "c", "d", None, None])
        for service in "abcd":
            for pod in "12":
                if rng.random() < 0.2:
                    continue
                at_ms = now_ms - rng.randrange(1_500)
                big = service == hot or second % 40 > 28
                value = rng.choice([0.1, 0.3, 0.7, 1.1]) * (4 if big else 1)
                labels = {"service": service, "pod": pod}
                number = rng.choice([value] * 30 + [float("nan")])
                batch.append(Row("metrics", at_ms, {"__name__": "errors", **labels}, number))
                key = (service, pod)
                grown = counters.get(key, 100.0) + rng.randrange(9 if big else 5)
                counters[key] = 3.0 if rng.random() < 0.02 else grown
                batch.append(
                    Row("metrics", at_ms, {"__name__": "requests_total", **labels}, counters[key])
                )
        for _ in range(rng.randrange(4)):
            at_ms = now_ms - rng.randrange(1_500)
            text = rng.choice(["payment timeout", "ok", "timeout debug", "timeout again"])
            labels = {"service": rng.choice("abc")}
            fields = {"user_id": rng.randrange(4), "ms": rng.choice([1, 2.5, "x"])}
            batch.append(Row("logs", at_ms, labels, message=text, fields=fields))
        out.append(batch)
    return out


def record(row: Row) -> bytes:
    """One row as a record of its topic."""
    if row.kind == "logs":
        body = {
            "timestamp": row.time_ms,
            "labels": row.labels,
            "message": row.message,
            **row.fields,
        }
        return json.dumps(body).encode()
    labels = {name: value for name, value in row.labels.items() if name != "__name__"}
    value = "NaN" if row.value != row.value else row.value
    body = {"timestamp": row.time_ms, "name": row.labels["__name__"], "labels": labels}
    return json.dumps({**body, "value": value}).encode()
