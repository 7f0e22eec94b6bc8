"""A notification as an event of PagerDuty, inside its limits whatever an alert carries.

Events API v2 takes 512 kB an event, 1,024 characters of `summary`, 255 of `dedup_key`, four
severities, and needs `summary`, `source` and `severity`; v1 takes 1,024 characters of
`description`. Too much detail is cut; an event is never lost for its length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from notifiers import wording
from notifiers.channels.outline import Outline, outline
from notifiers.channels.texts import SUBJECT, Defaults, Texts, cut_runes, first_label, group_hash
from notifiers.channels.wire import encode
from notifiers.fields import JsonTemplate, Templated
from notifiers.message import rank, worst_level
from notifiers.notification import Notification, NotifiedAlert

EVENT_BYTES_MAX = 512_000
SUMMARY_CHARACTERS_MAX = 1_024

DEFAULTS: Defaults = {
    "description": ("pagerduty.default.description", SUBJECT),
    "client": ("pagerduty.default.client", "__alertmanager"),
    "client_url": ("pagerduty.default.clientURL", "__alertmanagerURL"),
    "source": (),
    "severity": (),
    "component": (),
    "group": (),
    "class": (),
}

SEVERITIES = ("critical", "error", "warning", "info")
_BY_RANK = ((3, "critical"), (5, "error"), (7, "warning"), (9, "info"))

_TOO_LARGE = "Left out: with them the event would exceed PagerDuty's 512 kB."

Version = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an entry of pagerduty_configs says of an event, besides its texts."""

    version: Version
    details: Mapping[str, JsonTemplate] | None  # None: Tocsin's own
    images: tuple[Mapping[str, Templated], ...] = ()
    links: tuple[Mapping[str, Templated], ...] = ()


def render(parts: Parts, texts: Texts, key: str, sent_ms: int) -> dict[str, Any]:
    """Return an event; `key` is the routing key, of v1 the service key. Raises FieldError."""
    read = outline(texts.notification, sent_ms)
    if parts.details is None:
        details = dict(_own_details(read))
    else:
        details = {name: texts.json("details", each) for name, each in parts.details.items()}
    body = _v1(texts, key, read) if parts.version == 1 else _v2(parts, texts, key, read)
    room = EVENT_BYTES_MAX - len(encode(_with(body, details, parts.version)))
    if room < 0:
        return _without_details(body, parts.version)
    machine = _machine_details(texts.notification, room - len("'omitted': '+20,000 alerts', "))
    return _with(body, {**machine, **details}, parts.version)


def severity(given: str | None, notification: Notification) -> str:
    """Return one of PagerDuty's severities: it refuses an event with any other.

    What the file says counts, a level of another name by its rank. Without it our own rules'
    levels do; posted alerts are errors, as Alertmanager has it.
    """
    if given is not None:
        lowered = given.strip().lower()
        return lowered if lowered in SEVERITIES else _by_rank(lowered)
    levels = any(alert.level for alert in notification.alerts)
    return _by_rank(worst_level(notification.alerts)) if levels else "error"


def _by_rank(level: str) -> str:
    worst = rank(level)
    return next((name for below, name in _BY_RANK if worst < below), "error")


def _v1(texts: Texts, key: str, read: Outline) -> dict[str, Any]:
    firing = texts.notification.status == "firing"
    body: dict[str, Any] = {
        "service_key": key,
        "incident_key": group_hash(texts.notification),
        "event_type": "trigger" if firing else "resolve",
        "description": _summary(texts, read),
    }
    if firing:
        body |= _client(texts)
    return body


def _v2(parts: Parts, texts: Texts, key: str, read: Outline) -> dict[str, Any]:
    notification = texts.notification
    body: dict[str, Any] = {
        "routing_key": key,
        "dedup_key": group_hash(notification),
        "event_action": "trigger" if notification.status == "firing" else "resolve",
        "payload": dict(_payload(texts, read)),
        **_client(texts),
    }
    if images := _filled(texts, "images", parts.images, "src"):
        body["images"] = images
    if parts.links:
        links = _filled(texts, "links", parts.links, "href")
    else:
        links = [{"href": link.url, "text": link.text} for link in read.links]
    if links:
        body["links"] = links
    return body


