"""The notification log: what each integration has been told about each group.

It is folded from the records `Notified` of the topic `alerts`, so it is the memory that survives
any owner. What must be told next is decided against it alone.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from engine.alerts import Notified
from notifiers.notification import NotificationReason

RETENTION_MS = 120 * 3_600_000
"""Alertmanager's data retention; longer than store.FENCE_KEEP_MS, so that a number n is never
given twice while its fence may still stand."""


ANSWER_MS_QUICK = 10_000
"""What a decision and its answer may be apart and still count as one moment."""


class LogKey(NamedTuple):
    """Whose memory: a group (by its text) at one integration of a receiver."""

    tenant: str
    receiver: str
    integration: str
    group_key: str


class LogEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last notification of a group to an integration."""

    n: int  # the last number used, by a dropped one too
    told_ms: int = 0  # of the last one that was not dropped; 0: none yet
    decided_ms: int = 0
    firing: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()
    far_id: dict[str, str] = {}

    @property
    def repeats_from_ms(self) -> int:
        """From when on the repeat interval counts.

        From the decision: flushes come at exact intervals, and a repeat_interval that is a multiple
        of them would always be one late. From the answer where that took long, or repeats would
        fill the queue of a slow far side.
        """
        took_ms = self.told_ms - self.decided_ms
        return self.decided_ms if 0 <= took_ms <= ANSWER_MS_QUICK else self.told_ms

    @property
    def told(self) -> bool:
        """Say whether the receiver knows of the group at all."""
        return self.told_ms != 0


def decide(
    entry: LogEntry | None,
    firing: Collection[str],
    resolved: Collection[str],
    *,
    send_resolved: bool,
    repeat_interval_ms: int,
    now_ms: int,
) -> NotificationReason | None:
    """Say why an integration must be told now, or None.

    Source: Alertmanager, notify.DedupStage.needsUpdate, in the same order.
    """
    if entry is None or not entry.told:
        return "first notification" if firing else None
    if not entry.firing.issuperset(firing):
        return "new alerts added" if entry.firing else "first notification"
    if not firing:
        # Told even where resolved alerts are not wanted: the log must forget the firing ones.
        # If it has none, they fired and ended between two flushes and nobody knows of them.
        return "all alerts resolved" if entry.firing else None
    if send_resolved and not entry.resolved.issuperset(resolved):
        return "some alerts resolved"
    if entry.repeats_from_ms < now_ms - repeat_interval_ms:
        return "repeat interval elapsed"
    return None


class NotificationLog:
    """The last entry for each key."""

    def __init__(self) -> None:
        self._entries: dict[LogKey, LogEntry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: LogKey) -> LogEntry | None:
        """Return what an integration was last told about a group."""
        return self._entries.get(key)

    def put(self, key: LogKey, entry: LogEntry) -> None:
        """Set an entry, as a snapshot has it."""
        self._entries[key] = entry

    def items(self) -> Iterable[tuple[LogKey, LogEntry]]:
        """Return all entries."""
        return self._entries.items()

    def fold(self, record: Notified) -> bool:
        """Take a record of the log. False: a number that is already in it (told twice)."""
        key = key_of(record)
        old = self._entries.get(key)
        if old is not None and record.n <= old.n:
            return False
        if record.outcome == "dropped":
            # Nobody was told anything: only the number is used up.
            kept = old or LogEntry(n=0)
            self._entries[key] = msgspec.structs.replace(kept, n=record.n)
            return True
        withheld = record.outcome == "withheld"
        self._entries[key] = LogEntry(
            n=record.n,
            # Alertmanager stamps its log when the receiver has answered, so repeats count from
            # there and never come before the interval is over.
            told_ms=max(record.at_ms, record.sent_ms, 1),
            decided_ms=record.at_ms,
            firing=frozenset(record.firing),
            resolved=frozenset(record.resolved),
            far_id=dict(old.far_id) if withheld and old is not None else dict(record.far_id),
        )
        return True

    def collect(self, now_ms: int, kept: Mapping[LogKey, object]) -> int:
        """Drop entries older than the retention, but those of `kept`; return how many."""
        gone = [
            key
            for key, entry in self._entries.items()
            if key not in kept and entry.told_ms + RETENTION_MS <= now_ms
        ]
        for key in gone:
            del self._entries[key]
        return len(gone)


def key_of(record: Notified) -> LogKey:
    """Return whose memory a record is."""
    return LogKey(record.tenant, record.receiver, record.integration, record.group_key)
