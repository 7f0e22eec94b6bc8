"""The alert state machine of Prometheus, against a naive twin and by pictures."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts import AlertRecord, RuleHealth
from engine.limits import Limits
from engine.vector import label_set
from tests.groups.memory import World, group, rule

MINUTE = 60_000


class Twin:
    """One rule as Prometheus judges it: a dict of alerts, a loop over them."""

    def __init__(self, for_ms, keep_ms, limit, made):
        self.for_ms, self.keep_ms, self.limit, self.made = for_ms, keep_ms, limit, made
        self.active = {}
        self.error = ""

    def evaluate(self, at_ms, result):
        alerts = {}
        for labels, value in result.items():
            key = self.made(labels, value)
            if key in alerts:
                self.error = (
                    "vector contains metrics with the same labelset after applying alert labels"
                )
                return
            alerts[key] = value
        for key, value in alerts.items():
            if key in self.active:
                self.active[key]["value"] = value
            else:
                self.active[key] = {
                    "state": "pending",
                    "since": at_ms,
                    "fired": 0,
                    "kept": None,
                    "value": value,
                }
        for key, alert in list(self.active.items()):
            if key in alerts:
                alert["kept"] = None
            else:
                if alert["state"] == "pending":
                    del self.active[key]
                    continue
                if alert["kept"] is None:
                    alert["kept"] = at_ms
                if at_ms - alert["kept"] >= self.keep_ms:
                    del self.active[key]
                    continue
            if alert["state"] == "pending" and at_ms - alert["since"] >= self.for_ms:
                alert["state"], alert["fired"] = "firing", at_ms
        self.error = ""
        if 0 < self.limit < len(self.active):
            self.error = f"exceeded limit of {self.limit} with {len(self.active)} alerts"
            self.active = {}


def listed(world):
    return {
        label_set(alert.labels): {
            "state": alert.state, "since": alert.active_at_ms, "fired": alert.starts_at_ms,
            "kept": alert.kept_since_ms, "value": alert.value,
        }
        for alert in world.evaluator.alerts()
    }  # fmt: skip


def plain(labels, value):
    del value
    return label_set({**dict(labels), "alertname": "A", "team": "x"})


def by_value(labels, value):
    return label_set({**dict(labels), "alertname": "A", "team": "x", "of": f"{value:g}"})


def merged(labels, value):
    del value
    return label_set({**dict(labels), "alertname": "A", "team": "x", "instance": "all"})


MADE = {
    plain: {"team": "x"},
    by_value: {"team": "x", "of": "{{ $value }}"},
    merged: {"team": "x", "instance": "all"},
}

pictures = st.lists(
    st.lists(st.sampled_from([None, None, 1.0, 2.0, 3.0]), min_size=3, max_size=3),
    min_size=1,
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(
    picture=pictures,
    for_minutes=st.sampled_from([0, 1, 3]),
    keep_minutes=st.sampled_from([0, 1, 2]),
    limit=st.sampled_from([0, 0, 1, 2]),
    made=st.sampled_from(list(MADE)),
    start_ms=st.sampled_from([-5 * MINUTE, 0, 1_700_000_040_000]),
    restarts=st.sets(st.integers(0, 13)),
)
def test_states_are_those_of_the_twin(
    picture, for_minutes, keep_minutes, limit, made, start_ms, restarts
):
    alert = rule(
        "alert", "A", "x > 0", for_ms=for_minutes * MINUTE,
        keep_firing_for_ms=keep_minutes * MINUTE, labels=MADE[made],
    )  # fmt: skip
    world = World(group(alert, limit=limit), read=['{__name__=~"ALERTS.*"}'])
    twin = Twin(for_minutes * MINUTE, keep_minutes * MINUTE, limit, made)
    told = {}
    for number, row in enumerate(picture):
        at_ms = start_ms + number * MINUTE
        result = {}
        for place, value in enumerate(row):
            labels = {"__name__": "x", "instance": str(place)}
            world.raw.put(labels, at_ms, -1.0 if value is None else value)
            if value is not None:
                result[(("instance", str(place)),)] = value
        records = world.tick(at_ms)
        twin.evaluate(at_ms, result)
        if number in restarts:
            world.restart()
        assert listed(world) == twin.active
        assert world.evaluator.rules()[0].last_error == twin.error
        told_follow(told, records, twin.active)
        if not twin.error:
            samples_follow(world, at_ms, twin.active)


def told_follow(told, records, active):
    """Whoever folds the records knows the same alerts; sequences have no gap."""
    for record in records:
        if isinstance(record, RuleHealth):
            continue
        key = label_set(record.labels)
        if record.state in ("resolved", "inactive"):
            assert told.pop(key)[0] == ("firing" if record.state == "resolved" else "pending")
        else:
            told[key] = (record.state, record.active_at_ms, record.starts_at_ms)
    assert told == {
        key: (alert["state"], alert["since"], alert["fired"]) for key, alert in active.items()
    }


def samples_follow(world, at_ms, active):
    wanted = {
        label_set({**dict(key), "__name__": "ALERTS", "alertstate": alert["state"]}): 1.0
        for key, alert in active.items()
    }
    assert world.recorded("ALERTS", at_ms) == wanted
    since = {
        label_set({**dict(key), "__name__": "ALERTS_FOR_STATE"}): float(alert["since"] // 1000)
        for key, alert in active.items()
    }
    assert world.recorded("ALERTS_FOR_STATE", at_ms) == since


def told(world, at_ms, value, name="x", **labels):
    world.raw.put({"__name__": name, **labels}, at_ms, value)
    return world.tick(at_ms)


def test_a_record_says_what_a_native_one_says():
    alert = rule(
        "alert", "High", "x > 5", for_ms=MINUTE, labels={"severity": "page"},
        annotations={"summary": "{{ $labels.instance }} is at {{ $value }}"},
    )  # fmt: skip
    world = World(group(alert))
    (pending,) = told(world, 0, 7.0, instance="a")
    (firing,) = told(world, MINUTE, 8.0, instance="a")
    (resolved,) = told(world, 2 * MINUTE, 1.0, instance="a")
    assert isinstance(pending, AlertRecord)
    assert [r.state for r in (pending, firing, resolved)] == ["pending", "firing", "resolved"]
    assert [r.reason for r in (pending, firing, resolved)] == [
        "condition_met", "held_for", "condition_ended",
    ]  # fmt: skip
    assert len({r.episode for r in (pending, firing, resolved)}) == 1
    assert firing.labels == {"alertname": "High", "instance": "a", "severity": "page"}
    assert firing.annotations == {"summary": "a is at 8"}
    # Its end is told with what was said last: the expression gives nothing any more.
    assert resolved.annotations == {"summary": "a is at 8"}
    assert (pending.values_at_firing, firing.values_at_firing) == ({}, {"value": 8.0})
    assert (firing.active_at_ms, firing.starts_at_ms, firing.ends_at_ms) == (0, MINUTE, 0)
    assert (resolved.starts_at_ms, resolved.ends_at_ms) == (MINUTE, 2 * MINUTE)
    (shown,) = firing.evidence
    assert (shown.left, shown.operator, shown.right, shown.held) == (8.0, ">", 5.0, True)
    assert [r.sequence for r in (pending, firing, resolved)] == [1, 2, 3]
    assert (firing.shard, firing.watermark_ms, firing.level) == (3, 7, "")


def test_an_alert_that_changes_a_label_ends_before_its_successor_begins():
    alert = rule("alert", "A", "x > 0", labels={"severity": "{{ $value }}"})
    world = World(group(alert))
    told(world, 0, 1.0)
    records = told(world, MINUTE, 2.0)
    assert [(r.state, r.labels["severity"]) for r in records] == [
        ("resolved", "1"),
        ("firing", "2"),
    ]
    assert records[0].episode != records[1].episode


def test_a_steady_alert_says_nothing_and_its_listing_follows_the_value():
    alert = rule("alert", "A", "x > 0", annotations={"now": "{{ $value }}"})
    world = World(group(alert))
    told(world, 0, 1.0)
    for number in range(1, 5):
        assert told(world, number * MINUTE, float(number)) == []
        (listed_alert,) = world.evaluator.alerts()
        assert listed_alert.annotations == {"now": str(number)}


def test_steady_alerts_are_not_written_to_a_checkpoint_again():
    world = World(group(rule("alert", "A", "x > 0", labels={"instance": "all"})))
    told(world, 0, 1.0, instance="a")
    world.restart()
    known = {name: version for name, (version, _) in world.saved.items()}
    assert told(world, MINUTE, 2.0, instance="a") == []
    fresh = {chunk.name: chunk for chunk in world.evaluator.chunks(known, world.offset)}
    (name,) = [name for name in fresh if name.startswith("alerts/")]
    assert (fresh[name].version, fresh[name].payload) == (known[name], b"")
    # Another result under the same labels: what its annotations read is another.
    world.raw.put({"__name__": "x", "instance": "a"}, 2 * MINUTE, -1.0)
    assert told(world, 2 * MINUTE, 2.0, instance="b") == []
    assert {chunk.name: chunk.version for chunk in world.evaluator.chunks(known, 9)}[name] > 2


def test_annotations_after_a_restart_are_of_the_result_that_gave_the_alert():
    alert = rule(
        "alert", "A", "x > 0", keep_firing_for_ms=10 * MINUTE, labels={"instance": "all"},
        annotations={"of": "{{ $labels.instance }} {{ $value }}"},
    )  # fmt: skip
    world = World(group(alert))
    told(world, 0, 1.0, instance="a")
    world.restart()
    world.raw.put({"__name__": "x", "instance": "a"}, MINUTE, -1.0)
    told(world, MINUTE, 3.0, instance="b")
    world.restart()
    told(world, 2 * MINUTE, -1.0, instance="b")
    world.restart()
    (standing,) = world.evaluator.alerts()
    assert standing.annotations == {"of": "b 3"}
    assert standing.kept_since_ms == 2 * MINUTE


def test_a_failing_rule_keeps_its_alerts_and_says_so_once():
    alert = rule("alert", "A", "x > 0", labels={"instance": "all"})
    world = World(group(alert))
    told(world, 0, 1.0, instance="a")
    (health,) = told(world, MINUTE, 1.0, instance="b")
    assert (health.health, health.rule, health.at_ms) == ("err", "A", MINUTE)
    assert "same labelset after applying alert labels" in health.error
    assert told(world, 2 * MINUTE, 1.0, instance="b") == []
    assert [a.state for a in world.evaluator.alerts()] == ["firing"]
    (health,) = told(world, 3 * MINUTE, -1.0, instance="b")
    assert (health.health, health.error) == ("ok", "")


def test_beyond_the_limit_all_alerts_end():
    world = World(group(rule("alert", "A", "x > 0"), limit=1))
    told(world, 0, 1.0, instance="a")
    records = told(world, MINUTE, 1.0, instance="b")
    assert [(type(r).__name__, getattr(r, "reason", "")) for r in records] == [
        ("AlertRecord", "limit_exceeded"), ("RuleHealth", ""),
    ]  # fmt: skip
    assert records[0].state == "resolved"
    assert not world.evaluator.busy


def test_a_rule_with_too_many_alerts_fails_and_keeps_those_it_has():
    world = World(group(rule("alert", "A", "x > 0")), limits=Limits(groups_per_rule_max=2))
    told(world, 0, 1.0, instance="a")
    told(world, 0, -1.0, instance="b")
    world.raw.put({"__name__": "x", "instance": "b"}, MINUTE, 1.0)
    (health,) = told(world, MINUTE, 1.0, instance="c")
    assert health.error.startswith("3 alerts of one rule: raise limits.groups_per_rule_max (2)")
    assert [alert.labels["instance"] for alert in world.evaluator.alerts()] == ["a"]


def test_the_query_offset_moves_what_is_read_and_not_the_alert():
    alert = rule("alert", "A", "x > 0")
    world = World(group(alert, query_offset_ms=MINUTE), read=["ALERTS"])
    world.raw.put({"__name__": "x"}, 0, 1.0)
    world.raw.put({"__name__": "x"}, MINUTE, -1.0)
    (firing,) = world.tick(MINUTE)
    assert (firing.state, firing.starts_at_ms) == ("firing", MINUTE)
    assert len(world.recorded("ALERTS", 0)) == 1
    (resolved,) = world.tick(2 * MINUTE)
    assert resolved.state == "resolved"
    assert world.recorded("ALERTS", MINUTE) == {}


def test_a_rule_reads_alerts_of_the_same_tick():
    first = rule("alert", "First", "x > 0")
    second = rule("alert", "Second", 'ALERTS{alertname="First", alertstate="firing"} == 1')
    world = World(group(first, second), read=['ALERTS{alertname="First", alertstate="firing"}'])
    records = told(world, 0, 1.0)
    assert [(r.rule, r.state) for r in records] == [("First", "firing"), ("Second", "firing")]
    records = told(world, MINUTE, -1.0)
    assert [(r.rule, r.state) for r in records] == [("First", "resolved"), ("Second", "resolved")]


def test_a_scalar_is_an_alert_without_labels():
    world = World(group(rule("alert", "A", "scalar(x)", annotations={"v": "{{ $value }}"})))
    (record,) = told(world, 0, 2.5)
    assert (record.labels, record.values) == ({"alertname": "A"}, {"value": 2.5})


def test_a_string_is_no_result():
    world = World(group(rule("alert", "A", '"text"')))
    (health,) = told(world, 0, 1.0)
    assert health.error == "rule result is not a vector or scalar"


def test_values_beyond_json_survive_a_restart():
    alert = rule("alert", "A", "x", annotations={"v": "{{ $value }}"})
    world = World(group(alert))
    world.raw.put({"__name__": "x", "i": "1"}, 0, math.inf)
    world.raw.put({"__name__": "x", "i": "2"}, 0, math.nan)
    first, second = world.tick(0)
    assert (first.values, second.values) == ({"value": "+Inf"}, {"value": "NaN"})
    world.restart()
    one, two = world.evaluator.alerts()
    assert one.value == math.inf
    assert math.isnan(two.value)


def test_label_sets_that_went_are_forgotten():
    """A label that follows the value is a new alert at every tick: memory must not follow."""
    alert = rule("alert", "A", "x > 0", labels={"of": "{{ $value }}"})
    world = World(group(alert), limits=Limits())
    for number in range(3_000):
        told(world, number * MINUTE, float(number + 1))
    (standing,) = world.evaluator.alerts()
    assert standing.labels["of"] == "3000"
    judged = world.evaluator.groups[0].rules[0]
    assert len(judged.alerting.slots) <= 1_100
