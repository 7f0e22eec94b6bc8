"""What a person reads, before any channel's markup: shared by Slack, email and what comes later.

A reader who sees only the message can answer: what, where, since when, how bad against which
threshold, what changed, what to do. Channels lay a `Message` out and escape it; they decide
nothing about its content. Everything here is a function of the notification and of `sent_ms`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from notifiers import wording
from notifiers.changes import Change, changes
from notifiers.notification import Notification, NotifiedAlert, Status

SUMMARY_CHARACTERS_MAX = 400
DESCRIPTION_CHARACTERS_MAX = 2_000
LINE_CHARACTERS_MAX = 500
LABEL_CHARACTERS_MAX = 200
READINGS_MAX = 8

_LEVELS = ("critical", "page", "emergency", "error", "high", "warning", "medium", "info", "low")
"""Worst first; a level not in here stands behind `warning`."""

_RUNBOOK = ("runbook_url", "runbook")
_DASHBOARD = ("dashboard_url", "dashboard")
_NOT_SCOPE = ("alertname", "severity")


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of an alert: what it is, what it was, what it is compared with."""

    name: str
    now: str
    threshold: str  # "> 0.05"; "" where it is compared with nothing
    at_firing: str  # "" where it is not known or equal to now
    held: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A named link; the URL is http or https."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Item:
    """One alert as it is read."""

    status: Status
    level: str
    name: str
    summary: str
    description: str
    scope: tuple[tuple[str, str], ...]  # labels that the rest of the message does not share
    readings: tuple[Reading, ...]
    since_ms: int  # 0: unknown
    until_ms: int  # 0 while it fires
    lines: tuple[str, ...]
    links: tuple[Link, ...]
    rule: str  # "rules/checkout.yml:12", "" for posted ones


@dataclass(frozen=True, slots=True)
class Message:
    """One notification as it is read."""

    status: Status
    level: str  # the worst of what fires; on resolve, of what ended
    verdict: str  # "CRITICAL", "FIRING", "RESOLVED"
    title: str  # without the verdict
    subject: str  # equal over the life of a group: no level, value or count
    counts: str  # "2 firing, 1 resolved"; "" for a single alert
    change: str  # what is different from the last message; "" for a first
    scope: tuple[tuple[str, str], ...]  # labels that all its alerts share
    items: tuple[Item, ...]
    links: tuple[Link, ...]  # silence, all alerts
    footer: str  # data -> arrived -> decided -> sent
    warnings: tuple[str, ...]
    now_ms: int


def compose(notification: Notification, sent_ms: int) -> Message:
    """Return what a person is to read. `sent_ms` is when this attempt to send starts."""
    alerts = without_outlived(notification.alerts)
    known = notification.previous.get("told") if notification.previous else None
    scope = _shared_scope(alerts)
    items = tuple(_item(alert, dict(scope)) for alert in alerts)
    level = worst_level(alerts)
    return Message(
        status=notification.status,
        level=level,
        verdict=_verdict(notification, level),
        title=_title(notification, alerts),
        subject=subject(notification),
        counts=_counts(alerts),
        change=_change_text(changes(alerts, known), notification),
        scope=scope,
        items=items,
        links=_links(notification, alerts),
        footer=_footer(notification, alerts, sent_ms),
        warnings=_warnings(notification),
        now_ms=notification.now_ms,
    )


def without_outlived(alerts: Sequence[NotifiedAlert]) -> tuple[NotifiedAlert, ...]:
    """Return what people are told of: what fires first, the worst and newest of it leading.

    Left out is what ended only because its episode goes on at another level.
    """
    live = {alert.episode for alert in alerts if alert.status == "firing" and alert.episode}
    told = [
        alert
        for alert in alerts
        if alert.status == "firing" or not (alert.superseded or alert.episode in live)
    ]
    return tuple(sorted(told, key=_urgency))


def _urgency(alert: NotifiedAlert) -> tuple[bool, float, int, tuple[tuple[str, str], ...]]:
    labels = tuple(sorted(alert.labels.items()))
    return alert.status == "resolved", rank(level_of(alert)), -alert.starts_at_ms, labels


def worst_level(alerts: Sequence[NotifiedAlert]) -> str:
    """Return the worst level of what fires, or of all where nothing does; "" without levels."""
    firing = [alert for alert in alerts if alert.status == "firing"] or alerts
    return min((level_of(alert) for alert in firing), key=rank, default="")


