"""Alerts of a pipeline of shards are those of one evaluator that sees everything."""

import json

import pytest

from engine.alerts import NEVER_MS
from engine.groups import GroupEvaluator, Moment
from engine.limits import DEFAULT_LIMITS
from tests.groups.memory import Both, World
from tests.groups.memory import reads as reading
from tests.groups.promworld import EVERY_MS, group, pipeline, record, rule
from tests.groups.test_shards_equal_one_place import fleet
from tests.vector.naive_source import NaiveSource

TEXTS = {"labels": {"severity": "page", "of": "{{ $labels.job }}"},
         "annotations": {"now": "{{ $labels.pod }} is at {{ printf \"%.1f\" $value }}"}}  # fmt: skip
GROUPS = (
    group(
        rule("alert", "Hot", "temp > 60", for_ms=30_000, **TEXTS),
        rule("alert", "Busy", "rate(hits[1m]) > 2", keep_firing_for_ms=30_000, **TEXTS),
        rule("alert", "ByValue", "temp > 90", labels={"at": "{{ $value }}"}),
        name="local",
    ),
    group(
        rule("record", "job:temp:sum", "sum by (job) (temp)"),
        rule("alert", "JobHot", "job:temp:sum > 150", for_ms=15_000, **TEXTS),
        rule("alert", "Chained", 'ALERTS{alertname="JobHot", alertstate="firing"} == 1'),
        rule("alert", "Gone", 'absent(temp{pod="4", job="a"})', for_ms=15_000),
        name="linked",
    ),
    group(
        rule("alert", "Few", "temp > 80"),
        rule("alert", "Clash", "temp > 85", labels={"pod": "any"}),
        name="limited", limit=2,
    ),
    group(
        rule("alert", "Late", "temp > 50", **TEXTS), name="slow", interval_ms=30_000,
        query_offset_ms=15_000,
    ),
)  # fmt: skip
OF_PLACE = {"shard", "sequence", "watermark_ms", "input_offset", "decision_ms", "arrival_ms"}


def said(records):
    """What records say, whoever said it: sorted, without where and when they were written."""
    plain = []
    for one in records:
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        fields["evidence"] = [
            {name: getattr(part, name) for name in part.__struct_fields__}
            for part in fields["evidence"]
        ]
        kept = {name: value for name, value in fields.items() if name not in OF_PLACE}
        plain.append(json.dumps(kept, sort_keys=True))
    return sorted(plain)


def in_one_place(seconds):
    evaluator = GroupEvaluator(
        GROUPS, DEFAULT_LIMITS, reads=reading('ALERTS{alertname="JobHot"}', "job:temp:sum")
    )
    source = NaiveSource()
    for second, rows in fleet(1, seconds + 1):
        for name, labels, value in rows:
            source.add({"__name__": name, **labels}, [(second * 1_000, value)])
    found = []
    for at_ms in range(-EVERY_MS, seconds * 1_000 + 1, EVERY_MS):
        due = [every for every in (15_000, 30_000) if at_ms % every == 0]
        moment = Moment(0, 0, 0, 0, lambda: 1)
        outputs = evaluator.tick(at_ms, Both(source, evaluator.recorded.source), due, moment)
        found += World.read_outputs(outputs)
    return [one for one in found if type(one).__name__ == "AlertRecord"]


@pytest.mark.parametrize(("shards", "restart_at"), [(1, None), (3, None), (3, 70), (16, 100)])
def test_records_are_those_of_one_place(shards, restart_at):
    seconds = 180
    pipe = pipeline(*GROUPS, shards=shards)
    for second, rows in fleet(1, seconds + 1):
        now_ms = second * 1_000
        pipe.feed("metrics", 0, [record(n, ls, now_ms, v) for n, ls, v in rows], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
        if second == restart_at:
            for shard, owner in enumerate(pipe.owners):
                pipe.owners[shard] = pipe.new_owner(shard)
                pipe.owners[shard].restore(owner.snapshot({}))
    pipe.mark(seconds * 1_000 + 60_000)
    pipe.run(seconds * 1_000 + 60_000)
    found = [one for one in pipe.alert_records if one.event_ms <= seconds * 1_000]
    assert {one.rule for one in found} == {one.name for g in GROUPS for one in g.rules} - {
        "job:temp:sum"
    }
    assert said(found) == said(in_one_place(seconds))
    assert all(one.active_at_ms > NEVER_MS for one in found)
