"""Alertmanager's own acceptance timelines, against the notifier under a virtual clock."""

from typing import Any

import pytest

from engine.alerts import SilenceMatcher, SilenceRecord
from notifiers.notification import Notification
from tests.notifiers import corpora
from tests.notifiers.world import T0, World, config, posted

# Those with flags are the server's matter: tests.conformance.alertmanager.timeline.
TIMELINES = (
    "always_inhibiting", "batching", "merge_alerts", "resolved_filter", "silence_delete",
    "utf8_route",
)  # fmt: skip


def _ms(seconds: float) -> int:
    return T0 + round(seconds * 1000)


def _play(scenario: Any) -> dict[str, list[tuple[float, Notification]]]:
    text = scenario["config"].replace("{{webhook:", "http://").replace("}}", "")
    world = World(config(text))
    timeout_ms = world.config.global_.resolve_timeout_ms
    silences: dict[str, SilenceRecord] = {}
    for event in scenario["events"]:
        world.run(_ms(event["at"]))
        now_ms = world.now_ms
        for alert in event.get("push", ()):
            starts, ends = alert.get("starts"), alert.get("ends")
            world.append(
                posted(
                    alert["labels"],
                    now_ms,
                    None if starts is None else _ms(starts),
                    None if ends is None else _ms(ends),
                    alert.get("annotations"),
                    timeout_ms,
                )
            )
        if "silence" in event:
            asked = event["silence"]
            made = SilenceRecord(
                tenant="default", id=asked["ref"],
                matchers=[SilenceMatcher(m["name"], m["value"], m.get("isRegex", False))
                          for m in asked["matchers"]],
                starts_at_ms=_ms(asked["starts"]), ends_at_ms=_ms(asked["ends"]),
                created_by="test", comment="", updated_at_ms=now_ms,
            )  # fmt: skip
            silences[made.id] = made
            world.append(made)
        if "unsilence" in event:
            old = silences[event["unsilence"]]
            fields = {name: getattr(old, name) for name in old.__struct_fields__}
            world.append(SilenceRecord(**{**fields, "ends_at_ms": now_ms}))
    last = max((each["between"][1] for each in scenario["expect"]), default=0)
    world.run(_ms(last))
    got: dict[str, list[tuple[float, Notification]]] = {}
    for told in world.told:
        receiver = world.config.receivers[told.flush.key.receiver]
        channel = next(i for i in receiver.integrations if i.name == told.flush.key.integration)
        name = channel.channel.destination.removeprefix("http://")
        got.setdefault(name, []).append(((told.at_ms - T0) / 1000, told.flush.notification))
    return got


def _plain(notification: Notification) -> list[dict[str, Any]]:
    return sorted(
        (
            {
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "starts": (alert.starts_at_ms - T0) / 1000,
                "ends": (alert.ends_at_ms - T0) / 1000 if alert.ends_at_ms else None,
                "status": alert.status,
            }
            for alert in notification.alerts
        ),
        key=lambda alert: sorted(alert["labels"].items()),
    )


@pytest.mark.parametrize("name", TIMELINES)
def test_a_timeline_is_told_as_alertmanager_tells_it(name: str) -> None:
    scenario = corpora.scenario(f"timeline/{name}.yaml")
    got = _play(scenario)
    wanted = [each for each in scenario["expect"] if not each.get("none")]
    for each in wanted:
        low, high = each["between"]
        found = [n for at, n in got.get(each["webhook"], []) if low <= at <= high]
        assert len(found) == 1, f"{each['webhook']} in {low}..{high}: {got}"
        expected = sorted(
            (
                {
                    "labels": alert["labels"],
                    "annotations": alert.get("annotations", {}),
                    "starts": pytest.approx(alert["starts"], abs=scenario["tolerance_s"]),
                    "ends": None
                    if alert.get("ends") is None
                    else pytest.approx(alert["ends"], abs=scenario["tolerance_s"]),
                    "status": alert["status"],
                }
                for alert in each["alerts"]
            ),
            key=lambda alert: sorted(alert["labels"].items()),
        )
        assert _plain(found[0]) == expected
    assert sum(map(len, got.values())) == len(wanted), "more notifications than expected"
