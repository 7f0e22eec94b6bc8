"""What the notifier decides, case by case."""

import pytest

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.limits import Limits
from engine.owner import LogRecord
from notifiers import group as group_module
from tests.notifiers.world import SIMPLE, T0, World, alert, config, hello, posted, reasons

S = 1_000


def _world(text: str = SIMPLE, **kwargs: object) -> World:
    return World(config(text), **kwargs)  # type: ignore[arg-type]


def _silence(world: World, matchers: list[SilenceMatcher], *, ends_at_ms: int, id_: str = "s1",
             starts_at_ms: int | None = None) -> None:  # fmt: skip
    world.append(
        SilenceRecord(
            tenant="default", id=id_, matchers=matchers,
            starts_at_ms=world.now_ms if starts_at_ms is None else starts_at_ms,
            ends_at_ms=ends_at_ms, created_by="me", comment="", updated_at_ms=world.now_ms,
        )
    )  # fmt: skip


def test_a_new_group_waits_then_goes_on_by_its_interval() -> None:
    world = _world()
    world.append(alert("firing", 1, T0, labels={"i": "a"}))
    assert world.run(T0 + 9_999) == []
    (first,) = world.run(T0 + 10 * S)
    assert first.names == ["a:firing"]
    assert first.flush.notification.reason == "first notification"
    assert first.flush.notification.group_key == '{}:{alertname="ErrorRatio"}'
    world.append(alert("firing", 2, world.now_ms, labels={"i": "b"}))
    assert world.run(T0 + 69_999) == []
    (second,) = world.run(T0 + 70 * S)
    assert second.names == ["a:firing", "b:firing"]
    assert second.flush.notification.reason == "new alerts added"
    assert second.flush.notification.previous == {"id": "far-1"}


def test_an_alert_that_has_waited_elsewhere_does_not_wait_again() -> None:
    world = _world()
    world.append(alert("firing", 1, T0 - 10_001))
    assert [told.at_ms for told in world.run(T0)] == [T0]


def test_repeats_come_only_after_the_interval() -> None:
    world = _world()
    world.append(alert("firing", 1, T0))
    told = world.run(T0 + 2 * 3600 * S)
    assert reasons(told) == ["first notification", "repeat interval elapsed"]
    # Alertmanager asks at group intervals whether more than the repeat interval has passed.
    assert told[1].at_ms == T0 + (10 + 3600 + 60) * S


def test_ended_alerts_are_told_and_then_forgotten() -> None:
    world = _world()
    world.append(
        alert("firing", 1, T0, labels={"i": "a"}), alert("firing", 2, T0, labels={"i": "b"})
    )
    world.run(T0 + 20 * S)
    world.append(alert("resolved", 3, world.now_ms, labels={"i": "a"}, starts_at_ms=T0))
    (some,) = world.run(T0 + 70 * S)
    assert (some.names, some.flush.notification.reason) == (
        ["a:resolved", "b:firing"], "some alerts resolved",
    )  # fmt: skip
    world.append(alert("resolved", 4, world.now_ms, labels={"i": "b"}, starts_at_ms=T0))
    (last,) = world.run(T0 + 200 * S)
    assert (last.names, last.flush.notification.reason) == (["b:resolved"], "all alerts resolved")
    assert last.flush.notification.status == "resolved"
    assert world.notifier.next_due_ms() is None, "the empty group is gone"
    world.append(alert("firing", 5, world.now_ms, labels={"i": "a"}))
    (again,) = world.run(T0 + 300 * S)
    assert again.flush.notification.reason == "first notification"
    assert again.flush.notification.previous is None, "a group that came back starts a new message"


def test_fired_and_ended_within_group_wait_is_told_to_nobody() -> None:
    world = _world()
    world.append(alert("firing", 1, T0))
    world.run(T0 + 5 * S)
    world.append(alert("resolved", 2, world.now_ms, starts_at_ms=T0))
    assert world.run(T0 + 600 * S) == []
    assert world.notifier.next_due_ms() is None


