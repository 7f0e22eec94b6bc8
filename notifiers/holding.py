"""What the notifier holds: alerts and the groups they are in, silences, the log, the outbox.

Plain state with the few moves that keep its parts in step; who may make them is the owner's
matter (notifiers.owner), how they are kept that of notifiers.state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine import metrics
from engine.alerts import AlertRecord, RuleHealth
from engine.limits import Limits
from notifiers.alert import StoredAlert, identity, order_key
from notifiers.config import Integration, NotifierConfig
from notifiers.dead_letters import DeadLetters
from notifiers.group import Group, GroupId, Groups
from notifiers.inhibit import Inhibition
from notifiers.notification_log import LogKey, NotificationLog
from notifiers.outbox import Outbox
from notifiers.route import Route
from notifiers.silence import Silences
from notifiers.time_intervals import muting

KEEP_RESOLVED_MS = 1_800_000
"""How long an ended alert can still be merged with a late post (Alertmanager's gc interval)."""

RECORDS_DROPPED = metrics.counter(
    "tocsin_notifier_records_dropped_total", "Records of `alerts` not applied.", ["reason"]
)

AlertKey = tuple[str, str]
"""Tenant and fingerprint."""


@dataclass(slots=True)
class ShardSeen:
    """What was last taken from a shard's owner."""

    epoch: int = 0
    sequence: int = 0


class Touched:
    """Which keys of which section have changed since somebody last looked."""

    def __init__(self) -> None:
        self.keys: dict[str, set[str]] = {}
        self.sections: set[str] = set()

    def note(self, section: str, key: str) -> None:
        """Note that something with this key changed."""
        self.keys.setdefault(section, set()).add(key)

    def note_all(self, section: str) -> None:
        """Note that anything of a section may have changed."""
        self.sections.add(section)

    def take(self) -> tuple[dict[str, set[str]], set[str]]:
        """Return what changed and forget it."""
        keys, sections = self.keys, self.sections
        self.keys, self.sections = {}, set()
        return keys, sections


class Holding:
    """The state of all tenants."""

    def __init__(self, config: NotifierConfig, limits: Limits) -> None:
        self.config = config
        self.limits = limits
        self.alerts: dict[AlertKey, StoredAlert] = {}
        self.current: dict[str, AlertKey] = {}  # identity -> which of ours fires
        self.pending: dict[str, AlertRecord] = {}  # identity -> not firing yet
        self.shards: dict[int, ShardSeen] = {}
        self.failing: dict[tuple[str, int], RuleHealth] = {}  # (rule id, shard) -> how it fails
        self.groups = Groups(limits.groups_max)
        self.silences = Silences(limits.silences_max)
        self.inhibition = Inhibition(config.inhibit_rules)
        self.log = NotificationLog()
        self.letters = DeadLetters()
        self.outbox = Outbox(limits.outbox_max)
        self.touched = Touched()
        self._routes: dict[AlertKey, tuple[Route, ...]] = {}
        self._taken: dict[tuple[str, ...], tuple[Route, ...]] = {}  # each set of them once

    def integrations_of(self, group: Group) -> tuple[Integration, ...]:
        """Return who is told about a group."""
        return self.config.receivers[group.route.receiver].integrations

    def routes_of(self, alert: StoredAlert) -> tuple[Route, ...]:
        """Return the routes that take an alert."""
        return self._routes_of((alert.tenant, alert.fingerprint), alert)

    def _routes_of(self, key: AlertKey, alert: StoredAlert) -> tuple[Route, ...]:
        routes = self._routes.get(key)
        if routes is None:
            found = self.config.route.match(alert.labels)
            ids = tuple(route.id for route in found)
            routes = self._routes[key] = self._taken.setdefault(ids, tuple(found))
        return routes

    def muting_intervals(self, route: Route, now_ms: int) -> tuple[str, ...]:
        """Return the names of the time intervals that keep a route quiet now."""
        active, mute = route.active_time_intervals, route.mute_time_intervals
        if not active and not mute:
            return ()
        return muting(active, mute, self.config.time_intervals, now_ms)

    def alerts_of(self, group: Group) -> list[StoredAlert]:
        """Return the alerts of a group, in Alertmanager's order."""
        alerts, tenant = self.alerts, group.id.tenant
        held = group.in_order(lambda fingerprint: order_key(alerts[tenant, fingerprint].labels))
        return [alerts[tenant, fingerprint] for fingerprint in held]

    def insert(self, alert: StoredAlert, at_ms: int) -> None:
        """Take an alert as it is now and put it into its groups."""
        key = (alert.tenant, alert.fingerprint)
        if key not in self.alerts and len(self.alerts) >= self.limits.alerts_max:
            RECORDS_DROPPED.labels("alerts_limit").inc()
            return
        self.alerts[key] = alert
        self._inhibit(alert)
        self.touched.note("alerts", alert.fingerprint)
        routes = self._routes_of(key, alert)
        if len(self.groups.holders(*key)) == len(routes):
            return  # it is where it belongs: posted again, as most are
        for route in routes:
            self._hold(key, alert, route, at_ms)

    def _inhibit(self, alert: StoredAlert) -> None:
        if self.config.inhibit_rules:
            self.inhibition.put(alert.tenant, alert.fingerprint, alert.labels, alert.until_ms)

    def _hold(self, key: AlertKey, alert: StoredAlert, route: Route, at_ms: int) -> None:
        held = self.groups.hold(key, route, alert.labels, alert.starts_at_ms, at_ms)
        if held is None:
            RECORDS_DROPPED.labels("groups_limit").inc()

    def load(self, alerts: list[StoredAlert]) -> None:
        """Take alerts of a snapshot; their groups come by `regroup`."""
        for alert in alerts:
            key = (alert.tenant, alert.fingerprint)
            self.alerts[key] = alert
            self._inhibit(alert)
            if alert.record is not None and alert.ends_at_ms == 0:
                self.current[identity(alert.record)] = key

    def drop_settled(self, group: Group) -> None:
        """Take ended alerts out of a group once every integration knows, and empty groups away."""
        names = {integration.name for integration in self.integrations_of(group)}
        for fingerprint, settled in tuple(group.settled.items()):
            alert = self.alerts.get((group.id.tenant, fingerprint))
            known = names <= settled.integrations
            if alert is None or (known and alert.version == settled.version):
                self.groups.drop(group, fingerprint)
        if not group.alerts:
            self.groups.remove(group)

    def regroup(
        self, config: NotifierConfig, before: Mapping[GroupId, Group], at_ms: int | None
    ) -> None:
        """Put every alert into its groups; those that were there `before` keep their timers.

        `at_ms` is when the others begin to wait; None: when their alerts last changed.
        """
        before_rules, self.config = self.config.inhibit_rules, config
        if config.inhibit_rules != before_rules:
            self.inhibition = Inhibition(config.inhibit_rules)
            for alert in self.alerts.values():
                self._inhibit(alert)
        self.groups = Groups(self.limits.groups_max)
        self._routes.clear()
        self._taken.clear()
        held = {(group.id.tenant, fp) for group in before.values() for fp in group.alerts}
        for key, alert in self.alerts.items():
            fires = not alert.resolved_at(alert.updated_at_ms if at_ms is None else at_ms)
            for route in self._routes_of(key, alert):
                old = before.get(self.groups.id_of(alert.tenant, route, alert.labels))
                # Without a clock nobody knows whether a posted one still fires: it stays where it
                # was. One that has ended stays where somebody is still to be told of it.
                if at_ms is None and alert.record is None:
                    wanted = key in held if old is None else key[1] in old.alerts
                else:
                    wanted = fires or (old is not None and key[1] in old.alerts)
                if wanted:
                    self._hold(key, alert, route, alert.updated_at_ms if at_ms is None else at_ms)
        for group in self.groups:
            old = before.get(group.id)
            if old is not None:
                group.created_ms, group.lagging = old.created_ms, set(old.lagging)
                group.settled = {fp: s for fp, s in old.settled.items() if fp in group.alerts}
                self.groups.reschedule(group, old.next_flush_ms)

    def adopt(self, groups: Iterable[Group]) -> None:
        """Take groups exactly as they were; the routes are the same."""
        routes = {route.id: route for route in self.config.route.walk()}
        for group in groups:
            group.route = routes[group.id.route_id]
            tenant = group.id.tenant
            group.alerts = {mark for mark in group.alerts if (tenant, mark) in self.alerts}
            self.groups.add(group)

    def collect(self, now_ms: int) -> None:
        """Forget what is over: ended alerts, old silences, old entries of the log."""
        for key, alert in tuple(self.alerts.items()):
            over = alert.resolved_at(now_ms) and alert.ends_at_ms + KEEP_RESOLVED_MS <= now_ms
            if over and not self.groups.holders(*key):
                del self.alerts[key]
                self._routes.pop(key, None)
                self.silences.forget(*key)
                self.inhibition.forget(*key)
                self.touched.note("alerts", alert.fingerprint)
        if self.silences.collect(now_ms):
            self.touched.note_all("silences")
        alive = {self.log_key(g, i): None for g in self.groups for i in self.integrations_of(g)}
        if self.log.collect(now_ms, alive):
            self.touched.note_all("log")
        for group_key in self.letters.collect(now_ms):
            self.touched.note("letters", group_key)
        for letter in tuple(self.letters.items()):
            if not self.configured(letter.receiver, letter.integration):
                self.letters.remove(letter.key)
                self.touched.note("letters", letter.group_key)

    def configured(self, receiver: str, integration: str) -> bool:
        """Say whether a receiver has an integration by that name."""
        found = self.config.receivers.get(receiver)
        return found is not None and any(i.name == integration for i in found.integrations)

    @staticmethod
    def log_key(group: Group, integration: Integration) -> LogKey:
        """Return under which key the log remembers a group at an integration."""
        tenant, _, group_key = group.id
        return LogKey(tenant, group.route.receiver, integration.name, group_key)
