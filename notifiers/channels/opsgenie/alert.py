"""A notification as requests to Opsgenie, or to Jira Service Management's Operations.

An alert is named by its alias, so creating it again updates its count and log. Opsgenie takes 130
characters of `message`, 512 of `alias` and `entity`, 15,000 of `description`, 25,000 of `note`, 100
of `source`, 20 tags and 10 actions of 50 each, and 8,000 in all `details`. Jira Service Management
takes the same under another address, but cannot change a message: there a note says it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from notifiers import wording
from notifiers.channels.outline import Outline, fitting, fitting_links, outline
from notifiers.channels.texts import (
    LIST,
    SUBJECT,
    Defaults,
    Texts,
    cut_runes,
    cut_units,
    first_label,
    group_hash,
    units,
)
from notifiers.fields import Templated
from notifiers.message import rank, worst_level
from notifiers.notification import Notification

MESSAGE_CHARACTERS_MAX = 130
DESCRIPTION_CHARACTERS_MAX = 15_000
NOTE_CHARACTERS_MAX = 25_000
ENTITY_CHARACTERS_MAX = 512
SOURCE_CHARACTERS_MAX = 100
DETAILS_CHARACTERS_MAX = 8_000
TAGS_MAX, ACTIONS_MAX, WORD_CHARACTERS_MAX = 20, 10, 50
RESPONDERS_MAX = 50

DEFAULTS: Defaults = {
    "message": ("opsgenie.default.message", SUBJECT),
    "description": ("opsgenie.default.description", LIST),
    "source": ("opsgenie.default.source", "__alertmanagerURL"),
    "note": (),
    "tags": (),
    "actions": (),
    "entity": (),
    "priority": (),
}

_BY_RANK = ((3, "P1"), (5, "P2"), (7, "P3"), (9, "P4"))

Step = Literal["create", "message", "description", "note", "close"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without its host and its key."""

    step: Step
    method: Literal["POST", "PUT"]
    path: str  # below the API's address
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an entry of opsgenie_configs says of an alert, besides its texts."""

    details: Mapping[str, Templated]
    responders: tuple[Mapping[str, Templated], ...]
    update: bool  # change message and description of an alert that exists
    jsm: bool  # Jira Service Management


def render(parts: Parts, texts: Texts, sent_ms: int) -> tuple[Request, ...]:
    """Return what is to be sent, in order. Raises FieldError."""
    notification = texts.notification
    name = group_hash(notification)
    if notification.status == "resolved":
        return (Request("close", "POST", _on(name, "close"), _closing(texts, sent_ms)),)
    body = _created(parts, texts, outline(notification, sent_ms))
    requests = [Request("create", "POST", "v2/alerts", body)]
    if not parts.update:
        return tuple(requests)
    if parts.jsm:
        text = wording.cut(f"{body['message']}\n\n{body.get('description', '')}".strip(),
                           NOTE_CHARACTERS_MAX)  # fmt: skip
        requests.append(Request("note", "POST", _on(name, "notes"), {"note": text}))
        return tuple(requests)
    changed: tuple[Step, ...] = ("message", "description")
    for step in changed:
        told: dict[str, Any] = {str(step): body[step]} if body.get(step) else {}
        requests.append(Request(step, "PUT", _on(name, step), told))
    return tuple(requests)


def priority(given: str | None, notification: Notification) -> str:
    """Return P1 to P5, or "" for Opsgenie's default.

    What the file says counts, a level of another name by its rank. Without it our own rules'
    levels do; posted alerts have none, as Alertmanager has it.
    """
    if given is not None:
        named = given.strip().upper()
        return named if named in ("P1", "P2", "P3", "P4", "P5") else _by_rank(given.strip())
    levels = any(alert.level for alert in notification.alerts)
    return _by_rank(worst_level(notification.alerts)) if levels else ""


def _by_rank(level: str) -> str:
    worst = rank(level)
    return next((name for below, name in _BY_RANK if worst < below), "") if level else ""


def _on(name: str, action: str) -> str:
    return f"v2/alerts/{name}/{action}?identifierType=alias"


def _created(parts: Parts, texts: Texts, read: Outline) -> dict[str, Any]:
    description = texts.get("description")
    body: dict[str, Any] = {
        "alias": group_hash(texts.notification),
        "message": _message(texts, read),
        "description": _description(read)
        if description is None
        else cut_runes(description, DESCRIPTION_CHARACTERS_MAX),
        "details": _details(parts, texts),
        "source": _source(texts),
        "responders": list(_responders(parts, texts))[:RESPONDERS_MAX],
        "tags": _words(texts.get("tags"), TAGS_MAX),
        "note": cut_runes(texts.get("note") or "", NOTE_CHARACTERS_MAX),
        "priority": priority(texts.get("priority"), texts.notification),
        "entity": cut_runes(_entity(texts), ENTITY_CHARACTERS_MAX),
        "actions": _words(texts.get("actions"), ACTIONS_MAX),
    }
    always = ("alias", "message", "details", "source")
    return {name: value for name, value in body.items() if value or name in always}


def _message(texts: Texts, read: Outline) -> str:
    """Return the line people are woken with; Opsgenie takes none that is empty."""
    given = texts.get("message")
    own = cut_units(read.title, MESSAGE_CHARACTERS_MAX)
    return own if given is None else cut_runes(given, MESSAGE_CHARACTERS_MAX) or "alert"


def _closing(texts: Texts, sent_ms: int) -> dict[str, str]:
    body = {"source": _source(texts)}
    if "description" not in texts.fields:
        body["note"] = outline(texts.notification, sent_ms).news
    return body


def _source(texts: Texts) -> str:
    given = texts.get("source")
    text = texts.notification.external_url or "Tocsin" if given is None else given
    return cut_runes(text, SOURCE_CHARACTERS_MAX)


def _entity(texts: Texts) -> str:
    given = texts.get("entity")
    if given is not None:
        return given
    labels = {**texts.notification.common_labels, **texts.notification.group_labels}
    return first_label(labels, "instance", "host", "hostname", "node", "pod", "service")


def _details(parts: Parts, texts: Texts) -> dict[str, str]:
    """Return the common labels and what the file adds, as much as is taken."""
    given = {name: texts.expand("details", value) for name, value in parts.details.items()}
    whole = {**given, **texts.notification.common_labels, **given}
    left = DETAILS_CHARACTERS_MAX - 100
    kept: dict[str, str] = {}
    for index, (name, value) in enumerate(whole.items()):
        left -= len(name) + len(value)
        if left < 0:
            kept["…"] = wording.more(len(whole) - index, "detail")
            break
        kept[name] = value
    return dict(sorted(kept.items()))


def _responders(parts: Parts, texts: Texts) -> Iterator[dict[str, str]]:
    """Yield who is told. Names from labels may be empty: then nobody is meant."""
    for entry in parts.responders:
        filled = {name: texts.expand("responders", value) for name, value in entry.items()}
        who = {name: value for name, value in filled.items() if value}
        if not who:
            continue
        who["type"] = who.get("type", "").lower()
        if who["type"] != "teams":
            yield who
            continue
        for team in who.get("name", "").strip().split(","):
            if team:
                yield {"name": team, "type": "team"}


def _words(text: str | None, words_max: int) -> list[str]:
    words = [word for word in (text or "").strip().split(",") if word]
    return [cut_runes(word, WORD_CHARACTERS_MAX) for word in words[:words_max]]


def _description(read: Outline) -> str:
    """Return the whole message as plain text: as many alerts as fit, links and footer always."""
    tail = "\n\n".join(_tail(read))
    room = DESCRIPTION_CHARACTERS_MAX - units(tail) - 10
    entries = ["\n  ".join([entry.headline, *entry.details]) for entry in read.entries]
    kept = fitting(list(_body(read)), entries, read.unshown, room, "{}")
    return "\n\n".join([*kept, tail])


def _body(read: Outline) -> Iterator[str]:
    yield "\n".join(part for part in (read.headline, read.change, read.counts) if part)
    if read.facts:
        yield "\n".join(f"{name}: {value}" for name, value in read.facts)
    if read.description:
        yield read.description
    if read.lines:
        yield "\n".join(f"  | {line}" for line in read.lines)


def _tail(read: Outline) -> Iterator[str]:
    links = [f"{link.text}: {link.url}" for link in fitting_links(read.links, 4_000)]
    if read.rule:
        links.append(f"Rule: {wording.cut(read.rule, 200)}")
    if links:
        yield "\n".join(links)
    if read.warnings:
        yield "\n".join(f"! {warning}" for warning in read.warnings)
    yield read.footer
