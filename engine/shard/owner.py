"""The shard owner: rows, marks, skips, plan switches and vectors in; alert changes out.

It reads one partition of `shards` and no clock. Its state and its outputs are a function of that
log: another cut of fetches, a replay and another worker give the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from engine import metrics
from engine.alerts import ShardHello, encode
from engine.errors import BatchError, PlanLoadingError, SnapshotError, TocsinError
from engine.groups import External, Laps, Moment, Stopwatch
from engine.limits import Limits
from engine.owner import LogRecord, Output, Snapshot
from engine.plan import EMPTY_PLAN, Plan
from engine.series import (
    BATCH_VERSION,
    F64,
    KEY_BYTES,
    NEVER_MS,
    U32,
    U64,
    LogColumns,
    Marks,
    Message,
    PlanSwitch,
    RowBatch,
    Skip,
    Vector,
    column,
    decode,
    unpack_announced,
)
from engine.series import encode as encode_message
from engine.shard.announce import compose
from engine.shard.feeds import NO_FILTER, NOT_IN_BATCH, SeriesTable
from engine.shard.groups import ShardGroups
from engine.shard.judge import Judged, RuleState, arrival, tick
from engine.shard.leaves import Leaves
from engine.shard.parked import Parked
from engine.shard.state import freeze, thaw
from engine.shard.switch import Pending, collect, switch
from engine.shard.watermark import Watermark
from engine.window import Rows, Texts

FORMAT: Final = 2

BATCHES = metrics.counter(
    "tocsin_shard_batches_total", "Row batches read by shard owners, by verdict.", ["verdict"]
)
WATERMARK = metrics.gauge(
    "tocsin_shard_watermark_seconds",
    "Up to when every row has provably come, as a time since the epoch; 0: not known yet.",
    ["shard"],
)
TICKS = metrics.counter("tocsin_ticks_total", "Ticks judged by shard owners.")


class ShardOwner:
    """One shard: series, windows, alerts. See engine.owner.Owner for the protocol."""

    def __init__(
        self,
        shard: int,
        shards: int,
        plan_of: Callable[[str], Plan],
        limits: Limits,
        evaluation_timeout_ms: int = 30_000,
        external: External | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        """`plan_of(digest)` returns a plan or raises MissingPlanError.

        `stopwatch`: tells people how long evaluations take; nothing is decided by it.
        """
        self.shard, self.shards, self.plan_of, self.limits = shard, shards, plan_of, limits
        self.next_offset = 0
        self.sequence = 0
        self.plan: Plan = EMPTY_PLAN
        self.groups = ShardGroups(shard, shards, plan_of, limits, external or External(), stopwatch)
        self.series = SeriesTable(shard, shards, limits, self.groups.feeds)
        self.leaves = Leaves(limits)
        self.rules: list[RuleState] = []
        self.intervals: list[int] = []
        self.watermark = Watermark(evaluation_timeout_ms)
        self.parked = Parked(limits.parked_rows_max)
        self._watermark = WATERMARK.labels(str(shard))
        self.ticked_ms: dict[int, int] = {}  # every_ms -> the last tick judged
        self.took_s: dict[int, float] = {}  # every_ms -> each native rule's share of the last tick
        self.pending: Pending | None = None

    # -- the protocol ---------------------------------------------------------------------------

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        """Fold records of `shards` in order; returns alert records.

        Raises MissingPlanError before anything is folded, if a plan is not known yet.
        """
        messages = [self._decoded(record) for record in records]
        for message in messages:
            if isinstance(message, PlanSwitch | Vector) and message.digest != self.plan.digest:
                self.plan_of(message.digest)
        outputs: list[Output] = []
        for record, message in zip(records, messages, strict=True):
            self.watermark.appended(record.timestamp_ms)
            match message:
                case RowBatch():
                    outputs += self._batch(message, record.offset, stamp_ms)
                case Marks():
                    metrics.dropped("early_mark", self.watermark.marks(message))
                case Skip():
                    self.watermark.skip(message)
                case PlanSwitch():
                    outputs += self._switch(message, record.offset, stamp_ms)
                case Vector():
                    moment = self.moment(record.offset, stamp_ms)
                    outputs += self.groups.take(message, moment)
                case None:
                    pass
            outputs += self._advance(record.offset, stamp_ms)
            self.next_offset = record.offset + 1
        return outputs

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        """Return the hello that voids older epochs of this shard."""
        del epoch  # the host writes it into the header
        hello = ShardHello(shard=self.shard, sequence=self.sequence, fresh=fresh)
        return [Output("alerts", 0, None, encode(hello))]

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        """Freeze the state; panes that did not change carry no payload."""
        return Snapshot("shard", FORMAT, self.next_offset, tuple(freeze(self, known)))

    def restore(self, snapshot: Snapshot) -> None:
        """Become the state of a snapshot.

        Raises SnapshotError if it cannot be read, PlanLoadingError if it can be later on; the owner
        is a fresh one then.
        """
        try:
            if (snapshot.kind, snapshot.format) != ("shard", FORMAT):
                raise SnapshotError(f"{snapshot.kind} format {snapshot.format} is not known")
            thaw(self, snapshot)
        except (TocsinError, msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            timeout_ms = self.watermark.evaluation_timeout_ms
            self.__init__(  # type: ignore[misc]
                self.shard, self.shards, self.plan_of, self.limits, timeout_ms,
                self.groups.external, self.groups.stopwatch,
            )  # fmt: skip
            if isinstance(error, PlanLoadingError):
                raise  # nothing is wrong with the snapshot: its rule set is still being compiled
            # A chunk that checks and cannot be read: the snapshot before it may be whole.
            raise SnapshotError(f"shard {self.shard}: {error!r}") from error

    # -- what the host asks ---------------------------------------------------------------------

    def held_back_by(self) -> list[tuple[str, int]]:
        """Return the source partitions that have been silent too long (see Watermark.silent)."""
        return self.watermark.silent()

    def skip_output(self, sources: Sequence[tuple[str, int]]) -> Output:
        """Return the record that lets this shard go on without them."""
        skip = Skip(BATCH_VERSION, list(sources), "evaluation_timeout")
        return Output("shards", self.shard, None, encode_message(skip))

    # -- inside ---------------------------------------------------------------------------------

    def _decoded(self, record: LogRecord) -> Message | None:
        try:
            return decode(record.value or b"")
        except BatchError:
            BATCHES.labels("unreadable").inc()
            return None

    def _batch(self, batch: RowBatch, offset: int, stamp_ms: int) -> list[Output]:
        # Labels are learnt from every batch, a repeated one too: they are true wherever they stand.
        for index, raw in unpack_announced(batch.announced):
            key = batch.keys[index * KEY_BYTES : (index + 1) * KEY_BYTES]
            if not self.series.learn(key, raw):
                metrics.dropped("series_limit", 1)
        self.groups.feeds.settle()
        verdict, first = self.watermark.batch(batch)
        BATCHES.labels(verdict).inc()
        outputs: list[Output] = []
        if verdict == "new" and batch.series:
            outputs = self._rows(batch, first, offset, stamp_ms)
        if batch.announced and self.parked.rows:
            for held, start in self.parked.take(self.series.ids):
                outputs += self._rows(held, start, offset, stamp_ms)
        return outputs

    def _rows(self, batch: RowBatch, first: int, offset: int, stamp_ms: int) -> list[Output]:
        ids = self.series.resolve(batch.keys)[column(batch.series, U32).astype(np.int64)]
        ids[column(batch.offsets, U32).astype(np.int64) + batch.start < first] = -1
        if (ids < 0).any():
            self.parked.add(batch, first, ids)
        times = column(batch.times, U32).astype(np.int64) + batch.time_base_ms
        logs = batch.logs
        if logs is None:
            self.groups.add(ids, times, column(batch.values, F64))
        touched: dict[int, Any] = {}
        bits, hits = self._bits(logs, ids.size)
        for number, rows, groups, members in self.series.split(ids, bits, hits):
            feed, row_times = self.series.feeds[number], times[rows]
            for leaf_number in self.leaves.of_feed.get(number, []):
                leaf = self.leaves.leaves[leaf_number]
                part = Rows(
                    panes=-(-row_times // leaf.pane_ms),
                    groups=groups,
                    members=members,
                    times=row_times,
                    values=self._values(batch, leaf.field, rows),
                    hashes=self._hashes(batch, leaf, feed, rows, members),
                    texts=self._texts(logs, rows) if leaf.store == "lines" else None,
                    stamp_ms=batch.stamp_ms,
                )
                self.leaves.add(leaf_number, part, self.watermark.watermark_ms)
            touched[number] = (np.unique(groups), int(row_times.max()))
        return self._on_arrival(touched, offset, stamp_ms)

    def _bits(self, logs: LogColumns | None, rows: int) -> tuple[Any, Any]:
        if logs is None:
            return None, np.zeros((0, 1), np.uint64)
        place = {predicate: bit for bit, predicate in enumerate(logs.predicates)}
        bits = [
            NO_FILTER if feed.feed.predicate is None
            else place.get(feed.feed.predicate.id, NOT_IN_BATCH)
            for feed in self.series.feeds
        ]  # fmt: skip
        words = max(1, -(-len(logs.predicates) // 64))
        hits = column(logs.hits, U64) if logs.hits else np.zeros(rows * words, np.uint64)
        return np.array(bits, np.int64), hits.reshape(rows, words)

    def _values(self, batch: RowBatch, field: str | None, rows: Any) -> Any:
        if batch.logs is None:
            return column(batch.values, F64)[rows] if field is None else np.full(rows.size, np.nan)
        raw = batch.logs.numbers.get(field or "")
        return column(raw, F64)[rows] if raw else np.full(rows.size, np.nan)

    def _hashes(self, batch: RowBatch, leaf: Any, state: Any, rows: Any, members: Any) -> Any:
        if leaf.store != "distinct":
            return np.zeros(rows.size, np.uint64)
        if batch.logs is not None and leaf.field in batch.logs.hashes:
            return column(batch.logs.hashes[leaf.field], U64)[rows]
        return self.series.label_hashes(state, leaf.field, members)

    @staticmethod
    def _texts(logs: LogColumns | None, rows: Any) -> Texts | None:
        if logs is None:
            return None
        return Texts(rows, column(logs.line_ends, U32).astype(np.int64), logs.lines)

    def _on_arrival(self, touched: dict[int, Any], offset: int, stamp_ms: int) -> list[Output]:
        outputs: list[Output] = []
        cache: dict[Any, Any] = {}
        for state in self.rules:
            if not state.rule.arrival or state.rule.feed not in touched:
                continue
            groups, newest_ms = touched[state.rule.feed]
            if newest_ms <= self.ticked_ms.get(state.rule.every_ms, NEVER_MS):
                continue  # late rows: their tick has spoken
            feed = self.series.feeds[state.rule.feed]
            judged = arrival(state, self.leaves, feed, groups, newest_ms, cache)
            outputs += self._emit(judged, offset, stamp_ms)
        return outputs

    def _advance(self, offset: int, stamp_ms: int) -> list[Output]:
        watermark_ms = self.watermark.advance()
        self._watermark.set(self.watermark.known_ms / 1000)
        outputs: list[Output] = []
        if watermark_ms == NEVER_MS:
            return outputs
        while True:
            until_ms = watermark_ms
            if self.pending is not None:
                until_ms = min(until_ms, self.pending.from_ms)
            while due := self._due(until_ms):
                outputs += self._tick(*due, offset, stamp_ms)
            if self.pending is None or watermark_ms < self.pending.from_ms:
                return outputs
            outputs += self._adopt(self.pending, offset, stamp_ms)

    def _due(self, until_ms: int) -> tuple[int, list[int], list[int]] | None:
        """Return the earliest tick, and the intervals of native rules and of groups due then."""
        native = self._next_tick(until_ms)
        groups = self.groups.ticks.next(until_ms)
        if native is None or groups is None:
            if native is not None:
                return native[0], native[1], []
            return None if groups is None else (groups[0], [], groups[1])
        at_ms = min(native[0], groups[0])
        return (
            at_ms,
            native[1] if native[0] == at_ms else [],
            groups[1] if groups[0] == at_ms else [],
        )

    def _tick(
        self, at_ms: int, every: list[int], due: list[int], offset: int, stamp_ms: int
    ) -> list[Output]:
        outputs: list[Output] = []
        cache: dict[Any, Any] = {}
        lap = Laps(self.groups.stopwatch)
        for every_ms in every:
            self.leaves.seal(every_ms, at_ms // every_ms)
        for state in self.rules:
            if state.rule.every_ms in every:
                feed = self.series.feeds[state.rule.feed]
                judged = tick(state, self.leaves, feed, at_ms, cache)
                outputs += self._emit(judged, offset, stamp_ms)
        share_s = lap() / max(1, sum(state.rule.every_ms in every for state in self.rules))
        for every_ms in every:
            self.took_s[every_ms] = share_s
            self.ticked_ms[every_ms] = at_ms
            self.leaves.close(every_ms, at_ms // every_ms)
        if due:
            outputs += self.groups.tick(at_ms, due, self.moment(offset, stamp_ms))
        TICKS.inc()
        return outputs

    def _next_tick(self, watermark_ms: int) -> tuple[int, list[int]] | None:
        """Return the earliest tick that the watermark has passed, and the intervals due then.

        A stretch in which nothing is held and no alert can change is stepped over, so a day
        without records costs nothing.
        """
        due: dict[int, list[int]] = {}
        for every_ms in self.intervals:
            last = watermark_ms // every_ms * every_ms
            ticked_ms = self.ticked_ms.get(every_ms)
            at_ms = NEVER_MS if ticked_ms is None else ticked_ms + every_ms
            # The first tick of an interval is never 1970's, be an alert up (arrival) or not.
            if at_ms <= last and (ticked_ms is None or not self._busy(every_ms)):
                oldest = self.leaves.oldest_pane(every_ms)
                at_ms = max(at_ms, last + every_ms if oldest is None else oldest * every_ms)
            if at_ms <= last:
                due.setdefault(at_ms, []).append(every_ms)
            elif ticked_ms is None or ticked_ms < last:
                self.ticked_ms[every_ms] = last
                self.leaves.close(every_ms, last // every_ms)
        return min(due.items(), default=None)

    def _busy(self, every_ms: int) -> bool:
        # Without rows nothing changes where `no_data: keep` holds alerts as they are.
        return any(
            state.table.busy
            for state in self.rules
            if state.rule.every_ms == every_ms and not state.rule.keep_without_data
        )

    def _switch(self, message: PlanSwitch, offset: int, stamp_ms: int) -> list[Output]:
        plan = self.plan_of(message.digest)
        outputs: list[Output] = []
        if self.pending is not None:  # two switches at once: the first is as good as in force
            outputs += self._adopt(self.pending, offset, stamp_ms)
        if plan.digest == self.plan.digest:
            return outputs
        if message.from_ms == NEVER_MS:
            return outputs + self._adopt(Pending.at_once(self, plan), offset, stamp_ms)
        self.pending = collect(self, plan, message.from_ms)
        return outputs

    def _adopt(self, pending: Pending, offset: int, stamp_ms: int) -> list[Output]:
        """Judge by the plan that was pending from here on."""
        self.pending = None
        ended = switch(self, pending.plan, pending)
        outputs = [output for judged in ended for output in self._emit(judged, offset, stamp_ms)]
        from_ms = self.watermark.watermark_ms if pending.from_ms == NEVER_MS else pending.from_ms
        known_ms = None if from_ms == NEVER_MS else from_ms
        moment = self.moment(offset, stamp_ms)
        return outputs + self.groups.use(pending.plan, known_ms, moment)

    def moment(self, offset: int, stamp_ms: int) -> Moment:
        """Return what alert records say of the log record that made them."""
        return Moment(self.shard, self.watermark.known_ms, offset, stamp_ms, self._next_sequence)

    def _next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def _emit(self, judged: Judged, offset: int, stamp_ms: int) -> list[Output]:
        outputs = []
        for change in judged.changes:
            self.sequence += 1
            record = compose(self, judged, change, offset, stamp_ms)
            outputs.append(Output("alerts", 0, None, encode(record)))
        return outputs