def level_of(alert: NotifiedAlert) -> str:
    """Return an alert's level: the rule's, else its label `severity`."""
    return alert.level or alert.labels.get("severity", "")


def rank(level: str) -> float:
    """Order levels, worst lowest; unknown ones stand behind warning, none at the end."""
    if not level:
        return len(_LEVELS)
    lowered = level.lower()
    return _LEVELS.index(lowered) if lowered in _LEVELS else _LEVELS.index("warning") + 0.5


def subject(notification: Notification) -> str:
    """Return what all messages of a group are called: Gmail splits a thread when it changes."""
    labels = {**notification.common_labels, **notification.group_labels}
    name = labels.get("alertname") or "Alerts"
    shown = notification.group_labels if _named(notification.group_labels) else labels
    scope = [f"{key}={value}" for key, value in sorted(shown.items()) if key not in _NOT_SCOPE]
    text = f"{name}: {', '.join(scope)}" if scope else name
    return wording.cut(wording.one_line(text), 180)


def value_line(item: Item) -> str:
    """Return an alert's numbers as one line: `ratio 0.073 (threshold > 0.05), was 0.061`."""
    return " · ".join(reading_text(reading) for reading in item.readings)


def reading_text(reading: Reading) -> str:
    """Return one number in words."""
    text = f"{reading.name} {reading.now}"
    if reading.threshold:
        text += f" (threshold {reading.threshold})"
    return f"{text}, {reading.at_firing} when it fired" if reading.at_firing else text


def lasted(item: Item, now_ms: int) -> str:
    """Return how long an alert fires or has fired; "" where its start is unknown."""
    if item.since_ms <= 0:
        return ""
    return wording.duration(max(0, (item.until_ms or now_ms) - item.since_ms))


def _named(labels: Mapping[str, str]) -> bool:
    return any(name not in _NOT_SCOPE for name in labels)


def _verdict(notification: Notification, level: str) -> str:
    if notification.status == "resolved":
        return "RESOLVED"
    return wording.cut(wording.one_line(level), 30).upper() or "FIRING"


def _title(notification: Notification, alerts: Sequence[NotifiedAlert]) -> str:
    shown = [alert for alert in alerts if alert.status == "firing"] or list(alerts)
    summaries = {_summary(alert) for alert in shown}
    if len(summaries) == 1:
        return summaries.pop()
    return wording.cut(f"{len(shown):,} × {subject(notification)}", SUMMARY_CHARACTERS_MAX)


def _summary(alert: NotifiedAlert) -> str:
    text = wording.one_line(alert.annotations.get("summary", ""))
    if not text:
        scope = [value for name, value in sorted(alert.labels.items()) if name not in _NOT_SCOPE]
        name = alert.labels.get("alertname", "alert")
        text = wording.one_line(f"{name}: {' '.join(scope)}" if scope else name)
    return wording.cut(text, SUMMARY_CHARACTERS_MAX)


def _counts(alerts: Sequence[NotifiedAlert]) -> str:
    if len(alerts) < 2:
        return ""
    firing = sum(alert.status == "firing" for alert in alerts)
    parts = [f"{firing:,} firing"] if firing else []
    if firing < len(alerts):
        parts.append(f"{len(alerts) - firing:,} resolved")
    return ", ".join(parts)


def _shared_scope(alerts: Sequence[NotifiedAlert]) -> tuple[tuple[str, str], ...]:
    if not alerts:
        return ()
    shared = dict(alerts[0].labels)
    for alert in alerts[1:]:
        shared = {k: v for k, v in shared.items() if alert.labels.get(k) == v}
    return _scope(shared)


def _scope(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (wording.one_line(name), wording.cut(wording.one_line(value), LABEL_CHARACTERS_MAX))
        for name, value in sorted(labels.items())
        if name not in _NOT_SCOPE
    )


def _item(alert: NotifiedAlert, shared: Mapping[str, str]) -> Item:
    own = {name: value for name, value in alert.labels.items() if name not in shared}
    description = wording.printable(alert.annotations.get("description", "")).strip()
    return Item(
        status=alert.status,
        level=level_of(alert),
        name=wording.one_line(alert.labels.get("alertname", "alert")),
        summary=_summary(alert),
        description=wording.cut(description, DESCRIPTION_CHARACTERS_MAX),
        scope=_scope(own),
        readings=_readings(alert),
        since_ms=alert.starts_at_ms,
        until_ms=alert.ends_at_ms if alert.status == "resolved" else 0,
        lines=tuple(
            wording.cut(wording.one_line(line), LINE_CHARACTERS_MAX) for line in alert.lines
        ),
        links=_item_links(alert),
        rule=f"{alert.rule_file}:{alert.rule_line}" if alert.rule_file else "",
    )