def test_who_does_not_want_ends_is_not_told_but_remembered_as_told() -> None:
    world = _world(SIMPLE.replace("webhook_configs", "slack_configs"))
    world.append(alert("firing", 1, T0))
    assert len(world.run(T0 + 20 * S)) == 1
    world.append(alert("resolved", 2, world.now_ms, starts_at_ms=T0))
    assert world.run(T0 + 100 * S) == []
    world.append(alert("firing", 3, world.now_ms))
    assert reasons(world.run(T0 + 200 * S)) == ["first notification"]


def test_a_silenced_alert_is_not_told_and_neither_is_its_end() -> None:
    world = _world()
    world.append(alert("firing", 1, T0, labels={"i": "a"}))
    assert len(world.run(T0 + 20 * S)) == 1
    _silence(world, [SilenceMatcher("i", "a|b", is_regex=True)], ends_at_ms=T0 + 3600 * S)
    world.append(alert("firing", 2, world.now_ms, labels={"i": "b"}))
    world.append(alert("resolved", 3, world.now_ms, labels={"i": "a"}, starts_at_ms=T0))
    assert world.run(T0 + 600 * S) == []
    (view,) = world.notifier.alerts(world.now_ms)
    assert (view.labels["i"], view.state, view.silenced_by) == ("b", "suppressed", ("s1",))


def test_a_silence_that_ends_lets_the_alert_out_at_the_next_flush() -> None:
    world = _world()
    _silence(world, [SilenceMatcher("alertname", "ErrorRatio")], ends_at_ms=T0 + 30 * S)
    world.append(alert("firing", 1, T0))
    assert [told.at_ms for told in world.run(T0 + 100 * S)] == [T0 + 70 * S]


def test_a_pending_silence_mutes_nothing_before_its_start() -> None:
    world = _world()
    _silence(world, [SilenceMatcher("alertname", "ErrorRatio")], starts_at_ms=T0 + 11 * S,
             ends_at_ms=T0 + 3600 * S)  # fmt: skip
    world.append(alert("firing", 1, T0))
    assert len(world.run(T0 + 20 * S)) == 1


def test_silences_of_another_tenant_mute_nothing() -> None:
    world = _world()
    _silence(world, [SilenceMatcher("alertname", ".*", is_regex=True)], ends_at_ms=T0 + 3600 * S)
    world.append(alert("firing", 1, T0, tenant="payments"))
    (told,) = world.run(T0 + 20 * S)
    assert told.flush.notification.tenant == "payments"
    assert world.notifier.alerts(world.now_ms) == []
    assert len(world.notifier.alerts(world.now_ms, tenant="payments")) == 1


def test_the_next_flush_waits_for_the_record_of_the_last_one() -> None:
    world = _world(answer=False)
    world.append(alert("firing", 1, T0, labels={"i": "a"}))
    assert len(world.run(T0 + 20 * S)) == 1
    world.append(alert("firing", 2, world.now_ms, labels={"i": "b"}))
    assert world.run(T0 + 200 * S) == [], "nothing is sent twice while an answer is missing"
    world.answer_all()
    (told,) = world.run(T0 + 200 * S)
    assert (told.at_ms, told.names) == (T0 + 200 * S, ["a:firing", "b:firing"])


def test_an_alert_that_fires_again_while_its_end_is_told_stays() -> None:
    world = _world(answer=False)
    world.append(alert("firing", 1, T0))
    world.run(T0 + 10 * S)
    world.answer_all()
    world.append(alert("resolved", 2, world.now_ms, starts_at_ms=T0))
    (ended,) = world.run(T0 + 70 * S)
    assert ended.names == ["ErrorRatio:resolved"]
    world.append(alert("firing", 3, world.now_ms))
    world.answer_all()
    (again,) = world.run(T0 + 130 * S)
    assert again.names == ["ErrorRatio:firing"]


def test_an_alert_that_ends_again_under_way_is_told_once() -> None:
    world = _world(answer=False)
    world.append(alert("firing", 1, T0))
    world.run(T0 + 10 * S)
    world.answer_all()
    world.append(alert("resolved", 2, world.now_ms, starts_at_ms=T0))
    world.run(T0 + 70 * S)
    world.append(alert("firing", 3, world.now_ms))
    world.append(alert("resolved", 4, world.now_ms + 1, starts_at_ms=world.now_ms))
    world.answer_all()
    assert world.notifier.groups(world.now_ms) == []
    assert world.run(T0 + 300 * S) == []
    assert world.notifier.next_due_ms() is None


