"""A notification as a message: what all of its alerts share, what has changed, how long it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from notifiers import wording
from notifiers.changes import Change, changes, first_level
from notifiers.message.items import (
    LABEL_CHARACTERS_MAX,
    NOT_SCOPE,
    SUMMARY_CHARACTERS_MAX,
    description_of,
    item_of,
    scope_of,
    summary_of,
)
from notifiers.message.levels import without_outlived, worst_level
from notifiers.message.links import item_links, links_of
from notifiers.message.model import Item, Link, Message
from notifiers.notification import Notification, NotificationReason, NotifiedAlert, common

_REMINDER: NotificationReason = "repeat interval elapsed"

ITEMS_MAX = 100
"""Alerts that are looked at one by one; no channel shows as many."""


def compose(notification: Notification, sent_ms: int) -> Message:
    """Return what a person is to read. `sent_ms` is when this attempt to send starts."""
    alerts = without_outlived(notification.alerts)
    known = notification.previous.get("told") if notification.previous else None
    labels, notes = _shared(notification, alerts)
    scope = scope_of(labels)
    ended = {alert.episode: alert.level for alert in notification.alerts if alert.superseded}
    items = [
        item_of(alert, labels, first_level(alert, known) or ended.get(alert.episode, ""))
        for alert in alerts[:ITEMS_MAX]
    ]
    several = _several(alerts, notes) if len(alerts) > 1 else _Several("", ())
    level = worst_level(alerts)
    is_reminder = notification.reason == _REMINDER
    return Message(
        status=notification.status,
        level=level,
        verdict=_verdict(notification, level),
        name=wording.cut(wording.one_line(labels.get("alertname", "")), LABEL_CHARACTERS_MAX),
        title=_title(notification, alerts),
        subject=subject(notification),
        counts=_counts(alerts),
        change=_reminder(alerts, notification.now_ms)
        if is_reminder
        else _change_text(changes(alerts, known)),
        is_reminder=is_reminder,
        description=several.description,
        scope=scope,
        items=tuple(several.without(item) for item in items),
        total=len(alerts),
        links=(*several.links, *links_of(notification, alerts)),
        footer=_footer(notification, alerts, sent_ms),
        warnings=_warnings(notification),
        now_ms=notification.now_ms,
    )


def subject(notification: Notification) -> str:
    """Return what all messages of a group are called: Gmail splits a thread when it changes."""
    labels = {**notification.common_labels, **notification.group_labels}
    name = labels.get("alertname") or "Alerts"
    shown = notification.group_labels if _named(notification.group_labels) else labels
    scope = [f"{key}={value}" for key, value in sorted(shown.items()) if key not in NOT_SCOPE]
    text = f"{name}: {', '.join(scope)}" if scope else name
    return wording.cut(wording.one_line(text), 180)


def _named(labels: Mapping[str, str]) -> bool:
    return any(name not in NOT_SCOPE for name in labels)


def _shared(
    notification: Notification, alerts: Sequence[NotifiedAlert]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the labels and the annotations that all alerts share."""
    if len(alerts) == len(notification.alerts):
        return notification.common_labels, notification.common_annotations
    labels, notes = [alert.labels for alert in alerts], [alert.annotations for alert in alerts]
    return common(labels), common(notes)


@dataclass(frozen=True, slots=True)
class _Several:
    """What several alerts all say: it is said once."""

    description: str
    links: tuple[Link, ...]

    def without(self, item: Item) -> Item:
        """Return an alert without it."""
        if not self.description and not self.links:
            return item
        links = tuple(link for link in item.links if link not in self.links)
        return replace(item, description="" if self.description else item.description, links=links)


def _several(alerts: Sequence[NotifiedAlert], notes: Mapping[str, str]) -> _Several:
    first = alerts[0]
    one_source = all(alert.generator_url == first.generator_url for alert in alerts)
    source = first.generator_url if one_source else ""
    return _Several(description_of(notes), item_links(notes, source))


def _verdict(notification: Notification, level: str) -> str:
    if notification.status == "resolved":
        return "RESOLVED"
    return wording.cut(wording.one_line(level), 30).upper() or "FIRING"


