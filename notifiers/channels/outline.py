"""A message in parts that every service can show, before its markup and its limits.

`compose` says what is told; this says in which pieces: a headline, what changed, facts in two
columns, lines, entries for several alerts, links. Discord, Teams, Telegram and Opsgenie lay these
out and escape them; nothing here is escaped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifiers import message as reading
from notifiers import wording
from notifiers.changes import changes, told
from notifiers.channels.texts import units
from notifiers.message import Item, Link, Message, compose, rank, without_outlived
from notifiers.notification import Notification, Status

ENTRIES_MAX = 10
"""Alerts that are shown one by one; the rest is a number."""

FACTS_MAX = 18
WHERE_CHARACTERS_MAX = 240
SCOPE_MAX = 20

_BY_RANK = ((3, 0xD0342C, "🔴"), (5, 0xE8590C, "🟠"), (7, 0xF0B429, "🟡"), (9, 0x3B7DD8, "🔵"))
_RED, _GREEN = (0xD0342C, "🔴"), (0x2F9E44, "🟢")

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert among several."""

    headline: str
    details: tuple[str, ...]  # numbers, labels that differ, since when, what to do


@dataclass(frozen=True, slots=True)
class Outline:
    """One notification, in the order in which it is read."""

    status: Status
    level: str
    colour: int  # 0xRRGGBB
    sign: str  # "🔴"
    verdict: str  # "CRITICAL", "FIRING", "RESOLVED"
    title: str  # "payments: 73 requests timed out"
    change: str  # "Changed: now critical, was warning"; "" for a first
    news: str  # the same for a line beside an edit, below the title: where, since when, numbers
    counts: str  # "2 firing, 1 resolved"; "" for a single alert
    description: str
    facts: tuple[Pair, ...]  # numbers against their thresholds, since when, labels
    lines: tuple[str, ...]  # log lines
    entries: tuple[Entry, ...]  # of several alerts
    unshown: int  # alerts beyond the entries
    links: tuple[Link, ...]
    rule: str  # "rules/checkout.yml:12"; "" for posted ones
    warnings: tuple[str, ...]
    footer: str

    @property
    def headline(self) -> str:
        """Return the first line: "🔴 CRITICAL · payments: 73 requests timed out"."""
        return f"{self.sign} {self.verdict} · {self.title}"


def outline(notification: Notification, sent_ms: int) -> Outline:
    """Return a notification in parts. `sent_ms` is when this attempt to send starts."""
    message = compose(notification, sent_ms)
    single = message.items[0] if len(message.items) == 1 else None
    colour, sign = look(message.status, message.level)
    shown = () if single else message.items[:ENTRIES_MAX]
    return Outline(
        status=message.status,
        level=message.level,
        colour=colour,
        sign=sign,
        verdict=message.verdict,
        title=message.title,
        change=reading.change_line(message),
        news=_news(message, title=""),
        counts=message.counts,
        description=single.description if single else message.description,
        facts=tuple(_facts(message, single))[:FACTS_MAX],
        lines=single.lines if single else (),
        entries=tuple(_entry(message, item) for item in shown),
        unshown=0 if single else message.total - len(shown),
        links=(*(single.links if single else ()), *message.links),
        rule=_rules(message.items),
        warnings=message.warnings,
        footer=message.footer,
    )


def history(notification: Notification, sent_ms: int) -> str:
    """Return what a change adds to a thread: `Outline.news` with the title, whole in itself."""
    message = compose(notification, sent_ms)
    return _news(message, message.title)


def needs_a_look(notification: Notification) -> bool | None:
    """Say whether people must be told aloud; None where nothing is new.

    An edit notifies nobody: a new alert, a higher level and a reminder have to; what calms does
    not.
    """
    reason = notification.reason
    if reason == "repeat interval elapsed":
        return True
    known = (notification.previous or {}).get("told")
    found = changes(without_outlived(notification.alerts), known)
    if found is None:
        return reason == "new alerts added"
    if not (found.new or found.resolved or found.levels):
        return None
    return bool(found.new) or any(rank(now) < rank(was) for was, now in found.levels)


def remembered(notification: Notification) -> str:
    """Return what the next message has to know of this one, to say what has changed."""
    known = (notification.previous or {}).get("told")
    return told(without_outlived(notification.alerts), known)