TWO = """
route: {receiver: both, group_wait: 10s, group_interval: 60s}
receivers:
- name: both
  webhook_configs: [{url: 'http://quick'}, {url: 'http://slow'}]
"""


def test_a_slow_integration_delays_no_other_and_keeps_ended_alerts() -> None:
    world = _world(TWO, answer=False)
    world.append(alert("firing", 1, T0, labels={"i": "a"}))
    world.run(T0 + 10 * S)
    quick, slow = world.unanswered
    world.append(world.answered(quick))
    world.unanswered = []
    world.append(alert("resolved", 2, world.now_ms, labels={"i": "a"}, starts_at_ms=T0))
    (ended,) = world.run(T0 + 70 * S)
    assert (ended.flush.key.integration, ended.names) == ("webhook/0", ["a:resolved"])
    world.answer_all()
    assert world.run(T0 + 300 * S) == []
    world.append(world.answered(slow))
    (late,) = world.run(T0 + 300 * S)
    assert (late.flush.key.integration, late.names) == ("webhook/1", ["a:resolved"])
    world.answer_all()
    world.run(T0 + 400 * S)
    assert world.notifier.next_due_ms() is None


def test_a_dropped_notification_is_decided_again_at_the_next_interval() -> None:
    world = _world(answer=False)
    world.append(alert("firing", 1, T0))
    world.run(T0 + 10 * S)
    world.answer_all("dropped")
    assert world.run(T0 + 69_999) == []
    (again,) = world.run(T0 + 70 * S)
    assert again.flush.notification.reason == "first notification"
    assert again.flush.notification.n == 2, "a number is never used twice"


def test_records_of_old_epochs_and_seen_sequences_are_dropped() -> None:
    world = _world()
    world.append(hello(), epoch=5)
    world.append(alert("firing", 1, T0, labels={"i": "a"}), epoch=5)
    world.append(hello(sequence=1), epoch=9)
    world.append(alert("resolved", 2, T0, labels={"i": "a"}), epoch=5)  # a zombie
    world.append(alert("firing", 1, T0, labels={"i": "b"}), epoch=9)  # seen
    world.append(alert("firing", 2, T0, labels={"i": "c"}), epoch=9)
    (told,) = world.run(T0 + 10 * S)
    assert told.names == ["a:firing", "c:firing"]


def test_a_shard_that_lost_its_state_begins_anew_and_ends_nothing() -> None:
    world = _world()
    world.append(hello(), epoch=5)
    world.append(alert("firing", 7, T0, labels={"i": "a"}), epoch=5)
    world.append(hello(fresh=True), epoch=9)
    world.append(alert("firing", 1, T0, labels={"i": "b"}), epoch=9)
    (told,) = world.run(T0 + 10 * S)
    assert told.names == ["a:firing", "b:firing"]


def test_pending_alerts_are_listed_and_never_told() -> None:
    world = _world()
    world.append(alert("pending", 1, T0))
    assert [record.state for record in world.notifier.rule_alerts()] == ["pending"]
    world.append(alert("inactive", 2, T0 + S))
    assert world.notifier.rule_alerts() == []
    assert world.run(T0 + 600 * S) == []


def test_a_posted_alert_ends_by_its_time_and_ours_only_by_a_record() -> None:
    world = _world()
    world.append(posted({"alertname": "Posted"}, T0))
    world.append(alert("firing", 1, T0))
    world.run(T0 + 20 * S)
    assert len(world.notifier.alerts(T0 + 299 * S)) == 2
    assert [v.labels["alertname"] for v in world.notifier.alerts(T0 + 301 * S)] == ["ErrorRatio"]
    ended = [told for told in world.run(T0 + 600 * S) if told.flush.notification.resolved]
    assert [told.names for told in ended] == [["Posted:resolved"]]


