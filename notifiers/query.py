"""What the notifier holds, as API v2 shows it; filtering is the API's own matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.alerts import AlertRecord, Value
from notifiers.alert import StoredAlert
from notifiers.holding import Holding

AlertStatus = Literal["unprocessed", "active", "suppressed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert that has not ended. The first fields are those of engine.api's AlertView."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at_ms: int
    ends_at_ms: int  # 0: it ends when its rule says so
    updated_at_ms: int
    receivers: tuple[str, ...]  # in the order of the route tree, each once
    state: AlertStatus
    silenced_by: tuple[str, ...]  # ids of silences, sorted
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...]
    generator_url: str
    rule: str  # "rules/checkout.yaml:14"; "" where somebody posted it
    values: Mapping[str, Value]
    record: AlertRecord | None  # of our own alerts: rule, level, evidence, lines


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """One group with its alerts that have not ended, in Alertmanager's order."""

    labels: Mapping[str, str]
    receiver: str
    group_key: str
    route_labels: Mapping[str, str]
    next_flush_ms: int
    alerts: tuple[AlertView, ...]


def alerts(held: Holding, now_ms: int, tenant: str) -> list[AlertView]:
    """Return a tenant's alerts that have not ended."""
    return [
        _view(held, alert, now_ms)
        for (owner, _), alert in held.alerts.items()
        if owner == tenant and not alert.resolved_at(now_ms)
    ]


def groups(held: Holding, now_ms: int, tenant: str) -> list[GroupView]:
    """Return a tenant's groups that hold an alert which has not ended, sorted by labels."""
    views: list[GroupView] = []
    for group in held.groups:
        if group.id.tenant != tenant:
            continue
        firing = [a for a in held.alerts_of(group) if not a.resolved_at(now_ms)]
        if firing:
            view = GroupView(
                labels=group.labels,
                receiver=group.route.receiver,
                group_key=group.id.group_key,
                route_labels=group.route.labels,
                next_flush_ms=group.next_flush_ms,
                alerts=tuple(_view(held, alert, now_ms) for alert in firing),
            )
            views.append(view)
    return sorted(views, key=lambda view: (sorted(view.labels.items()), view.receiver))


def _view(held: Holding, alert: StoredAlert, now_ms: int) -> AlertView:
    record = alert.record
    silenced = held.silences.muting(alert.tenant, alert.fingerprint, alert.labels, now_ms)
    return AlertView(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at_ms=alert.starts_at_ms,
        ends_at_ms=alert.ends_at_ms,
        updated_at_ms=alert.updated_at_ms,
        receivers=tuple(dict.fromkeys(r.receiver for r in held.routes_of(alert))),
        state="suppressed" if silenced else "active",
        silenced_by=tuple(silenced),
        inhibited_by=(),
        muted_by=(),
        generator_url=alert.generator_url,
        rule=f"{record.rule_file}:{record.rule_line}" if record is not None else "",
        values=record.values if record is not None else {},
        record=record,
    )
