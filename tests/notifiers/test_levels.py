"""What a change of level does to who is told what."""

from tests.notifiers.world import SIMPLE, T0, World, alert, config

S = 1_000

BY_LEVEL = """
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 10s
  group_interval: 60s
  routes:
  - {matchers: [severity="critical"], receiver: pager}
receivers:
- {name: chat, webhook_configs: [{url: 'http://chat'}]}
- {name: pager, webhook_configs: [{url: 'http://pager'}]}
"""


def _raised(text: str) -> World:
    world = World(config(text))
    world.append(alert("firing", 1, T0))
    world.run(T0 + 20 * S)
    world.append(
        alert("firing", 2, T0 + 20 * S, level="critical", reason="level_changed", starts_at_ms=T0)
    )
    return world


def test_the_same_receiver_is_told_in_place() -> None:
    world = _raised(SIMPLE)
    (told,) = world.run(T0 + 100 * S)
    said = told.flush.notification
    assert said.previous == {"id": "far-1"}
    assert [alert.level for alert in said.firing] == ["critical"]
    assert said.resolved == (), "to people it has not ended"
    ended = [alert for alert in said.alerts if alert.status == "resolved"]
    assert [(a.level, a.superseded) for a in ended] == [("warning", True)], "to machines it has"
    assert {a.episode for a in said.alerts} == {said.episodes[0]}


def test_in_the_api_the_old_fingerprint_ends_as_the_new_begins() -> None:
    world = _raised(SIMPLE)
    (view,) = world.notifier.alerts(world.now_ms)
    assert view.labels["severity"] == "critical"


def test_another_receiver_is_told_first_and_the_old_one_of_the_end() -> None:
    world = _raised(BY_LEVEL)
    told = world.run(T0 + 100 * S)
    assert {(t.flush.key.receiver, *t.names, t.flush.notification.reason) for t in told} == {
        ("pager", "ErrorRatio:firing", "first notification"),
        ("chat", "ErrorRatio:resolved", "all alerts resolved"),
    }
    (chat,) = [t for t in told if t.flush.key.receiver == "chat"]
    assert len(chat.flush.notification.resolved) == 1, "for this receiver it is over"


def test_its_end_ends_the_present_level() -> None:
    world = _raised(SIMPLE)
    world.run(T0 + 100 * S)
    world.append(alert("resolved", 3, T0 + 100 * S, level="critical", starts_at_ms=T0))
    (told,) = world.run(T0 + 200 * S)
    assert [(a.level, a.status) for a in told.flush.notification.alerts] == [
        ("critical", "resolved")
    ]
    assert world.notifier.next_due_ms() is None


def test_an_end_that_names_another_level_ends_what_fires() -> None:
    world = _raised(SIMPLE)
    world.run(T0 + 100 * S)
    world.append(alert("resolved", 3, T0 + 100 * S, level="warning", starts_at_ms=T0))
    (told,) = world.run(T0 + 200 * S)
    assert [(a.labels["severity"], a.status) for a in told.flush.notification.resolved] == [
        ("critical", "resolved")
    ]
    assert world.notifier.alerts(world.now_ms) == []


def test_back_and_forth_between_two_flushes_tells_nothing_new() -> None:
    world = _raised(SIMPLE)
    world.append(alert("firing", 3, T0 + 30 * S, level="warning", starts_at_ms=T0))
    assert world.run(T0 + 100 * S) == []


def test_a_level_that_rises_within_group_wait_is_told_once() -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0))
    world.append(alert("firing", 2, T0, level="critical", reason="level_changed"))
    (told,) = world.run(T0 + 20 * S)
    assert [a.level for a in told.flush.notification.alerts] == ["critical"]


def test_rules_that_share_a_name_are_not_levels_of_each_other() -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0, rule="Burn", level="warning"))
    other = alert("firing", 2, T0, rule="Burn", level="critical")
    fields = {name: getattr(other, name) for name in other.__struct_fields__}
    world.append(type(other)(**{**fields, "rule_id": "checkout/Burn#2"}))
    (told,) = world.run(T0 + 20 * S)
    assert sorted(a.level for a in told.flush.notification.firing) == ["critical", "warning"]
