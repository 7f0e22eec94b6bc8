"""A source stage with rules that read what the tests send, and its outputs as plain rows."""

import json
from dataclasses import dataclass

from engine.limits import DEFAULT_LIMITS
from engine.rules import compile_plan, load
from engine.series import F64, I64, U32, U64, RowBatch, column, decode, parse, unpack_announced
from engine.sources import Fetch, SourceSpec, SourceStage

NOW_MS = 1_700_000_000_000
SHARDS = 4

RULES = """
groups:
- name: sources
  rules:
  - alert: Any
    metrics: '{__name__=~".+"}'
    window: {tumbling: 10s}
    by: [service]
    compute: {n: count()}
    when: n > 0
  - alert: Lines
    logs: '{service=~".+"} |= "timeout"'
    window: {tumbling: 10s}
    by: [service]
    compute: {n: count(), slow: max(ms), users: distinct(user)}
    when: n > slow and users > 0
  - alert: AllLines
    logs: '{service=~".+", region!="nowhere"}'
    window: {tumbling: 10s}
    by: [service]
    compute: {n: count()}
    when: n > 0
"""


def plan(text=RULES):
    rules, findings = load({"rules/sources.yml": text})
    assert rules is not None, findings
    return compile_plan(rules)


def stage(limits=DEFAULT_LIMITS, rules=RULES, shards=SHARDS, **more):
    sources = [SourceSpec("metrics", "metrics", 2_000, 2), SourceSpec("logs", "logs", 2_000, 1)]
    made = SourceStage(sources, shards, b"secret", limits, **more)
    made.use([plan(rules)])
    made.assign("metrics", 0, 0)
    made.assign("logs", 0, 0)
    return made


@dataclass
class Told:
    """What the shards know after some outputs."""

    batches: list  # (shard, RowBatch) in order
    labels: dict  # key -> labels
    rejects: list  # what the topic `rejects` holds, as JSON


def told(outputs, labels=None):
    seen = Told([], {} if labels is None else labels, [])
    for output in outputs:
        if output.topic == "rejects":
            seen.rejects.append(json.loads(output.value))
            continue
        assert output.topic == "shards"
        batch = decode(output.value)
        seen.batches.append((output.partition, batch))
        if isinstance(batch, RowBatch):
            for index, raw in unpack_announced(batch.announced):
                seen.labels[batch.keys[16 * index : 16 * index + 16]] = parse(raw)
    return seen


def rows(seen):
    """All rows of all batches, each as (offset, labels, time, value or line)."""
    found = []
    for _, batch in seen.batches:
        n = len(batch.series) // 4
        if not n:
            continue
        times = column(batch.times, U32).astype(I64) + batch.time_base_ms
        offsets = column(batch.offsets, U32).astype(I64) + batch.start
        ends = [0] if batch.logs is None else [0, *column(batch.logs.line_ends, U32).tolist()]
        for i, series in enumerate(column(batch.series, U32).tolist()):
            tenant, labels = seen.labels[batch.keys[16 * series : 16 * series + 16]]
            assert tenant == "default"
            what = (
                batch.logs.lines[ends[i] : ends[i + 1]].decode()
                if batch.logs is not None
                else float(column(batch.values, F64)[i])
            )
            found.append((int(offsets[i]), tuple(sorted(labels.items())), int(times[i]), what))
    return sorted(found, key=repr)


def fields(seen, name):
    """One promoted number or hash of all log rows, in the order of batches."""
    found = []
    for _, batch in seen.batches:
        if batch.logs is not None and batch.series:
            raw = batch.logs.numbers.get(name)
            found += (
                column(raw, F64).tolist() if raw else column(batch.logs.hashes[name], U64).tolist()
            )
    return found


def fetch(values, start=0, at_ms=NOW_MS):
    offsets = list(range(start, start + len(values)))
    return Fetch(start, offsets, [at_ms] * len(values), list(values))


def take(made, values, topic="metrics", at_ms=NOW_MS, stamp_ms=NOW_MS, labels=None):
    start = made.positions[topic, 0].next_offset
    return told(made.take(topic, 0, fetch(values, start, at_ms), stamp_ms), labels)


def metric(name="up", value=1.0, labels=None, timestamp=NOW_MS, **more):
    body = {"timestamp": timestamp, "name": name, "labels": labels or {}, "value": value, **more}
    return json.dumps(body).encode()


def line(message="hello", labels=None, timestamp=NOW_MS, **more):
    body = {"timestamp": timestamp, "labels": labels or {"service": "web"}, "message": message}
    return json.dumps({**body, **more}).encode()
