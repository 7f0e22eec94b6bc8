"""An alert as the notifier holds it: posted by somebody, or told by a shard's owner.

Fingerprint, merging and order are Alertmanager's, because its clients compare and sort by them.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.alerts import AlertRecord, PostedAlert
from notifiers.notification import NotifiedAlert

_SEPARATOR = b"\xff"
_LEVEL_LABEL = "severity"
NEVER_MS = 1 << 62
"""The end of what has none yet."""


@functools.cache
def _fnv1a() -> Callable[[bytes], int]:
    """Return the kernel. What only reads configuration has no use for a compiler."""
    from notifiers.fnv import fnv1a

    return fnv1a


def warm_up() -> None:
    """Load what `fingerprint` needs."""
    _fnv1a()(b"")


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the 16 hex digits that Alertmanager's API shows for a label set.

    Source: FNV-1a, 64 bit, over each sorted name, 0xff, value, 0xff.
    """
    said: list[bytes] = []
    for name in sorted(labels):
        said += (name.encode(), labels[name].encode())
    said.append(b"")
    return f"{_fnv1a()(_SEPARATOR.join(said)):016x}"


class StoredAlert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One alert. `version` is the offset of the record that made it what it is."""

    tenant: str
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at_ms: int
    ends_at_ms: int  # posted: never 0, maybe ahead; own: 0 until it has ended
    updated_at_ms: int
    version: int
    generator_url: str = ""
    timeout: bool = False  # the end was not said by the sender
    superseded: bool = False  # ended only because its level changed
    record: AlertRecord | None = None  # of our own alerts

    @property
    def until_ms(self) -> int:
        """Return when it ends. Our own alerts end by a record, never by the clock."""
        if self.record is None:
            return self.ends_at_ms
        return 0 if self.ends_at_ms else NEVER_MS

    def resolved_at(self, now_ms: int) -> bool:
        """Say whether it has ended."""
        return self.until_ms <= now_ms


def from_posted(posted: PostedAlert, version: int) -> StoredAlert:
    """Return the alert that was posted."""
    return StoredAlert(
        tenant=posted.tenant,
        fingerprint=fingerprint(posted.labels),
        labels=posted.labels,
        annotations=posted.annotations,
        generator_url=posted.generator_url,
        starts_at_ms=posted.starts_at_ms,
        ends_at_ms=posted.ends_at_ms,
        updated_at_ms=posted.arrival_ms,
        version=version,
        timeout=posted.timeout,
    )


def from_record(record: AlertRecord, at_ms: int, version: int) -> StoredAlert:
    """Return the alert that a shard's owner tells; `at_ms` is its place in the log's time."""
    return StoredAlert(
        tenant=record.tenant,
        fingerprint=fingerprint(record.labels),
        labels=record.labels,
        annotations=record.annotations,
        starts_at_ms=record.starts_at_ms or record.event_ms,
        ends_at_ms=(record.ends_at_ms or record.event_ms) if record.state == "resolved" else 0,
        updated_at_ms=at_ms,
        version=version,
        record=record,
    )


def superseded(alert: StoredAlert, by: AlertRecord, at_ms: int, version: int) -> StoredAlert:
    """Return an alert that ends as its episode goes on at another level."""
    return msgspec.structs.replace(
        alert,
        ends_at_ms=max(by.event_ms, alert.starts_at_ms),
        updated_at_ms=at_ms,
        version=version,
        superseded=by.state == "firing",
    )


def identity(record: AlertRecord) -> str:
    """Return what stays the same over level changes: tenant, rule, labels without the level.

    Where the rule has no levels, `severity` is a label as any other: two values are two alerts.
    """
    pairs = sorted(
        pair for pair in record.labels.items() if not record.level or pair[0] != _LEVEL_LABEL
    )
    return "\xff".join(
        [record.tenant, record.rule_id, *(f"{name}\xfe{value}" for name, value in pairs)]
    )


def merged(old: StoredAlert, new: StoredAlert) -> StoredAlert:
    """Return what a newly posted alert makes of the one that is held.

    Only activity ranges that overlap are merged; else the new one stands alone.
    Source: Alertmanager, provider/mem Put and types.Alert.Merge.
    """
    overlap = old.starts_at_ms < new.ends_at_ms < old.ends_at_ms or (
        old.starts_at_ms < new.starts_at_ms < old.ends_at_ms
    )
    return merge(old, new) if overlap else new


def merge(one: StoredAlert, other: StoredAlert) -> StoredAlert:
    """Merge two alerts with equal labels; the younger update decides."""
    old, new = (one, other) if one.updated_at_ms <= other.updated_at_ms else (other, one)
    now_ms = new.updated_at_ms
    ends_at_ms = new.ends_at_ms
    if new.resolved_at(now_ms):
        # The latest explicit end wins where both have ended.
        if old.resolved_at(now_ms):
            ends_at_ms = max(ends_at_ms, old.ends_at_ms)
    elif not old.timeout:
        # An end that the sender has said outlives a time-out.
        ends_at_ms = max(ends_at_ms, old.ends_at_ms)
    return msgspec.structs.replace(
        new, starts_at_ms=min(old.starts_at_ms, new.starts_at_ms), ends_at_ms=ends_at_ms
    )


OrderKey = tuple[object, ...]


def order_key(labels: Mapping[str, str]) -> OrderKey:
    """Return what sorts alerts as Alertmanager does: by job, by instance, then by labels."""
    job, instance = labels.get("job"), labels.get("instance")
    return (job is None, job or "", instance is None, instance or "", labels_key(labels))


def labels_key(labels: Mapping[str, str]) -> OrderKey:
    """Return what sorts label sets as Alertmanager does.

    Those with fewer labels come first; then the first name that only one of them has decides,
    and the one that lacks it comes first; else the values. So names sort backwards.
    """
    pairs = tuple((_backwards(name), labels[name]) for name in sorted(labels))
    return (len(labels), pairs)


@functools.lru_cache(maxsize=10_000)
def _backwards(name: str) -> tuple[int, ...]:
    """Return a key that sorts texts the other way round; the end sorts after any letter."""
    return (*(-ord(letter) for letter in name), 1)


def notified(alert: StoredAlert, now_ms: int) -> NotifiedAlert:
    """Return the alert as a notification shows it; a firing one has no end (Alertmanager)."""
    resolved = alert.resolved_at(now_ms)
    record = alert.record
    return NotifiedAlert(
        status="resolved" if resolved else "firing",
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at_ms=alert.starts_at_ms,
        ends_at_ms=alert.ends_at_ms if resolved else 0,
        generator_url=alert.generator_url,
        fingerprint=alert.fingerprint,
        updated_at_ms=alert.updated_at_ms,
        superseded=alert.superseded,
        **({} if record is None else _of_rule(record)),
    )


def _of_rule(record: AlertRecord) -> dict[str, Any]:
    """Return what only our own alerts know."""
    return {
        "values": record.values,
        "values_at_firing": record.values_at_firing,
        "evidence": tuple(record.evidence),
        "lines": tuple(record.lines),
        "level": record.level,
        "episode": record.episode,
        "rule_group": record.group,
        "rule_file": record.rule_file,
        "rule_line": record.rule_line,
        "event_ms": record.event_ms,
        "arrival_ms": record.arrival_ms,
        "decision_ms": record.decision_ms,
        "window": (record.window_start_ms, record.window_end_ms),
    }