def _readings(alert: NotifiedAlert) -> tuple[Reading, ...]:
    """Take what the condition compared, then the other columns that it did not name."""
    readings, told = [], set()
    for part in alert.evidence:
        name = part.text.split(f" {part.operator} ", 1)[0].strip() or part.text
        threshold = f"{part.operator} {wording.number(part.right)}"
        then = _at_firing(alert, name, wording.number(part.left))
        readings.append(Reading(name, wording.number(part.left), threshold, then, part.held))
        told.add(name)
    for name, value in alert.values.items():
        if name not in told:
            now = wording.number(value)
            readings.append(Reading(name, now, "", _at_firing(alert, name, now), held=True))
    return tuple(readings[:READINGS_MAX])


def _at_firing(alert: NotifiedAlert, name: str, now: str) -> str:
    """Return what a column was when the alert fired, where that says something new."""
    if name not in alert.values_at_firing:
        return ""
    then = wording.number(alert.values_at_firing[name])
    return "" if then == now and alert.status == "firing" else then


def _item_links(alert: NotifiedAlert) -> tuple[Link, ...]:
    found = []
    for text, names in (("Runbook", _RUNBOOK), ("Dashboard", _DASHBOARD)):
        url = next((alert.annotations[name] for name in names if alert.annotations.get(name)), "")
        if is_link(url):
            found.append(Link(text, url))
    if is_link(alert.generator_url):
        found.append(Link("Source", alert.generator_url))
    return tuple(found)


def is_link(url: str) -> bool:
    """Say whether a URL of an annotation may become a link: http(s), printable, not endless."""
    if not url or len(url) > 2_000 or not url.isprintable() or any(c in url for c in ' <>"|`'):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _links(notification: Notification, alerts: Sequence[NotifiedAlert]) -> tuple[Link, ...]:
    if not is_link(notification.external_url):
        return ()
    base = notification.external_url.rstrip("/")
    links = []
    firing = [alert for alert in alerts if alert.status == "firing"]
    if firing and (matchers := silence_matchers(firing)):
        links.append(Link("Silence", f"{base}/?filter={quote(matchers, safe='')}#silence"))
    links.append(Link("All alerts", f"{base}/"))
    return tuple(link for link in links if is_link(link.url))


def silence_matchers(alerts: Sequence[NotifiedAlert]) -> str:
    """Return matchers for all of these alerts at every level: `{alertname="X",service="a"}`.

    "" where they share nothing but a severity: nobody means to silence all that is critical.
    """
    shared = dict(alerts[0].labels)
    for alert in alerts[1:]:
        shared = {k: v for k, v in shared.items() if alert.labels.get(k) == v}
    if not shared.keys() - {"severity"}:
        return ""
    if alerts[0].level:
        shared.pop("severity", None)  # a level comes and goes; the silence must cover it
    pairs = [f"{name}={_quoted(value)}" for name, value in sorted(shared.items())]
    return f"{{{','.join(pairs)}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _change_text(found: Change | None, notification: Notification) -> str:
    if notification.reason == "repeat interval elapsed":
        return "Reminder: still firing, nothing has changed"
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
    scope = [value for name, value in sorted(alert.labels.items()) if name not in _NOT_SCOPE]
    text = wording.one_line(" ".join(scope)) or alert.labels.get("alertname", "alert")
    return wording.cut(text, 60)


def _warnings(notification: Notification) -> tuple[str, ...]:
    warnings = []
    if notification.possibly_repeated:
        warnings.append("You may have seen this already: its first sender died while sending it.")
    if notification.redis_degraded:
        warnings.append("This may arrive twice: the deduplication store cannot be reached.")
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
    if notification.reason == "repeat interval elapsed":
        stages.append(f"sent {wording.clock_time(sent_ms)} (reminder)")
    else:
        waited_ms = notification.now_ms - newest.decision_ms
        grouped = f", {wording.duration(waited_ms)} of it grouping" if waited_ms >= 500 else ""
        stages.append(f"sent {wording.step(sent_ms - newest.decision_ms)}{grouped}")
    return " → ".join(stages)
