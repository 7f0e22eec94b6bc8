"""What happens to a group when it is due, in Alertmanager's order.

    route -> group -> [inhibit] -> [time intervals] -> silence -> dedup -> send -> log

Routing and grouping happen when an alert comes in (notifiers.owner), sending and logging when a
flush is delivered (notifiers.delivery). The stages between see all alerts of the group and leave
those that may be told; dedup then decides for each integration whether there is anything to tell.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from notifiers.alert import StoredAlert, notified
from notifiers.config import Integration, NotifierConfig
from notifiers.group import Group
from notifiers.holding import Holding
from notifiers.notification import Notification, NotificationReason, NotifiedAlert
from notifiers.notification_log import LogEntry, decide
from notifiers.outbox import Flush
from notifiers.silence import Silences
from notifiers.store import Told

DEADLINE_MS_MIN = 10_000
"""A notification has until the group's next flush, but at least that long (Alertmanager)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A group at the moment it is flushed."""

    group: Group
    now_ms: int


Stage = Callable[[Due, Sequence[StoredAlert]], Sequence[StoredAlert]]


def stages(silences: Silences) -> tuple[Stage, ...]:
    """Return the stages between grouping and dedup, in order.

    Inhibition comes first, then active and mute time intervals, then silences: a stage is added
    here and nowhere else.
    """

    def silence(due: Due, alerts: Sequence[StoredAlert]) -> Sequence[StoredAlert]:
        return [
            alert
            for alert in alerts
            if not silences.muting(alert.tenant, alert.fingerprint, alert.labels, due.now_ms)
        ]

    return (silence,)


def run(through: Sequence[Stage], due: Due, alerts: Sequence[StoredAlert]) -> Sequence[StoredAlert]:
    """Send the alerts of a group through the stages."""
    for stage in through:
        if not alerts:
            break
        alerts = stage(due, alerts)
    return alerts


def flush_of(
    config: NotifierConfig,
    due: Due,
    integration: Integration,
    alerts: Sequence[StoredAlert],
    entry: LogEntry | None,
    ended: Mapping[str, int],
) -> Flush | None:
    """Decide whether an integration must be told, and what. None: it knows all of it."""
    group, now_ms = due.group, due.now_ms
    known = entry.firing if entry is not None else frozenset()
    # A level that came and went between two flushes is nobody's news.
    alerts = [a for a in alerts if not a.superseded or a.fingerprint in known]
    firing = sorted(a.fingerprint for a in alerts if not a.resolved_at(now_ms))
    resolved = sorted(a.fingerprint for a in alerts if a.resolved_at(now_ms))
    reason = decide(
        entry,
        firing,
        resolved,
        send_resolved=integration.send_resolved,
        repeat_interval_ms=group.route.repeat_interval_ms,
        now_ms=now_ms,
    )
    if reason is None:
        return None
    shown = [
        alert for alert in alerts if integration.send_resolved or not alert.resolved_at(now_ms)
    ]
    told = Told(_hash(alerts, now_ms), firing, resolved, now_ms, reason)
    return Flush(
        key=Holding.log_key(group, integration),
        group_id=group.id,
        notification=_notification(config, due, integration, shown, entry, reason),
        told=told,
        deadline_ms=now_ms + max(group.route.group_interval_ms, DEADLINE_MS_MIN),
        withheld=not shown,
        ended=ended,
    )


def _hash(alerts: Sequence[StoredAlert], now_ms: int) -> str:
    """Return a digest of what is told: which alerts, since when, firing or not."""
    digest = hashlib.blake2b(digest_size=16)
    for alert in sorted(alerts, key=lambda alert: alert.fingerprint):
        status = "resolved" if alert.resolved_at(now_ms) else "firing"
        digest.update(f"{alert.fingerprint} {alert.starts_at_ms} {status}\n".encode())
    return digest.hexdigest()


def _notification(
    config: NotifierConfig,
    due: Due,
    integration: Integration,
    alerts: Sequence[StoredAlert],
    entry: LogEntry | None,
    reason: NotificationReason,
) -> Notification:
    group = due.group
    shown = _as_seen([notified(alert, due.now_ms) for alert in alerts])
    # A group that everybody saw end starts a new message or thread when it comes back.
    previous = entry.far_id if entry is not None and entry.firing and entry.far_id else None
    return Notification(
        tenant=group.id.tenant,
        receiver=group.route.receiver,
        integration=integration.name,
        group_key=group.id.group_key,
        group_labels=group.labels,
        common_labels=_common([alert.labels for alert in shown]),
        common_annotations=_common([alert.annotations for alert in shown]),
        route_labels=group.route.labels,
        status="firing" if any(alert.status == "firing" for alert in shown) else "resolved",
        reason=reason,
        external_url=config.external_url,
        n=(entry.n if entry is not None else 0) + 1,
        episodes=_episodes(shown),
        alerts=shown,
        previous=previous,
        redis_degraded=False,
        possibly_repeated=False,
        now_ms=due.now_ms,
        group_created_ms=group.created_ms,
    )


def _as_seen(alerts: Sequence[NotifiedAlert]) -> tuple[NotifiedAlert, ...]:
    """Return the alerts as this receiver sees them.

    An episode that goes on at a level that somebody else is told of has ended here.
    """
    on = {alert.episode for alert in alerts if alert.status == "firing"}
    return tuple(
        replace(alert, superseded=False) if alert.superseded and alert.episode not in on else alert
        for alert in alerts
    )


def _episodes(alerts: Sequence[NotifiedAlert]) -> tuple[str, ...]:
    return tuple(sorted({alert.episode for alert in alerts if alert.episode}))


def _common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the pairs that all label sets share, sorted by name."""
    if not sets:
        return {}
    first, *others = sets
    return {
        name: first[name]
        for name in sorted(first)
        if all(other.get(name) == first[name] for other in others)
    }