def _title(notification: Notification, alerts: Sequence[NotifiedAlert]) -> str:
    shown = [alert for alert in alerts if alert.status == "firing"] or list(alerts)
    first = summary_of(shown[0]) if shown else ""
    if first and all(summary_of(alert) == first for alert in shown):
        return first
    return wording.cut(f"{len(shown):,} × {subject(notification)}", SUMMARY_CHARACTERS_MAX)


def _counts(alerts: Sequence[NotifiedAlert]) -> str:
    if len(alerts) < 2:
        return ""
    firing = sum(alert.status == "firing" for alert in alerts)
    parts = [f"{firing:,} firing"] if firing else []
    if firing < len(alerts):
        parts.append(f"{len(alerts) - firing:,} resolved")
    return ", ".join(parts)


def _reminder(alerts: Sequence[NotifiedAlert], now_ms: int) -> str:
    """Say for how long it fires, and of when its texts and numbers are: they look like new."""
    firing = [alert for alert in alerts if alert.status == "firing"]
    begun_ms = [alert.starts_at_ms for alert in firing if alert.starts_at_ms > 0]
    text = "still firing"
    if begun_ms:
        oldest = ", the oldest" if len(firing) > 1 else ""
        text += f"{oldest} for {wording.span(min(begun_ms), now_ms)}"
    said_ms = sorted(
        time_ms for one in firing if (time_ms := one.event_ms or one.updated_at_ms) > 0
    )
    if not said_ms:
        return text
    between = dict.fromkeys(
        wording.minute(time_ms, now_ms) for time_ms in (said_ms[0], said_ms[-1])
    )
    return f"{text}; values as of {' to '.join(between)}"


def _change_text(found: Change | None) -> str:
    if found is None:
        return ""
    parts = []
    if found.levels:
        before, now = found.levels[0]
        others = f" (and {wording.more(len(found.levels) - 1)})" if len(found.levels) > 1 else ""
        parts.append(f"now {now or 'firing'}, was {before or 'firing'}{others}")
    for alerts, word in ((found.new, "new"), (found.resolved, "resolved")):
        if alerts:
            names = [_short(alert) for alert in alerts[:3]]
            rest = [wording.more(len(alerts) - 3)] if len(alerts) > 3 else []
            parts.append(f"{word}: {', '.join(names + rest)}")
    return "; ".join(parts)


def _short(alert: NotifiedAlert) -> str:
    scope = [value for name, value in sorted(alert.labels.items()) if name not in NOT_SCOPE]
    text = wording.one_line(" ".join(scope)) or alert.labels.get("alertname", "alert")
    return wording.cut(text, 60)


def _warnings(notification: Notification) -> tuple[str, ...]:
    warnings = []
    if notification.possibly_repeated:
        warnings.append("You may have seen this already.")
    if notification.redis_degraded:
        warnings.append("You may get this message twice.")
    return tuple(warnings)


def _footer(notification: Notification, alerts: Sequence[NotifiedAlert], sent_ms: int) -> str:
    """Tell when the newest decision's data was stamped and how long each stage took after it."""
    newest = max(alerts, key=lambda alert: alert.decision_ms, default=None)
    if newest is None or newest.decision_ms <= 0 or newest.event_ms <= 0:
        return f"sent {wording.clock_time(sent_ms)}"
    stages = [f"data {wording.clock_time(newest.event_ms)}"]
    before_ms = newest.event_ms
    if newest.arrival_ms > 0:
        stages.append(f"arrived {wording.step(newest.arrival_ms - before_ms)}")
        before_ms = newest.arrival_ms
    stages.append(f"decided {wording.step(newest.decision_ms - before_ms)}")
    if notification.reason == _REMINDER:
        stages.append(f"sent {wording.clock_time(sent_ms)} (reminder)")
    else:
        waited_ms = notification.now_ms - newest.decision_ms
        grouped = f", {wording.duration(waited_ms)} of it grouping" if waited_ms >= 500 else ""
        stages.append(f"sent {wording.step(sent_ms - newest.decision_ms)}{grouped}")
    return " → ".join(stages)
