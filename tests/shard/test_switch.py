"""Another rule set under alerts that fire: what goes on, what ends, and what is said of it."""

import json

import pytest

from engine.alerts import AlertRecord
from engine.plan import Plan
from engine.replay import Pipeline
from engine.rules import compile_plan, load
from engine.sources import SourceSpec

T0 = 1_700_000_000_000
SOURCES = [SourceSpec("metrics", "metrics", 1_000, 1)]

RULE = """
groups:
- name: queues
  rules:
  - alert: Backlog
    metrics: depth
    window: {sliding: 10s, every: 1s}
    by: [queue]
    compute: {deepest: max()}
    when: {warning: deepest > 100, critical: deepest > 1000}
    recover: deepest < 50
    annotations: {summary: "{{ deepest }} in {{ labels.queue }}"}
"""


def plan(text: str) -> Plan:
    rules, findings = load({"rules/queues.yml": text})
    assert rules is not None, findings
    return compile_plan(rules)


class Shards:
    """A pipeline that is fed one depth a second for each queue."""

    def __init__(self, text: str = RULE) -> None:
        self.line = Pipeline(plan(text), SOURCES, shards=2)
        self.second = 0
        self._told = 0

    def pass_s(self, seconds: int, **depths: float) -> list[AlertRecord]:
        """Let seconds pass; return what was told in them."""
        for _ in range(seconds):
            self.second += 1
            now_ms = T0 + self.second * 1_000
            records = [
                json.dumps({"timestamp": now_ms, "name": "depth", "labels": {"queue": queue},
                            "value": depth}).encode()
                for queue, depth in depths.items()
            ]  # fmt: skip
            self.line.feed("metrics", 0, records, now_ms)
            self.line.mark(now_ms)
            self.line.run(now_ms)
        return self.told()

    def told(self) -> list[AlertRecord]:
        records = self.line.alert_records
        new, self._told = records[self._told :], len(records)
        return new

    def switch(self, text: str) -> list[AlertRecord]:
        made, now_ms = plan(text), T0 + self.second * 1_000
        self.line.stage.use([made])
        self.line.switch(made, now_ms)
        self.line.run(now_ms)
        return self.told()


def said(records: list[AlertRecord]) -> list[tuple[str, str, str]]:
    return sorted((r.labels["queue"], r.state, r.level) for r in records)


@pytest.mark.parametrize(
    "edited",
    [
        RULE.replace("deepest > 100,", "deepest > 80,"),
        RULE.replace("sliding: 10s", "sliding: 20s"),
        RULE.replace('"{{ deepest }} in', '"Still {{ deepest }} in'),
    ],
    ids=["threshold", "window", "text"],
)
def test_an_alert_goes_on_when_its_rule_is_edited(edited: str) -> None:
    shards = Shards()
    (first, _) = shards.pass_s(5, orders=200, mails=2_000)
    assert shards.switch(edited) == []
    assert shards.pass_s(5, orders=200, mails=2_000) == []
    ended = shards.pass_s(30, orders=1, mails=1)
    assert said(ended) == [("mails", "resolved", "critical"), ("orders", "resolved", "warning")]
    before = {r.labels["queue"]: r for r in shards.line.alert_records[:2]}
    for record in ended:
        began = before[record.labels["queue"]]
        assert (record.episode, record.starts_at_ms) == (began.episode, began.starts_at_ms)
        assert record.values_at_firing == began.values
    assert first.rule_version != ended[0].rule_version


def test_a_level_keeps_its_name_at_another_place() -> None:
    shards = Shards()
    shards.pass_s(5, mails=2_000)
    more = RULE.replace("{warning:", "{notice: deepest > 60, warning:")
    assert shards.switch(more) == []
    assert shards.pass_s(3, mails=2_000) == []
    assert said(shards.pass_s(12, mails=150)) == [("mails", "firing", "warning")]


def test_a_pending_alert_goes_on_waiting() -> None:
    waiting = RULE + "    for: 10s\n"
    shards = Shards(waiting)
    assert said(shards.pass_s(6, orders=200)) == [("orders", "pending", "warning")]
    assert shards.switch(waiting.replace("deepest > 100,", "deepest > 80,")) == []
    (fired,) = shards.pass_s(8, orders=200)
    assert fired.state == "firing"
    assert fired.starts_at_ms - fired.active_at_ms == 10_000


@pytest.mark.parametrize(
    "edited",
    [RULE.replace("Backlog", "Depth"), RULE.replace("by: [queue]", "by: [queue, zone]")],
    ids=["another rule", "another by"],
)
def test_an_alert_ends_with_its_rule(edited: str) -> None:
    shards = Shards()
    shards.pass_s(5, orders=200, mails=2_000)
    ended = [r for r in shards.switch(edited) if r.rule == "Backlog"]
    assert said(ended) == [("mails", "resolved", "critical"), ("orders", "resolved", "warning")]
    assert {r.values["deepest"] for r in ended} == {200.0, 2_000.0}, "as it was told last"
