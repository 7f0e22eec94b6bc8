"""What happens to a group when it is due, in Alertmanager's order.

    route -> group -> inhibit -> active times -> mute times -> silence -> dedup -> send -> log

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
from notifiers.notification import Notification, NotificationReason, NotifiedAlert, common
from notifiers.notification_log import LogEntry, decide
from notifiers.outbox import Flush
from notifiers.store import Told
from notifiers.templating import route_labels

DEADLINE_MS_MIN = 10_000
"""A notification has until the group's next flush, but at least that long (Alertmanager)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A group at the moment it is flushed."""

    group: Group
    now_ms: int


Stage = Callable[[Due, Sequence[StoredAlert]], Sequence[StoredAlert]]


def stages(held: Holding) -> tuple[Stage, ...]:
    """Return the stages between grouping and dedup, in order.

    They read what `held` is configured with at the moment, so a reload changes none of them.
    """

    def inhibit(due: Due, alerts: Sequence[StoredAlert]) -> Sequence[StoredAlert]:
        inhibition, now_ms = held.inhibition, due.now_ms
        if not inhibition.active:
            return alerts
        return [
            alert
            for alert in alerts
            if not inhibition.inhibiting(alert.tenant, alert.fingerprint, alert.labels, now_ms)
        ]

    def time(due: Due, alerts: Sequence[StoredAlert]) -> Sequence[StoredAlert]:
        return () if held.muting_intervals(due.group.route, due.now_ms) else alerts

    def silence(due: Due, alerts: Sequence[StoredAlert]) -> Sequence[StoredAlert]:
        silences, now_ms = held.silences, due.now_ms
        if not len(silences):
            return alerts
        return [
            alert
            for alert in alerts
            if not silences.muting(alert.tenant, alert.fingerprint, alert.labels, now_ms)
        ]

    return (inhibit, time, silence)


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
    """Decide whether an integration must be told, and what. None: it knows all of it.

    `alerts` is what the stages have left. Nothing left is no news: what fires is only not to be
    heard of, and the log goes on knowing that it fires (Alertmanager's pipeline ends there too).
    """
    if not alerts:
        return None
    group, now_ms = due.group, due.now_ms
    known = entry.firing if entry is not None else frozenset()
    # A level that came and went between two flushes is nobody's news.
    alerts = [a for a in alerts if not a.superseded or a.fingerprint in known]
    ended_here = {a.fingerprint for a in alerts if a.until_ms <= now_ms}
    firing = [a.fingerprint for a in alerts if a.fingerprint not in ended_here]
    reason = decide(
        entry,
        firing,
        ended_here,
        send_resolved=integration.send_resolved,
        repeat_interval_ms=group.route.repeat_interval_ms,
        now_ms=now_ms,
    )
    if reason is None:
        return None
    hidden = frozenset() if integration.send_resolved else ended_here
    shown = [alert for alert in alerts if alert.fingerprint not in hidden]
    told = Told(_hash(alerts, now_ms), sorted(firing), sorted(ended_here), now_ms, reason)
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
    notification = Notification(
        tenant=group.id.tenant,
        receiver=group.route.receiver,
        integration=integration.name,
        group_key=group.id.group_key,
        group_labels=group.labels,
        common_labels=common([alert.labels for alert in shown]),
        common_annotations=common([alert.annotations for alert in shown]),
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
    if not any("{{" in text for text in group.route.labels.values()):
        return notification
    expanded = route_labels(notification, config.global_.templates)
    return replace(notification, route_labels=expanded)


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
