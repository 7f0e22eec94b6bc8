"""Notifications as the notifier makes them, written out by hand: the life of one group."""

from collections.abc import Mapping
from typing import Any

from engine.alerts import Evidence
from notifiers.notification import Notification, NotifiedAlert

T0_MS = 1_795_269_785_120  # 2026-11-21 14:03:05.120 UTC

SERVICE = {"alertname": "PaymentTimeouts", "service": "payments", "pod": "payments-7d9f"}

SUMMARY = "payments: {} requests timed out in the last minute"
DESCRIPTION = "The card processor does not answer in time. Orders are lost above 50 a minute."

LINES = (
    "14:02:51 ERROR timeout after 5000 ms calling https://cards.example/v1/charge order=81723",
    "14:02:58 ERROR timeout after 5000 ms calling https://cards.example/v1/charge order=81730",
    "14:03:04 ERROR timeout after 5000 ms calling https://cards.example/v1/charge order=81742",
)

LATER_LINES = tuple(
    f"{at} ERROR timeout after 5000 ms calling https://cards.example/v1/charge order={order}"
    for at, order in (("14:03:07", 81744), ("14:03:31", 81790), ("14:04:02", 81833))
)


def alert(**changes: Any) -> NotifiedAlert:
    """Return one alert of a native rule with levels, firing at `warning`."""
    level = changes.pop("level", "warning")
    timeouts = changes.pop("timeouts", 14)
    users = changes.pop("users", 9)
    limit = 50 if level == "critical" else 10
    fields: dict[str, Any] = {
        "status": "firing",
        "labels": {**SERVICE, "severity": level},
        "annotations": {
            "summary": SUMMARY.format(timeouts),
            "description": DESCRIPTION,
            "runbook_url": "https://runbooks.example/payments?from=alert&to=now",
        },
        "starts_at_ms": T0_MS - 120,
        "ends_at_ms": 0,
        "generator_url": "",
        "fingerprint": "8a1c2d3e4f506172" if level == "warning" else "9b2d3e4f50617283",
        "updated_at_ms": T0_MS,
        "values": {"timeouts": timeouts, "users": users},
        "values_at_firing": {"timeouts": 14, "users": 9},
        "evidence": (Evidence(f"timeouts > {limit}", timeouts, ">", limit, timeouts > limit),),
        "lines": LINES,
        "level": level,
        "episode": "1f3a9c0244d1e5b7",
        "rule_group": "payments",
        "rule_file": "rules/payments.yml",
        "rule_line": 12,
        "event_ms": T0_MS,
        "arrival_ms": T0_MS + 3,
        "decision_ms": T0_MS + 12,
        "window": (T0_MS - 60_000, T0_MS),
    }
    return NotifiedAlert(**{**fields, **changes})


def posted(index: int, **changes: Any) -> NotifiedAlert:
    """Return one alert that somebody posted: labels and annotations, no numbers."""
    fields: dict[str, Any] = {
        "status": "firing",
        "labels": {
            "alertname": "DiskFull",
            "job": "node",
            "instance": f"db-{index:02d}:9100",
            "severity": "critical",
        },
        "annotations": {"summary": f"db-{index:02d} has {index} % of disk left"},
        "starts_at_ms": T0_MS - 60_000 + index,
        "ends_at_ms": 0,
        "generator_url": "https://prometheus.example/graph?g0.expr=disk",
        "fingerprint": f"{index:016x}",
        "updated_at_ms": T0_MS,
    }
    return NotifiedAlert(**{**fields, **changes})