def fitting(
    parts: Sequence[str], entries: Sequence[str], unshown: int, room: int, mark: str
) -> list[str]:
    """Return the parts and then the entries that fit into that many UTF-16 units.

    Each costs two units more, for what is between them. What is left out is a number at the end,
    in the markup `mark`; `unshown` alerts have no entry.
    """
    kept: list[str] = []
    room -= 40  # for the number
    for index, text in enumerate((*parts, *entries)):
        room -= units(text) + 2
        if room < 0:
            if index < len(parts):
                return [*kept, mark.format(wording.more(len(parts) - index, "part"))]
            unshown += len(parts) + len(entries) - index
            break
        kept.append(text)
    return [*kept, mark.format(wording.more(unshown, "alert"))] if unshown else kept


def fitting_links(links: Sequence[Link], room: int) -> list[Link]:
    """Return the links whose addresses fit into that many characters together."""
    kept = []
    for link in links:
        if len(link.url) <= room:
            kept.append(link)
            room -= len(link.url)
    return kept


def look(status: str, level: str) -> tuple[int, str]:
    """Return the colour and the sign of a status and level: green when all is over."""
    if status == "resolved":
        return _GREEN
    worst = rank(level)
    return next(((rgb, sign) for below, rgb, sign in _BY_RANK if worst < below), _RED)


def where(message: Message) -> str:
    """Return a line: which alert, its labels, and since when it fires.

    For how long is not said in a reminder, whose `change` says it.
    """
    labels = "  ".join(f"{name}={value}" for name, value in message.scope)
    parts = [message.name, wording.cut(labels, WHERE_CHARACTERS_MAX)]
    if len(message.items) == 1 and message.status == "firing":
        [item] = message.items
        age = "" if message.is_reminder else reading.age(item, message.now_ms)
        since = f"since {wording.date_time(item.since_ms)}" if item.since_ms > 0 else ""
        parts.append(", ".join(part for part in (since, age) if part))
    return " · ".join(part for part in parts if part)


def _news(message: Message, title: str) -> str:
    """Return a few lines: what is different, what it is about, and the numbers of it."""
    item = next((item for item in message.items if item.status == message.status), None)
    text = message.change
    if message.status == "resolved":
        ended = reading.lasted(item, message.now_ms) if item else ""
        text = f"resolved after {ended}" if ended else "resolved"
    elif message.is_reminder:
        text = reading.change_line(message)
    text = " · ".join(part for part in (text, title) if part) or message.verdict.lower()
    parts = [f"{look(message.status, message.level)[1]} {text[:1].upper()}{text[1:]}"]
    if place := where(message):
        parts.append(place)
    if item and len(message.items) == 1 and (values := reading.value_line(item)):
        parts.append(values)
    if message.counts:
        parts.append(message.counts)
    return "\n".join([*parts, *(f"⚠️ {warning}" for warning in message.warnings)])


def _facts(message: Message, single: Item | None) -> Iterator[Pair]:
    if single:
        for one in single.readings:
            threshold = f" (threshold {one.threshold})" if one.threshold else ""
            then = f"; {one.then}" if one.then else ""
            yield one.name, f"{one.now}{threshold}{then}"
        if since := _since(single, message.now_ms):
            yield since
    yield from message.scope[:SCOPE_MAX]
    if len(message.scope) > SCOPE_MAX:
        yield "…", wording.more(len(message.scope) - SCOPE_MAX, "label")


def _since(item: Item, now_ms: int) -> Pair | None:
    if item.since_ms <= 0:
        return None
    since = wording.date_time(item.since_ms)
    if item.until_ms:
        lasted = reading.lasted(item, now_ms)
        return "lasted", f"{lasted}, {since} to {wording.date_time(item.until_ms)}"
    return "since", f"{since}, {reading.age(item, now_ms)}"


def _entry(message: Message, item: Item) -> Entry:
    details = []
    if values := reading.value_line(item):
        details.append(values)
    if item.scope:
        shown = [f"{name}={value}" for name, value in item.scope[:SCOPE_MAX]]
        left = len(item.scope) - len(shown)
        details.append("  ".join(shown + ([wording.more(left, "label")] if left else [])))
    if since := _since(item, message.now_ms):
        details.append(" ".join(since))
    if item.description:
        details.append(wording.cut(wording.one_line(item.description), 200))
    details += [f"{link.text}: {link.url}" for link in item.links if link.kind == "runbook"]
    sign = look(item.status, item.level)[1]
    return Entry(f"{sign} {item.summary}", tuple(details))


def _rules(items: Sequence[Item]) -> str:
    rules = sorted({item.rule for item in items if item.rule})
    if len(rules) < 2:
        return "".join(rules)
    return f"{rules[0]} {wording.more(len(rules) - 1, 'rule')}"
