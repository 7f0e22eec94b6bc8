"""What a running worker tells its guests at a glance (the demo's screen): cheap, never waiting."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.alerts import AlertRecord, Notified
from notifiers import Flush, Notifier, without_outlived

RESOLVED_SHOWN_MS = 180_000
SENT_KEPT = 50
ALERTS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One live alert, or one that was resolved in the last minutes."""

    name: str
    state: str  # "pending", "firing", "resolved"
    level: str  # severity, "" where it has none
    labels: dict[str, str]
    summary: str  # the annotation, rendered
    rule_file: str  # relative to the configuration file
    rule_line: int
    silenced: bool
    event_ms: int  # of the newest change: event time
    arrival_ms: int  # of the newest change: the record reached the worker
    decision_ms: int  # of the newest change: the owner decided


@dataclass(frozen=True, slots=True)
class SentRow:
    """One notification that its far side has confirmed, or that was given up."""

    channel: str  # "slack", "email", "webhook"
    receiver: str
    outcome: str  # "sent", "adopted", "dropped"
    alerts: tuple[str, ...]  # alert names, at most five
    firing: int
    resolved: int
    arrival_ms: int  # of the record that caused it; 0 where it is a repeat
    decision_ms: int  # the alert owner decided; 0 where it is a repeat
    sent_ms: int  # the far side confirmed


@dataclass(frozen=True, slots=True)
class ScreenSnapshot:
    """The worker at one moment, cheap enough to be asked for four times a second."""

    ready: bool  # as /-/ready says it
    samples_total: int  # taken by the source stage since the start
    lines_total: int
    rejected_total: int
    series: int  # known to all local shards
    shards: int  # assigned here
    alerts: tuple[AlertRow, ...]  # pending and firing ones, then resolved ones, newest first
    sent: tuple[SentRow, ...]  # the last 50, oldest first
    sent_total: int


class SentLog:
    """The last notifications that went out of this process."""

    def __init__(self) -> None:
        self.rows: deque[SentRow] = deque(maxlen=SENT_KEPT)
        self.total = 0

    def add(self, flush: Flush, record: Notified) -> None:
        """Note what became of a flush; withheld ones were not sent to anybody."""
        if flush.withheld:
            return
        self.total += 1
        told = without_outlived(flush.notification.alerts)
        # A level that the episode has left is no resolution to people, and counts as none here.
        outlived = {alert.fingerprint for alert in flush.notification.alerts} - {
            alert.fingerprint for alert in told
        }
        # Of several alerts the newest decision is the one that made this message go out.
        newest = max(told, key=lambda alert: alert.decision_ms, default=None)
        self.rows.append(
            SentRow(
                channel=record.integration.partition("/")[0],
                receiver=record.receiver,
                outcome=record.outcome,
                alerts=tuple(dict.fromkeys(a.labels.get("alertname", "") for a in told))[:5],
                firing=len(record.firing),
                resolved=len(set(record.resolved) - outlived),
                arrival_ms=newest.arrival_ms if newest else 0,
                decision_ms=newest.decision_ms if newest else 0,
                sent_ms=record.sent_ms,
            )
        )


class AlertLog:
    """Our own alerts as the notifier shows them, and those that have ended lately."""

    def __init__(self) -> None:
        self._firing: dict[str, AlertRow] = {}
        self._ended: dict[str, tuple[int, AlertRow]] = {}

    def rows(self, notifier: Notifier | None, now_ms: int) -> tuple[AlertRow, ...]:
        """Return pending and firing alerts, then resolved ones; newest first."""
        if notifier is None:
            return ()
        muted = {
            view.record.episode for view in notifier.alerts(now_ms)
            if view.record is not None and view.silenced_by
        }  # fmt: skip
        live, firing = [], {}
        for record in notifier.rule_alerts():
            row = _row(record, record.state, silenced=record.episode in muted)
            live.append(row)
            if record.state == "firing":
                firing[record.episode] = row
        for episode, row in self._firing.items():
            if episode not in firing:
                self._ended[episode] = now_ms, replace(row, state="resolved", silenced=False)
        self._firing = firing
        self._ended = {
            episode: held
            for episode, held in self._ended.items()
            if now_ms - held[0] < RESOLVED_SHOWN_MS and episode not in firing
        }
        ended = [row for _, row in self._ended.values()]
        return (*_newest(live), *_newest(ended))[:ALERTS_SHOWN]


def _newest(rows: Iterable[AlertRow]) -> list[AlertRow]:
    return sorted(rows, key=lambda row: -row.event_ms)


def _row(record: AlertRecord, state: str, *, silenced: bool) -> AlertRow:
    return AlertRow(
        name=record.rule,
        state=state,
        level=record.level or record.labels.get("severity", ""),
        labels=record.labels,
        summary=record.annotations.get("summary", ""),
        rule_file=record.rule_file,
        rule_line=record.rule_line,
        silenced=silenced,
        event_ms=record.event_ms,
        arrival_ms=record.arrival_ms,
        decision_ms=record.decision_ms,
    )