def _payload(texts: Texts, read: Outline) -> Iterator[tuple[str, Any]]:
    notification = texts.notification
    labels = {**notification.common_labels, **notification.group_labels}
    yield "summary", _summary(texts, read)
    yield "source", _source(texts, labels)
    yield "severity", severity(texts.get("severity"), notification)
    if "description" not in texts.fields and (since_ms := _since_ms(notification)):
        yield "timestamp", wording.go_time(since_ms)
    own = {
        "class": first_label(labels, "alertname"),
        "component": first_label(labels, "service", "component", "app", "job"),
        "group": first_label(labels, "cluster", "namespace", "env", "environment"),
    }
    for name, ours in own.items():
        given = texts.get(name)
        if text := ours if given is None else given:
            yield name, cut_runes(text, SUMMARY_CHARACTERS_MAX)


def _source(texts: Texts, labels: Mapping[str, str]) -> str:
    """Return where it comes from; PagerDuty takes no event without."""
    given = texts.get("source")
    if given is None:
        given = texts.get("client")  # Alertmanager's default of source
    if given is None:
        given = first_label(labels, "instance", "host", "hostname", "node", "pod", "service")
    return cut_runes(given, SUMMARY_CHARACTERS_MAX) or "Tocsin"


def _client(texts: Texts) -> dict[str, str]:
    ours = {"client": "Tocsin", "client_url": texts.notification.external_url}
    found = {}
    for name, own in ours.items():
        given = texts.get(name)
        if text := own if given is None else given:
            found[name] = cut_runes(text, SUMMARY_CHARACTERS_MAX)
    return found


def _summary(texts: Texts, read: Outline) -> str:
    given = texts.get("description")
    if given is not None:
        return cut_runes(given, SUMMARY_CHARACTERS_MAX)
    numbers = " · ".join(f"{name} {value}" for name, value in read.facts if "threshold" in value)
    told = " — ".join(part for part in (read.title, numbers or read.counts) if part)
    return wording.cut(told, SUMMARY_CHARACTERS_MAX)


def _machine_details(notification: Notification, room: int) -> dict[str, Any]:
    """Return Alertmanager's `custom_details`: event rules are written against them.

    Of the alerts as many as fit into so many bytes.
    """
    by_status: dict[str, list[dict[str, Any]]] = {"firing": [], "resolved": []}
    kept = 0
    for alert in notification.alerts:
        machine = _machine_alert(alert)
        room -= len(encode(machine)) + 2
        if room < 200:
            break
        by_status[alert.status].append(machine)
        kept += 1
    statuses = [alert.status for alert in notification.alerts]
    counts = {f"num_{status}": statuses.count(status) for status in ("firing", "resolved")}
    left = len(statuses) - kept
    return {**by_status, **counts, **({"omitted": wording.more(left, "alert")} if left else {})}


def _machine_alert(alert: NotifiedAlert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": wording.go_time(alert.starts_at_ms),
        "endsAt": wording.go_time(alert.ends_at_ms if alert.status == "resolved" else 0),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _own_details(read: Outline) -> Iterator[tuple[str, Any]]:
    """Tell what the machine-readable alerts do not: how bad, since when, what changed."""
    told: dict[str, Any] = {
        "change": read.change,
        "description": read.description,
        "facts": dict(read.facts),
        "log_lines": list(read.lines),
        "alerts": [" · ".join((entry.headline, *entry.details)) for entry in read.entries],
        "more": wording.more(read.unshown, "alert") if read.unshown else "",
        "rule": read.rule,
        "warnings": list(read.warnings),
        "stages": read.footer,
    }
    yield from ((name, value) for name, value in told.items() if value)


def _filled(
    texts: Texts, field: str, entries: tuple[Mapping[str, Templated], ...], needed: str
) -> list[dict[str, str]]:
    """Expand images or links; one whose address is empty is left out, as Alertmanager does."""
    found = []
    for entry in entries:
        filled = {name: texts.expand(field, value) for name, value in entry.items()}
        if filled.get(needed):
            found.append(filled)
    return found


def _since_ms(notification: Notification) -> int:
    told = notification.firing or notification.alerts
    return min((alert.starts_at_ms for alert in told if alert.starts_at_ms > 0), default=0)


def _without_details(body: dict[str, Any], version: Version) -> dict[str, Any]:
    """Return an event without what makes it too large; links and images may be that, too."""
    whole = _with(body, {"error": _TOO_LARGE}, version)
    if len(encode(whole)) <= EVENT_BYTES_MAX:
        return whole
    return {name: value for name, value in whole.items() if name not in ("links", "images")}


def _with(body: dict[str, Any], details: dict[str, Any], version: Version) -> dict[str, Any]:
    if version == 1:
        return {**body, "details": details}
    return {**body, "payload": {**body["payload"], "custom_details": details}}
