"""A message as it is read, before any markup."""

from dataclasses import dataclass

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

    @property
    def then(self) -> str:
        """What it was when the alert fired, in words; "" where that says nothing new."""
        if not self.at_firing:
            return ""
        level = " at another level" if self.is_other_level else ""
        return f"{self.at_firing} when it fired{level}"


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
    name: str  # the alertname that all its alerts share; "" where there are several
    title: str  # without the verdict
    subject: str  # equal over the life of a group: no level, value or count
    counts: str  # "2 firing, 1 resolved"; "" for a single alert
    change: str  # what is different from the last message; "" for a first
    description: str  # that several alerts share; else each has its own
    scope: tuple[tuple[str, str], ...]  # labels that all its alerts share
    items: tuple[Item, ...]  # at most ITEMS_MAX of them
    total: int  # how many alerts there are
    links: tuple[Link, ...]  # those that several alerts share; silence, all alerts
    footer: str  # data -> arrived -> decided -> sent
    warnings: tuple[str, ...]
    now_ms: int


def value_line(item: Item) -> str:
    """Return an alert's numbers as one line: `ratio 0.073 (threshold > 0.05), was 0.061`."""
    return " · ".join(reading_text(reading) for reading in item.readings)


def reading_text(reading: Reading) -> str:
    """Return one number in words."""
    text = f"{reading.name} {reading.now}"
    if reading.threshold:
        text += f" (threshold {reading.threshold})"
    return f"{text}, {reading.then}" if reading.then else text


def lasted(item: Item, now_ms: int) -> str:
    """Return how long an alert fires or has fired; "" where its start is unknown."""
    if item.since_ms <= 0:
        return ""
    return wording.duration(max(0, (item.until_ms or now_ms) - item.since_ms))