def test_a_post_does_not_overwrite_an_alert_of_ours_that_fires() -> None:
    world = _world()
    ours = alert("firing", 1, T0)
    world.append(ours)
    world.append(posted(ours.labels, T0, T0, T0 + 1))
    (told,) = world.run(T0 + 20 * S)
    assert told.names == ["ErrorRatio:firing"]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [(Limits(alerts_max=2), ["0", "1"]), (Limits(groups_max=2), ["0", "1"])],
)
def test_what_is_beyond_a_limit_is_left_out(limits: Limits, wanted: list[str]) -> None:
    text = SIMPLE.replace("group_by: [alertname]", "group_by: ['...']")
    world = World(config(text), limits)
    for i in range(4):
        world.append(alert("firing", i + 1, T0, labels={"i": str(i)}))
    told = world.run(T0 + 20 * S)
    assert [each.flush.notification.alerts[0].labels["i"] for each in told] == wanted


def test_a_group_takes_no_more_alerts_than_a_message_can_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_module, "GROUP_ALERTS_MAX", 2)
    world = _world()
    for i in range(4):
        world.append(alert("firing", i + 1, T0, labels={"i": str(i)}))
    (told,) = world.run(T0 + 20 * S)
    assert told.names == ["0:firing", "1:firing"]


def test_a_full_outbox_lets_the_rest_wait_and_loses_nothing() -> None:
    text = SIMPLE.replace("group_by: [alertname]", "group_by: ['...']")
    world = World(config(text), Limits(outbox_max=2), answer=False)
    for i in range(5):
        world.append(alert("firing", i + 1, T0, labels={"i": str(i)}))
    told = world.run(T0 + 10 * S)
    assert len(told) == 2
    assert world.notifier.next_due_ms() != 0, "waiting for room is no reason to spin"
    for _ in range(3):
        world.answer_all()
        world.run(T0 + 11 * S)
    assert {each.flush.notification.alerts[0].labels["i"] for each in world.told} == set("01234")


def test_a_storm_is_looked_at_in_pieces() -> None:
    text = SIMPLE.replace("group_by: [alertname]", "group_by: ['...']")
    world = _world(text, answer=False)
    for i in range(2_500):
        world.append(alert("firing", i + 1, T0, labels={"i": str(i)}))
    first = world.notifier.due(T0 + 10 * S)
    assert len(first) == 2_000
    assert world.notifier.next_due_ms() == T0 + 10 * S
    assert len(world.notifier.due(T0 + 10 * S)) == 500


def test_bytes_that_no_version_wrote_are_passed_over() -> None:
    world = _world()
    world.notifier.apply([LogRecord(0, T0, None, b"\xff{"), LogRecord(1, T0, None, None)], T0)
    assert world.notifier.next_offset == 2


def test_groups_are_listed_as_the_api_shows_them() -> None:
    world = _world()
    world.append(alert("firing", 1, T0, rule="B"), alert("firing", 2, T0, rule="A"))
    groups = world.notifier.groups(T0)
    assert [dict(group.labels) for group in groups] == [{"alertname": "A"}, {"alertname": "B"}]
    assert [group.receiver for group in groups] == ["team", "team"]
    (view,) = groups[0].alerts
    assert (view.receivers, view.rule, view.ends_at_ms) == (("team",), "rules/checkout.yaml:7", 0)


def test_what_a_notification_says() -> None:
    world = _world()
    world.append(
        alert("firing", 1, T0, labels={"i": "a", "service": "pay"}),
        alert("firing", 2, T0, labels={"i": "b", "service": "pay"}),
    )
    (told,) = world.run(T0 + 10 * S)
    said = told.flush.notification
    assert said.group_labels == {"alertname": "ErrorRatio"}
    assert said.common_labels == {
        "alertname": "ErrorRatio", "service": "pay", "severity": "warning",
    }  # fmt: skip
    assert said.common_annotations == {"summary": "ErrorRatio at warning"}
    assert (said.n, said.status, said.external_url) == (1, "firing", "http://tocsin")
    first = said.alerts[0]
    assert (first.rule_file, first.rule_line, first.values) == (
        "rules/checkout.yaml", 7, {"ratio": 0.25},
    )  # fmt: skip
    assert first.ends_at_ms == 0
