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
    RetryDelivery,
    RuleHealth,
    ShardHello,
    SilenceRecord,
    decode,
)
from engine.limits import Limits
from engine.owner import LogRecord, Output, Snapshot
from notifiers import newest, pipeline, query, state
from notifiers.alert import from_posted, from_record, identity, merged, superseded, warm_up
from notifiers.config import NotifierConfig, Receiver
from notifiers.group import Group, GroupId
from notifiers.holding import RECORDS_DROPPED, Holding, ShardSeen
from notifiers.notification import fence_key
from notifiers.notification_log import LogKey, key_of
from notifiers.outbox import Flush, Waiting

COLLECT_EVERY_MS = 60_000
ALERTS_AT_ONCE = 2_000
"""How many alerts one call of `due` looks at, so that a storm holds nothing else up (~50 ms)."""

ALERTS_HELD = metrics.gauge("tocsin_notifier_alerts", "Alerts that the notifier holds.")
GROUPS_HELD = metrics.gauge("tocsin_notifier_groups", "Groups of alerts.")
OUTBOX_HELD = metrics.gauge("tocsin_notifier_outbox", "Notifications decided, not confirmed.")


@dataclass(frozen=True, slots=True)
class OpenFence:
    """A notification that a predecessor may have claimed or sent without a record in the log."""

    key: LogKey
    fence_key: str
    n: int
    group_id: GroupId
    firing: frozenset[str]  # what fires in the group now


