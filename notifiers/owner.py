"""The notifier as an owner: the log `alerts` in, decisions what to send out. No clock, no I/O.

`apply` folds the log. `due` is the only other thing that moves its state, and only its timers:
everything that somebody was told comes back through the log as a record `Notified`. So after a
restart from any snapshot the same decisions are made again, and those already carried out are
found in the log (notifiers.notification_log) or at the fence (notifiers.delivery).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from engine import metrics
from engine.alerts import (
    AlertRecord,
    Notified,
    PostedAlert,
    ShardHello,
    SilenceRecord,
    decode,
)
from engine.limits import Limits
from engine.owner import LogRecord, Output, Snapshot
from notifiers import pipeline, query, state
from notifiers.alert import (
    StoredAlert,
    from_posted,
    from_record,
    identity,
    in_order,
    merged,
    superseded,
)
from notifiers.config import NotifierConfig
from notifiers.group import Group, GroupId, Groups
from notifiers.notification_log import LogKey, NotificationLog, key_of
from notifiers.outbox import Flush, Outbox, Waiting
from notifiers.notification import fence_key
from notifiers.route import Route
from notifiers.silence import Silences

KEEP_RESOLVED_MS = 1_800_000
"""How long an ended alert can still be merged with a late post (Alertmanager's gc interval)."""
COLLECT_EVERY_MS = 60_000

RECORDS_DROPPED = metrics.counter(
    "tocsin_notifier_records_dropped_total", "Records of `alerts` not applied.", ["reason"]
)
ALERTS_HELD = metrics.gauge("tocsin_notifier_alerts", "Alerts that the notifier holds.")
GROUPS_HELD = metrics.gauge("tocsin_notifier_groups", "Groups of alerts.")
OUTBOX_HELD = metrics.gauge("tocsin_notifier_outbox", "Notifications decided, not confirmed.")

AlertKey = tuple[str, str]             # tenant, fingerprint


@dataclass(slots=True)
class ShardSeen:
    """What was last taken from a shard's owner."""

    epoch: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class OpenFence:
    """A notification that a predecessor may have claimed or sent without a record in the log."""

    key: LogKey
    fence_key: str
    n: int
    group_id: GroupId


class Notifier:
    """Alerts, groups, silences, notification log and outbox of all tenants."""

    kind = "notifier"

    def __init__(self, config: NotifierConfig, limits: Limits) -> None:
        self.config = config
        self.next_offset = 0
        self.epoch = 0
        self._limits = limits
        self._clear()

    def _clear(self) -> None:
        self.next_offset = 0
        self.alerts_held: dict[AlertKey, StoredAlert] = {}
        self.pending: dict[str, AlertRecord] = {}          # identity -> not firing yet
        self.shards: dict[int, ShardSeen] = {}
        self.groups_held = Groups(self._limits.groups_max)
        self.silences = Silences(self._limits.silences_max)
        self.log = NotificationLog()
        self.outbox = Outbox(self._limits.outbox_max)
        self._current: dict[str, AlertKey] = {}            # identity -> what fires
        self._routes: dict[AlertKey, tuple[Route, ...]] = {}
        self._blocked: dict[LogKey, set[GroupId]] = {}     # lagging groups, by what they wait for
        self._starved: set[GroupId] = set()                # lagging because the outbox is full
        self._ready: set[GroupId] = set()                  # lagging ones that may be asked now
        self._collect_ms = 0
        self._stages = pipeline.stages(self.silences)
        self._cache = state.ChunkCache()

    # The log -----------------------------------------------------------------------------------

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        """Fold records of the topic `alerts`. It never answers with outputs."""
        del stamp_ms
        for record in records:
            self._take(record)
            self.next_offset = record.offset + 1
        return []

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        """Note the epoch; the claim itself is in the log, nothing more needs to be said."""
        del fresh
        self.epoch = epoch
        return []

    def _take(self, record: LogRecord) -> None:
        if record.value is None:
            return
        try:
            entry = decode(record.value)
        except msgspec.MsgspecError:
            RECORDS_DROPPED.labels("undecodable").inc()
            return
        match entry:
            case AlertRecord():
                if self._is_new(entry, record.epoch):
                    self._told_by_shard(entry, record)
            case ShardHello():
                self._greeted(entry, record.epoch)
            case PostedAlert():
                self._posted(entry, record)
            case SilenceRecord():
                self._cache.touched("silences", entry.id)
                if not self.silences.put(entry):
                    RECORDS_DROPPED.labels("silence_limit").inc()
            case Notified():
                self._notified(entry)

    def _is_new(self, entry: AlertRecord, epoch: int) -> bool:
        seen = self.shards.setdefault(entry.shard, ShardSeen())
        if epoch < seen.epoch:
            RECORDS_DROPPED.labels("old_epoch").inc()
            return False
        if entry.sequence <= seen.sequence:
            RECORDS_DROPPED.labels("seen").inc()
            return False
        seen.epoch, seen.sequence = epoch, entry.sequence
        return True

    def _greeted(self, hello: ShardHello, epoch: int) -> None:
        seen = self.shards.setdefault(hello.shard, ShardSeen())
        if epoch < seen.epoch:
            RECORDS_DROPPED.labels("old_epoch").inc()
            return
        seen.epoch = epoch
        if hello.fresh:
            # Its state is lost. What it had told stays as it is: "resolved" is never inferred.
            seen.sequence = hello.sequence

    def _told_by_shard(self, entry: AlertRecord, record: LogRecord) -> None:
        who = identity(entry)
        if entry.state == "pending":
            if len(self.pending) < self._limits.alerts_max:
                self.pending[who] = entry
            return
        self.pending.pop(who, None)
        if entry.state == "inactive":
            return
        alert = from_record(entry, record.timestamp_ms, record.offset)
        before = self._current.pop(who, None)
        old = self.alerts_held.get(before) if before is not None else None
        if old is not None and old.fingerprint != alert.fingerprint:
            ended = superseded(old, entry, record.timestamp_ms, record.offset)
            self._insert(ended, record.timestamp_ms)
            if entry.state == "resolved":
                return
        if entry.state == "firing":
            self._current[who] = (alert.tenant, alert.fingerprint)
        self._insert(alert, record.timestamp_ms)

    def _posted(self, entry: PostedAlert, record: LogRecord) -> None:
        alert = from_posted(entry, record.offset)
        old = self.alerts_held.get((alert.tenant, alert.fingerprint))
        if old is not None and old.record is not None and old.ends_at_ms == 0:
            # Ours ends by its shard's word alone.
            RECORDS_DROPPED.labels("own_alert").inc()
            return
        if old is not None and old.record is None:
            alert = merged(old, alert)
        self._insert(alert, record.timestamp_ms)

    def _insert(self, alert: StoredAlert, at_ms: int) -> None:
        key = (alert.tenant, alert.fingerprint)
        if key not in self.alerts_held and len(self.alerts_held) >= self._limits.alerts_max:
            RECORDS_DROPPED.labels("alerts_limit").inc()
            return
        self.alerts_held[key] = alert
        self._cache.touched("alerts", alert.fingerprint)
        self._group(alert, at_ms)

    def _group(self, alert: StoredAlert, at_ms: int) -> None:
        for route in self.routes_of(alert):
            self._hold(alert, route, at_ms)

    def _hold(self, alert: StoredAlert, route: Route, at_ms: int) -> None:
        held = self.groups_held.hold(
            alert.tenant, route, alert.fingerprint, alert.labels, alert.starts_at_ms, at_ms
        )
        if held is None:
            RECORDS_DROPPED.labels("groups_limit").inc()

    def _notified(self, entry: Notified) -> None:
        if not self.log.fold(entry):
            RECORDS_DROPPED.labels("notified_twice").inc()
        key = key_of(entry)
        self._cache.touched("log", key.group_key)
        waiting = self.outbox.get(key)
        if waiting is None:
            self._replayed(entry)
        elif entry.n >= waiting.n:
            self.outbox.pop(key)
            self._confirmed(entry, waiting)
            self._released(key)

    def _replayed(self, entry: Notified) -> None:
        """Move the timers to where the owner had them that made this decision."""
        for group in self.groups_held.by_text(entry.tenant, entry.group_key):
            flushed = group.route.receiver == entry.receiver and group.next_flush_ms <= entry.at_ms
            if flushed:
                next_ms = entry.at_ms + group.route.group_interval_ms
                self.groups_held.reschedule(group, next_ms)

    def _confirmed(self, entry: Notified, waiting: Waiting) -> None:
        group = self.groups_held.get(waiting.group_id)
        if group is None or entry.outcome == "dropped":
            return
        ended = waiting.ended
        if entry.outcome == "adopted":
            # What a predecessor sent may be less than what is known now: ask again at once.
            ended = {fp: version for fp, version in ended.items() if fp in set(entry.resolved)}
            group.lagging.add(entry.integration)
            self._ready.add(group.id)
        group.settle(entry.integration, ended)
        self._drop_settled(group)

    def _released(self, key: LogKey) -> None:
        """Let those be asked that waited for this key, or for room."""
        self._ready |= self._blocked.pop(key, set()) | self._starved
        self._starved = set()

    # Time --------------------------------------------------------------------------------------

    def due(self, now_ms: int) -> list[Flush]:
        """Decide what must be sent now. Each flush waits in the outbox for its log record."""
        if now_ms >= self._collect_ms:
            self._collect(now_ms)
        flushes: list[Flush] = []
        for group in self.groups_held.pop_due(now_ms):
            self.groups_held.reschedule(group, now_ms + group.route.group_interval_ms)
            flushes.extend(self._flush(group, now_ms, None))
        ready, self._ready = sorted(self._ready), set()
        for group_id in ready:
            held = self.groups_held.get(group_id)
            if held is not None and held.lagging:
                asked, held.lagging = held.lagging, set()
                flushes.extend(self._flush(held, now_ms, asked))
        ALERTS_HELD.set(len(self.alerts_held))
        GROUPS_HELD.set(len(self.groups_held))
        OUTBOX_HELD.set(len(self.outbox))
        return flushes

    def next_due_ms(self) -> int | None:
        """Return when `due` must be called next; 0: now; None: nothing is waiting."""
        return 0 if self._ready else self.groups_held.next_due_ms()

    def abandon(self, flush: Flush) -> None:
        """Take back a flush whose delivery has ended without a record; it is decided anew."""
        waiting = self.outbox.get(flush.key)
        if waiting is not None and waiting.n == flush.notification.n:
            self.outbox.pop(flush.key)
            group = self.groups_held.get(flush.group_id)
            if group is not None:
                group.lagging.add(flush.key.integration)
                self._ready.add(group.id)
            self._released(flush.key)

    def _flush(self, group: Group, now_ms: int, only: set[str] | None) -> list[Flush]:
        receiver = self.config.receivers[group.route.receiver]
        alerts = self.alerts_of(group)
        ended = {a.fingerprint: a.version for a in alerts if a.resolved_at(now_ms)}
        due = pipeline.Due(group, now_ms)
        told = pipeline.run(self._stages, due, alerts)
        flushes: list[Flush] = []
        for integration in receiver.integrations:
            if only is not None and integration.name not in only:
                continue
            key = pipeline.log_key(group, integration)
            if key in self.outbox or self.outbox.full:
                self._lag(group, integration.name, key)
                continue
            entry = self.log.get(key)
            flush = pipeline.flush_of(self.config, due, integration, told, entry, ended)
            if flush is None:
                group.settle(integration.name, ended)
            else:
                self.outbox.put(key, Waiting(flush.notification.n, group.id, ended))
                flushes.append(flush)
        if not receiver.integrations:
            group.settle("", ended)
        self._drop_settled(group)
        return flushes

    def _lag(self, group: Group, integration: str, key: LogKey) -> None:
        group.lagging.add(integration)
        if key in self.outbox:
            self._blocked.setdefault(key, set()).add(group.id)
        else:
            RECORDS_DROPPED.labels("outbox_full_waiting").inc()
            self._starved.add(group.id)

    def _drop_settled(self, group: Group) -> None:
        """Take ended alerts out of a group once every integration knows, and empty groups away."""
        names = {i.name for i in self.config.receivers[group.route.receiver].integrations}
        for fingerprint, settled in tuple(group.settled.items()):
            alert = self.alerts_held.get((group.id.tenant, fingerprint))
            if alert is None or (
                alert.version == settled.version and names <= settled.integrations
            ):
                self.groups_held.drop(group, fingerprint)
        if not group.alerts:
            self.groups_held.remove(group)

    def _collect(self, now_ms: int) -> None:
        """Forget what is over: ended alerts, old silences, old entries of the log."""
        self._collect_ms = now_ms + COLLECT_EVERY_MS
        for key, alert in tuple(self.alerts_held.items()):
            over = alert.resolved_at(now_ms) and alert.ends_at_ms + KEEP_RESOLVED_MS <= now_ms
            if over and not self.groups_held.holders(*key):
                del self.alerts_held[key]
                self._routes.pop(key, None)
                self.silences.forget(*key)
                self._cache.touched("alerts", alert.fingerprint)
        if self.silences.collect(now_ms):
            self._cache.touched_all("silences")
        alive = {
            pipeline.log_key(group, integration): None
            for group in self.groups_held
            for integration in self.config.receivers[group.route.receiver].integrations
        }
        if self.log.collect(now_ms, alive):
            self._cache.touched_all("log")

    # Configuration and state -------------------------------------------------------------------

    def reconfigure(self, config: NotifierConfig, now_ms: int) -> None:
        """Route everything by another configuration; groups that go on keep their timers."""
        self.config = config
        self._regroup({group.id: group for group in self.groups_held}, now_ms)

    def _regroup(self, before: Mapping[GroupId, Group], at_ms: int | None) -> None:
        """Put every alert into its groups. `at_ms` None: as if it came when it last changed."""
        self.groups_held = Groups(self._limits.groups_max)
        self._routes.clear()
        for key, alert in self.alerts_held.items():
            when_ms = alert.updated_at_ms if at_ms is None else at_ms
            over = alert.resolved_at(when_ms)
            for route in self.routes_of(alert):
                group_id = self.groups_held.id_of(alert.tenant, route, alert.labels)
                # One that has ended stays where somebody has to be told, and enters no group.
                if over and not (group_id in before and key[1] in before[group_id].alerts):
                    continue
                self._hold(alert, route, when_ms)
        for group in self.groups_held:
            old = before.get(group.id)
            if old is not None:
                group.created_ms, group.lagging = old.created_ms, set(old.lagging)
                group.settled = {fp: s for fp, s in old.settled.items() if fp in group.alerts}
                self.groups_held.reschedule(group, old.next_flush_ms)
            if group.lagging:
                self._ready.add(group.id)

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        """Freeze the state in chunks of bounded size; what is in `known` comes without bytes."""
        return state.freeze(self, self._cache, known)

    def restore(self, snapshot: Snapshot) -> None:
        """Become the state of a snapshot. Raises SnapshotError and is a fresh owner then."""
        self._clear()
        thawed = state.thaw(snapshot)
        for alert in thawed.alerts:
            self.alerts_held[alert.tenant, alert.fingerprint] = alert
            if alert.record is not None and alert.ends_at_ms == 0:
                self._current[identity(alert.record)] = (alert.tenant, alert.fingerprint)
        for shard in thawed.shards:
            if shard.pending is not None:
                self.pending[identity(shard.pending)] = shard.pending
            else:
                self.shards[shard.shard] = ShardSeen(shard.epoch, shard.sequence)
        for silence in thawed.silences:
            self.silences.put(silence)
        for kept in thawed.log:
            self.log.put(kept.key, kept.entry)
        frozen = [state.to_group(group, self.config.route) for group in thawed.groups]
        self._regroup({group.id: group for group in frozen}, None)
        self.next_offset = snapshot.next_offset

    # Queries -----------------------------------------------------------------------------------

    def routes_of(self, alert: StoredAlert) -> tuple[Route, ...]:
        """Return the routes that take an alert."""
        key = (alert.tenant, alert.fingerprint)
        routes = self._routes.get(key)
        if routes is None:
            routes = self._routes[key] = tuple(self.config.route.match(alert.labels))
        return routes

    def alerts_of(self, group: Group) -> list[StoredAlert]:
        """Return the alerts of a group, in Alertmanager's order."""
        held = (self.alerts_held.get((group.id.tenant, fp)) for fp in group.alerts)
        return in_order([alert for alert in held if alert is not None])

    def alerts(self, now_ms: int, tenant: str = "default") -> list[query.AlertView]:
        """Return a tenant's alerts that have not ended, in no order."""
        return query.alerts(self, now_ms, tenant)

    def groups(self, now_ms: int, tenant: str = "default") -> list[query.GroupView]:
        """Return a tenant's groups that hold an alert which has not ended, sorted by labels."""
        return query.groups(self, now_ms, tenant)

    def open_fences(self) -> list[OpenFence]:
        """Return what a predecessor may have claimed or sent without a record in the log."""
        fences: list[OpenFence] = []
        for group in self.groups_held:
            for integration in self.config.receivers[group.route.receiver].integrations:
                key = pipeline.log_key(group, integration)
                entry = self.log.get(key)
                n = (entry.n if entry is not None else 0) + 1
                text = fence_key(key, group.created_ms, n)
                fences.append(OpenFence(key, text, n, group.id))
        return fences
