"""A message as it is read, before any markup."""

from dataclasses import dataclass
from typing import Literal

from notifiers import wording
from notifiers.notification import Status


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of an alert: what it is, what it was, what it is compared with."""

    name: str
    now: str
    threshold: str  # "> 0.05"; "" where it is compared with nothing
    at_firing: str  # "" where it is not known or equal to now
    held: bool
    is_other_level: bool = False  # what fired then was less than this threshold
    fired_as: str = ""  # the level of then; "" where it is not known

    @property
    def then(self) -> str:
        """What it was when the alert fired, in words; "" where that says nothing new."""
        if not self.at_firing:
            return ""
        level = f"as {self.fired_as}" if self.fired_as else "at another level"
        return f"{self.at_firing} when it fired{f' {level}' if self.is_other_level else ''}"


@dataclass(frozen=True, slots=True)
class Link:
    """A named link; the URL is http or https."""

    text: str
    url: str
    kind: Literal["runbook", "silence", ""] = ""  # of those that are something to do


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
    lines: tuple[str, ...]  # none of what has ended: they would read as going on
    links: tuple[Link, ...]
    rule: str  # "rules/checkout.yml:12", "" for posted ones


@dataclass(frozen=True, slots=True)
class Message:
    """One notification as it is read."""

    status: Status
    level: str  # the worst of what fires; on resolve, of what ended
    verdict: str  # "CRITICAL", "FIRING", "RESOLVED"
    name: str  # the alertname that all its alerts share; "" where there are several
    title: str  # without the verdict
    subject: str  # equal over the life of a group: no level, value or count
    counts: str  # "2 firing, 1 resolved"; "" for a single alert
    change: str  # what is different from the last message; "" for a first
    is_reminder: bool  # `change` says for how long, and how old the values are
    description: str  # that several alerts share; else each has its own
    scope: tuple[tuple[str, str], ...]  # labels that all its alerts share
    items: tuple[Item, ...]  # at most ITEMS_MAX of them
    total: int  # how many alerts there are
    links: tuple[Link, ...]  # those that several alerts share; silence, all alerts
    footer: str  # data -> arrived -> decided -> sent
    warnings: tuple[str, ...]
    now_ms: int


def value_line(item: Item) -> str:
    """Return an alert's numbers as one line: `ratio 0.073 (threshold > 0.05) · total 9`."""
    return " · ".join(reading_text(reading) for reading in item.readings)


def reading_text(reading: Reading) -> str:
    """Return one number in words."""
    text = f"{reading.name} {reading.now}"
    if reading.threshold:
        text += f" (threshold {reading.threshold})"
    return f"{text}; {reading.then}" if reading.then else text


def change_line(message: Message) -> str:
    """Return `Changed: now critical, was warning` or `Reminder: ...`; "" for a first or an end."""
    if not message.change or message.status != "firing":
        return ""
    return f"{'Reminder' if message.is_reminder else 'Changed'}: {message.change}"


def lasted(item: Item, now_ms: int) -> str:
    """Return how long an alert fires or has fired; "" where its start is unknown."""
    return wording.span(item.since_ms, item.until_ms or now_ms) if item.since_ms > 0 else ""


def age(item: Item, now_ms: int) -> str:
    """Return `for 5 min`, `just now`, `lasted 5 min 3 s`; "" where its start is unknown."""
    length = lasted(item, now_ms)
    if item.until_ms or not length:
        return f"lasted {length}" if length else ""
    return "just now" if length == wording.INSTANT else f"for {length}"