class Notifier:
    """Alerts, groups, silences, notification log and outbox of all tenants."""

    kind = "notifier"

    def __init__(self, config: NotifierConfig, limits: Limits) -> None:
        self.epoch = 0
        self._config = config
        self._limits = limits
        self._begin()

    def _begin(self) -> None:
        self.next_offset = 0
        self._held = Holding(self._config, self._limits)
        self._blocked: dict[LogKey, set[GroupId]] = {}  # lagging groups, by what they wait for
        self._starved: set[GroupId] = set()  # lagging because the outbox is full
        self._ready: set[GroupId] = set()  # lagging ones that may be asked now
        self._collect_ms = 0
        self._stages = pipeline.stages(self._held)
        self._chunks = state.ChunkCache()

    # The log

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        """Fold records of the topic `alerts`. It never answers with outputs."""
        del stamp_ms
        for record in records:
            self._take(record)
            self.next_offset = record.offset + 1
        return []

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        """Begin an epoch; the claim itself is in the log, nothing more needs to be said.

        This may be the object of the epoch before, kept over a rebalance. Its deliveries were
        broken off, so what was on its way is asked again: the fence knows what got through.
        """
        del fresh
        self.epoch = epoch
        warm_up()  # now, and not while somebody waits for an alert
        held = self._held
        for key, waiting in tuple(held.outbox.items()):
            held.outbox.pop(key)
            if (group := held.groups.get(waiting.group_id)) is not None:
                group.lagging.add(key.integration)
        self._blocked, self._starved = {}, set()
        self._ready = {group.id for group in held.groups if group.lagging}
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
            case RuleHealth():
                self._rule_fares(entry, record.epoch)
            case ShardHello():
                self._greeted(entry, record.epoch)
            case PostedAlert():
                self._posted(entry, record)
            case SilenceRecord():
                self._held.touched.note("silences", entry.id)
                if not self._held.silences.put(entry):
                    RECORDS_DROPPED.labels("silence_limit").inc()
            case Notified():
                self._notified(entry)
            case RetryDelivery():
                self._ready.update(newest.asked_again(self._held, entry))

    def _is_new(self, entry: AlertRecord, epoch: int) -> bool:
        seen = self._held.shards.setdefault(entry.shard, ShardSeen())
        if epoch < seen.epoch:
            RECORDS_DROPPED.labels("old_epoch").inc()
            return False
        if entry.sequence <= seen.sequence:
            RECORDS_DROPPED.labels("seen").inc()
            return False
        seen.epoch, seen.sequence = epoch, entry.sequence
        return True

    def _greeted(self, hello: ShardHello, epoch: int) -> None:
        seen = self._held.shards.setdefault(hello.shard, ShardSeen())
        if epoch < seen.epoch:
            RECORDS_DROPPED.labels("old_epoch").inc()
            return
        seen.epoch = epoch
        if hello.fresh:
            # Its state is lost. What it had told stays as it is: "resolved" is never inferred.
            seen.sequence = hello.sequence

    def _rule_fares(self, health: RuleHealth, epoch: int) -> None:
        """Note that a rule began or ceased to fail at a shard."""
        held = self._held
        seen = held.shards.get(health.shard)
        if seen is not None and epoch < seen.epoch:
            RECORDS_DROPPED.labels("old_epoch").inc()
        elif health.health != "err":
            held.failing.pop((health.rule_id, health.shard), None)
        elif len(held.failing) < self._limits.alerts_max:
            held.failing[health.rule_id, health.shard] = health

    def _told_by_shard(self, entry: AlertRecord, record: LogRecord) -> None:
        held, who = self._held, identity(entry)
        if entry.state == "pending":
            if who in held.pending or len(held.pending) < self._limits.alerts_max:
                held.pending[who] = entry
            return
        held.pending.pop(who, None)
        if entry.state == "inactive":
            return
        alert = from_record(entry, record.timestamp_ms, record.offset)
        before = held.current.pop(who, None)
        old = held.alerts.get(before) if before is not None else None
        if old is not None and old.fingerprint != alert.fingerprint:
            # The level has changed: in API v2 the old fingerprint ends as the new one begins.
            held.insert(
                superseded(old, entry, record.timestamp_ms, record.offset), record.timestamp_ms
            )
            if entry.state == "resolved":
                return
        if entry.state == "firing":
            held.current[who] = (alert.tenant, alert.fingerprint)
        held.insert(alert, record.timestamp_ms)

    def _posted(self, entry: PostedAlert, record: LogRecord) -> None:
        alert = from_posted(entry, record.offset)
        old = self._held.alerts.get((alert.tenant, alert.fingerprint))
        if old is not None and old.record is not None and old.ends_at_ms == 0:
            # Ours ends by its shard's word alone.
            RECORDS_DROPPED.labels("own_alert").inc()
            return
        if old is not None and old.record is None:
            alert = merged(old, alert)
        self._held.insert(alert, record.timestamp_ms)

    def _notified(self, entry: Notified) -> None:
        if not self._held.log.fold(entry):
            RECORDS_DROPPED.labels("notified_twice").inc()
        for group_key in self._held.letters.fold(entry):
            self._held.touched.note("letters", group_key)
        key = key_of(entry)
        self._held.touched.note("log", key.group_key)
        waiting = self._held.outbox.get(key)
        if waiting is None:
            self._replayed(entry)
        elif entry.n >= waiting.n:
            self._held.outbox.pop(key)
            self._confirmed(entry, waiting)
            self._release(key)

    def _replayed(self, entry: Notified) -> None:
        """Move the timers to where the owner had them that made this decision."""
        for group in self._held.groups.by_text(entry.tenant, entry.group_key):
            if group.route.receiver == entry.receiver and group.next_flush_ms <= entry.at_ms:
                next_ms = entry.at_ms + group.route.group_interval_ms
                self._held.groups.reschedule(group, next_ms)

    def _confirmed(self, entry: Notified, waiting: Waiting) -> None:
        group = self._held.groups.get(waiting.group_id)
        if group is None or entry.outcome == "dropped":
            return
        ended = waiting.ended
        if entry.outcome == "adopted":
            # What a predecessor sent may be less than what is known now: ask again at once.
            ended = {fp: version for fp, version in ended.items() if fp in entry.resolved}
            group.lagging.add(entry.integration)
            self._ready.add(group.id)
        group.settle(entry.integration, ended)
        self._held.drop_settled(group)

    def _release(self, key: LogKey) -> None:
        """Let those be asked that waited for this key, or for room."""
        self._ready |= self._blocked.pop(key, set()) | self._starved
        self._starved = set()

    # Time

    def due(self, now_ms: int) -> list[Flush]:
        """Decide what must be sent now. Each flush waits in the outbox for its log record.

        More may be due than one call looks at: `next_due_ms` says so.
        """
        held = self._held
        if now_ms >= self._collect_ms:
            self._collect_ms = now_ms + COLLECT_EVERY_MS
            held.collect(now_ms)
        flushes: list[Flush] = []
        for group in held.groups.pop_due(now_ms, ALERTS_AT_ONCE):
            held.groups.reschedule(group, now_ms + group.route.group_interval_ms)
            group.lagging.clear()
            flushes.extend(self._flush(group, now_ms, None))
        ready, self._ready = sorted(self._ready), set()
        for group_id in ready:
            lagging = held.groups.get(group_id)
            if lagging is not None and lagging.lagging:
                asked, lagging.lagging = lagging.lagging, set()
                flushes.extend(self._flush(lagging, now_ms, asked))
        ALERTS_HELD.set(len(held.alerts))
        GROUPS_HELD.set(len(held.groups))
        OUTBOX_HELD.set(len(held.outbox))
        return flushes

    def next_due_ms(self) -> int | None:
        """Return when `due` must be called next; 0: now; None: nothing is waiting."""
        return 0 if self._ready else self._held.groups.next_due_ms()

    def renew(self, flush: Flush, now_ms: int) -> Flush | None:
        """Return what is to be sent in place of a flush that has waited; None: nothing any more."""
        fresh = newest.renewed(self._held, self._stages, flush, now_ms)
        if fresh is None:
            self._release(flush.key)
        return fresh

    def _flush(self, group: Group, now_ms: int, only: set[str] | None) -> list[Flush]:
        held = self._held
        alerts = held.alerts_of(group)
        ended = {a.fingerprint: a.version for a in alerts if a.resolved_at(now_ms)}
        due = pipeline.Due(group, now_ms)
        told = pipeline.run(self._stages, due, alerts)
        flushes: list[Flush] = []
        integrations = held.integrations_of(group)
        for integration in integrations:
            if only is not None and integration.name not in only:
                continue
            key = held.log_key(group, integration)
            if key in held.outbox or held.outbox.full:
                self._lag(group, key)
                continue
            entry = held.log.get(key)
            flush = pipeline.flush_of(held.config, due, integration, told, entry, ended)
            if flush is None:
                group.settle(integration.name, ended)
            else:
                held.outbox.put(key, Waiting(flush.notification.n, group.id, ended))
                flushes.append(flush)
        if not integrations:
            group.settle("", ended)
        held.drop_settled(group)
        return flushes

    def _lag(self, group: Group, key: LogKey) -> None:
        group.lagging.add(key.integration)
        if key in self._held.outbox:
            self._blocked.setdefault(key, set()).add(group.id)
        else:
            RECORDS_DROPPED.labels("outbox_full").inc()
            self._starved.add(group.id)

    # Takeover, configuration, state

    def open_fences(self, now_ms: int) -> list[OpenFence]:
        """Return what a predecessor may have claimed or sent without a record in the log."""
        held, fences = self._held, []
        for group in held.groups:
            alerts = held.alerts_of(group)
            firing = frozenset(a.fingerprint for a in alerts if not a.resolved_at(now_ms))
            for integration in held.integrations_of(group):
                key = held.log_key(group, integration)
                entry = held.log.get(key)
                n = (entry.n if entry is not None else 0) + 1
                text = fence_key(key, group.created_ms, n)
                fences.append(OpenFence(key, text, n, group.id, firing))
        return fences

    def reconfigure(self, config: NotifierConfig, now_ms: int) -> None:
        """Route everything by another configuration; groups that go on keep their timers.

        What was given up is tried again at once.
        """
        self._config = config
        self._held.regroup(config, {group.id: group for group in self._held.groups}, now_ms)
        newest.reconsider(self._held)
        self._ready = {group.id for group in self._held.groups if group.lagging}

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        """Freeze the state in chunks of bounded size; what is in `known` comes without bytes."""
        chunks = state.freeze(self._held, self._chunks, known)
        return Snapshot(self.kind, state.FORMAT, self.next_offset, chunks)

    def restore(self, snapshot: Snapshot) -> None:
        """Become the state of a snapshot. Raises SnapshotError and is a fresh owner then."""
        self._begin()
        thawed = state.thaw(snapshot)
        state.fill(self._held, thawed)
        self._ready = {group.id for group in self._held.groups if group.lagging}
        self.next_offset = snapshot.next_offset

    # Queries

    @property
    def config(self) -> NotifierConfig:
        """The configuration in force."""
        return self._config

    def alerts(self, now_ms: int, tenant: str = "default") -> list[query.AlertView]:
        """Return a tenant's alerts that have not ended, in no order."""
        return query.alerts(self._held, now_ms, tenant)

    def groups(self, now_ms: int, tenant: str = "default") -> list[query.GroupView]:
        """Return a tenant's groups that hold an alert which has not ended, sorted by labels."""
        return query.groups(self._held, now_ms, tenant)

    def rule_alerts(self, tenant: str = "default") -> list[AlertRecord]:
        """Return the last records of our own alerts that are pending or fire."""
        held = self._held
        fires = (held.alerts[key].record for key in held.current.values() if key in held.alerts)
        records = [*held.pending.values(), *(record for record in fires if record is not None)]
        return [record for record in records if record.tenant == tenant]

    def failing_rules(self, tenant: str = "default") -> list[RuleHealth]:
        """Return how rules fail, one entry for each shard at which they do."""
        return [health for health in self._held.failing.values() if health.tenant == tenant]

    def silences(self, now_ms: int, tenant: str = "default") -> list[SilenceRecord]:
        """Return a tenant's silences: active ones by end, pending by start, expired by end."""
        return self._held.silences.listed(tenant, now_ms)

    def silence(self, silence_id: str, tenant: str = "default") -> SilenceRecord | None:
        """Return a silence, or None."""
        return self._held.silences.get(tenant, silence_id)

    def dead_letters(self, tenant: str = "default") -> list[newest.LetterView]:
        """Return what was given up and nobody has been told of since, newest first."""
        return newest.letters(self._held, tenant)

    def outlook(self, letter_id: str, now_ms: int, tenant: str = "default") -> str | None:
        """Say what sending a dead letter again would do now (newest.LetterState), None: no such."""
        letter = self._held.letters.get(letter_id, tenant)
        if letter is None:
            return None
        return newest.outlook(self._held, self._stages, letter, now_ms)

    def receivers(self) -> list[Receiver]:
        """Return the receivers in the order of the configuration."""
        return list(self._config.receivers.values())
