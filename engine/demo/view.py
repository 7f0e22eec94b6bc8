"""What the demo shows, as one frozen value; the screen and the plain lines are drawn from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.worker import AlertRow, ScreenSnapshot, SentRow


RATE_OVER_MS = 3_000

CHANNEL_NAMES = {"slack": "Slack", "email": "email", "webhook": "webhook"}


@dataclass(frozen=True, slots=True)
class SilenceHint:
    """How to silence one alert that fires now."""

    alert: str
    lines: tuple[str, ...]  # a shell command, copied as it is


@dataclass(frozen=True, slots=True)
class View:
    """Everything there is to see at one moment."""

    now_ms: int
    age_ms: int  # since `tocsin` was started
    base_url: str
    snapshot: ScreenSnapshot | None  # None: Tocsin is starting
    samples_per_second: float = 0.0
    lines_per_second: float = 0.0
    fleet_series: int = 0
    going_on: tuple[str, ...] = ()  # incidents of the fleet
    hint: SilenceHint | None = None
    ending: bool = False  # Ctrl-C was pressed, or --once is satisfied
    waiting_for: tuple[str, ...] = ()  # --once: what has not been seen yet

    @property
    def inbox_url(self) -> str:
        """Where the notifications are shown as their receivers see them."""
        return f"{self.base_url}/demo/inbox"


class Rates:
    """Rows a second over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque()

    def add(self, now_ms: int, snapshot: ScreenSnapshot) -> tuple[float, float]:
        """Take the totals of now and return (samples, lines) a second."""
        self._seen.append((now_ms, snapshot.samples_total, snapshot.lines_total))
        while len(self._seen) > 2 and self._seen[1][0] <= now_ms - RATE_OVER_MS:
            self._seen.popleft()
        since_ms, samples, lines = self._seen[0]
        seconds = (now_ms - since_ms) / 1_000
        if seconds <= 0:
            return 0.0, 0.0
        return (
            (snapshot.samples_total - samples) / seconds,
            (snapshot.lines_total - lines) / seconds,
        )


def counts(snapshot: ScreenSnapshot) -> Mapping[str, int]:
    """Return how many alerts there are by state, and how many of them are silenced."""
    found = {"pending": 0, "firing": 0, "resolved": 0, "silenced": 0}
    for alert in snapshot.alerts:
        found[alert.state] = found.get(alert.state, 0) + 1
        found["silenced"] += alert.silenced and alert.state != "resolved"
    return found


def where(alert: AlertRow) -> str:
    """Say whom an alert is about: its narrowest labels."""
    labels = alert.labels
    narrow = [labels[name] for name in ("pod", "queue", "code") if name in labels]
    if "pod" not in labels and "service" in labels:
        narrow.insert(0, labels["service"])
    if not narrow:
        hidden = {"alertname", "severity"}
        narrow = [value for name, value in sorted(labels.items()) if name not in hidden]
    return " ".join(narrow)


def latency(sent: SentRow) -> str:
    """Say how long a notification took: from the record to the decision to the far side."""
    name = CHANNEL_NAMES.get(sent.channel, sent.channel)
    if sent.outcome == "dropped":
        return f"given up, not taken by {name}"
    if not sent.decision_ms or not sent.arrival_ms:
        return f"-> {name}"
    sent_ms = max(0, sent.sent_ms - sent.decision_ms)
    if not sent.firing:
        # What ended it is that a window had moved on; its last record is of no interest.
        return f"decision -> {sent_ms:,} ms -> {name}"
    decided_ms = max(0, sent.decision_ms - sent.arrival_ms)
    return f"record -> {decided_ms:,} ms -> decision -> {sent_ms:,} ms -> {name}"


def told(sent: SentRow) -> str:
    """Say what a notification told: "QueueBacklog, 2 firing, 1 resolved"."""
    parts = [", ".join(sent.alerts)]
    if sent.firing:
        parts.append(f"{sent.firing} firing")
    if sent.resolved:
        parts.append(f"{sent.resolved} resolved")
    return ", ".join(part for part in parts if part)