def notification(*alerts: NotifiedAlert, **changes: Any) -> Notification:
    """Return a notification of these alerts, the first of its group."""
    shared: Mapping[str, str] = alerts[0].labels
    notes: Mapping[str, str] = alerts[0].annotations
    for one in alerts[1:]:
        shared = {k: v for k, v in shared.items() if one.labels.get(k) == v}
        notes = {k: v for k, v in notes.items() if one.annotations.get(k) == v}
    firing = any(one.status == "firing" for one in alerts)
    group = {"alertname": alerts[0].labels["alertname"]}
    fields: dict[str, Any] = {
        "tenant": "default",
        "receiver": "on-call",
        "integration": "slack/0",
        "group_key": f'{{}}:{{alertname="{group["alertname"]}"}}',
        "group_labels": group,
        "common_labels": dict(shared),
        "common_annotations": dict(notes),
        "route_labels": {},
        "status": "firing" if firing else "resolved",
        "reason": "first notification",
        "external_url": "https://tocsin.example",
        "n": 1,
        "episodes": tuple(sorted({one.episode for one in alerts if one.episode})),
        "alerts": alerts,
        "previous": None,
        "redis_degraded": False,
        "possibly_repeated": False,
        "now_ms": T0_MS + 30,
        "group_created_ms": T0_MS,
    }
    return Notification(**{**fields, **changes})


TOLD_WARNING = "1f3a9c02=warning"
TOLD_CRITICAL = "1f3a9c02=critical/warning"


def first() -> Notification:
    """Return the first notification of an episode."""
    return notification(alert())


def level_change(previous: Mapping[str, str] | None = None) -> Notification:
    """Return what follows when the level rises: the old fingerprint ends as the new begins."""
    at_ms = T0_MS + 60_000
    over = alert(status="resolved", superseded=True, ends_at_ms=at_ms)
    now = alert(
        level="critical",
        timeouts=73,
        users=31,
        event_ms=at_ms,
        arrival_ms=at_ms + 2,
        decision_ms=at_ms + 9,
        lines=LATER_LINES,
        window=(T0_MS, at_ms),
    )
    return notification(
        over, now, n=2, reason="new alerts added", now_ms=at_ms + 30, previous=previous
    )


def repeat(previous: Mapping[str, str] | None = None) -> Notification:
    """Return the reminder after repeat_interval."""
    at_ms = T0_MS + 60_000
    now = alert(
        level="critical",
        timeouts=73,
        users=31,
        event_ms=at_ms,
        arrival_ms=at_ms + 2,
        decision_ms=at_ms + 9,
        lines=LATER_LINES,
        window=(T0_MS, at_ms),
    )
    return notification(
        now, n=3, reason="repeat interval elapsed", now_ms=at_ms + 4 * 3_600_000, previous=previous
    )


def resolved(previous: Mapping[str, str] | None = None) -> Notification:
    """Return the end of the episode."""
    at_ms = T0_MS + 303_000
    now = alert(
        level="critical",
        timeouts=3,
        users=2,
        status="resolved",
        ends_at_ms=at_ms,
        event_ms=at_ms,
        arrival_ms=at_ms + 4,
        decision_ms=at_ms + 7,
        window=(at_ms - 60_000, at_ms),
    )
    return notification(
        now, n=4, reason="all alerts resolved", now_ms=at_ms + 40, previous=previous
    )


def over_every_limit() -> Notification:
    """Return what is too long in every place, and hostile in most."""
    long = "<!channel> & " + "ü" * 4_000
    huge = alert(
        level="critical",
        labels={**SERVICE, "severity": "critical", **{f"l{i:02d}": "v" * 4_000 for i in range(40)}},
        annotations={
            "summary": long,
            "description": "*bold* ```\n" + long * 3,
            "runbook_url": "javascript:alert(1)",
            "dashboard_url": "https://x/|<y>",
        },
        values={f"column_{i}": i / 7 for i in range(40)},
        evidence=tuple(Evidence(f"c{i} > {i}", i + 0.5, ">", i, True) for i in range(30)),
        lines=tuple(long for _ in range(3)),
    )
    others = tuple(posted(i, annotations={"summary": long, "description": long}) for i in range(99))
    return notification(huge, *others, redis_degraded=True, possibly_repeated=True)
