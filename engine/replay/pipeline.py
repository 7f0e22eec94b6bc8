"""The flow without Faust, under a virtual clock: the same source stage and the same owners.

What a host does on a broker, in memory and in one thread: sources -> `shards` -> `alerts`. Rule
tests, simulations and (later) backtests drive it; nothing is evaluated in a second way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.alerts import AlertRecord, decode
from engine.groups import ActiveAlert, External, RuleStatus
from engine.limits import DEFAULT_LIMITS, Limits
from engine.owner import LogRecord, Output
from engine.plan import Plan
from engine.series import BATCH_VERSION, NEVER_MS, PlanSwitch, encode
from engine.shard import ShardOwner
from engine.sources import Endpoint, Fetch, Mark, Reject, SourceSpec, SourceStage


class MemoryLog:
    """A partition in memory, with append times."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []

    def append(self, key: bytes | None, value: bytes, now_ms: int, epoch: int = 0) -> int:
        """Append one record; returns its offset."""
        offset = len(self.records)
        headers = (("epoch", b"%d" % epoch),) if epoch else ()
        self.records.append(LogRecord(offset, now_ms, key, value, headers))
        return offset


class Pipeline:
    """Source stage, shard owners and their logs."""

    def __init__(
        self,
        plan: Plan,
        sources: Sequence[SourceSpec],
        shards: int = 4,
        limits: Limits = DEFAULT_LIMITS,
        *,
        external: External | None = None,
        http_lateness_ms: Mapping[str, int] | None = None,
    ) -> None:
        self.external, self.http_lateness_ms = external, http_lateness_ms
        self.plans = {plan.digest: plan}
        self.limits, self.count = limits, shards
        self.sources = {source.topic: source for source in sources}
        self.inputs = {
            (source.topic, partition): MemoryLog()
            for source in sources
            for partition in range(source.partitions)
        }
        self.shards = [MemoryLog() for _ in range(shards)]
        self.alerts = MemoryLog()
        self.rejects = MemoryLog()
        self.results = MemoryLog()  # of rules of kind query
        self.stage = self.new_stage(plan)
        self.owners = [self.new_owner(shard) for shard in range(shards)]
        for key in self.inputs:
            self.stage.assign(*key, 0)
        self.switch(plan, 0)

    def new_stage(self, plan: Plan) -> SourceStage:
        """Return a source stage as a worker starts one."""
        stage = SourceStage(
            list(self.sources.values()), self.count, b"replay", self.limits,
            http_lateness_ms=self.http_lateness_ms,
        )  # fmt: skip
        stage.use([plan])
        return stage

    def new_owner(self, shard: int) -> ShardOwner:
        """Return an owner as a worker starts one."""
        return ShardOwner(
            shard, self.count, self.plans.__getitem__, self.limits, external=self.external
        )

    def switch(self, plan: Plan, now_ms: int, from_ms: int = NEVER_MS) -> None:
        """Change the plan, through the log; it judges the ticks after `from_ms`."""
        self.plans[plan.digest] = plan
        raw = encode(PlanSwitch(BATCH_VERSION, plan.digest, from_ms))
        for log in self.shards:
            log.append(None, raw, now_ms)

    def feed(self, topic: str, partition: int, values: Iterable[bytes], now_ms: int) -> None:
        """Append records to a source and take them as one fetch."""
        log = self.inputs[topic, partition]
        start = len(log.records)
        for value in values:
            log.append(None, value, now_ms)
        self.take(self.stage, topic, partition, start, len(log.records), now_ms)

    def post(self, endpoint: Endpoint, body: bytes, now_ms: int) -> list[Reject]:
        """Take the body of one HTTP request; returns what was refused of it."""
        taken = self.stage.take_http(endpoint, body, now_ms)
        self.append(taken.outputs, now_ms)
        return taken.rejects

    def take(
        self, stage: SourceStage, topic: str, partition: int, start: int, end: int, now_ms: int
    ) -> None:
        """Let a stage take records [start, end) as one fetch, and append what it gives."""
        records = self.inputs[topic, partition].records[start:end]
        if records:
            fetch = Fetch(
                start,
                [record.offset for record in records],
                [record.timestamp_ms for record in records],
                [record.value for record in records],
            )
            self.append(stage.take(topic, partition, fetch, now_ms), now_ms)

    def mark(self, now_ms: int) -> None:
        """Prove for every source partition that nothing older than now is to come."""
        marks = [
            Mark(topic, partition, len(log.records), now_ms)
            for (topic, partition), log in self.inputs.items()
        ]
        self.append(self.stage.marks(marks, now_ms), now_ms)

    def append(self, outputs: Iterable[Output], now_ms: int, epoch: int = 0) -> None:
        """Append outputs to the logs they name."""
        logs: dict[str, Callable[[int], MemoryLog]] = {
            "shards": self.shards.__getitem__,
            "alerts": lambda _: self.alerts,
            "rejects": lambda _: self.rejects,
            "results": lambda _: self.results,
        }
        for output in outputs:
            log = logs[output.topic](output.partition)
            log.append(output.key, output.value, now_ms, epoch)

    def run(self, now_ms: int) -> None:
        """Let every owner read its log to the end, and what they write to each other too."""
        fresh = True
        while fresh:
            fresh = False
            for owner, log in zip(self.owners, self.shards, strict=True):
                records = log.records[owner.next_offset :]
                if records:
                    fresh = True
                    self.append(owner.apply(records, now_ms), now_ms)

    @property
    def alert_records(self) -> list[AlertRecord]:
        """All alert records so far, in the order of the log."""
        entries = (decode(record.value or b"") for record in self.alerts.records)
        return [entry for entry in entries if isinstance(entry, AlertRecord)]

    def active_alerts(self) -> list[ActiveAlert]:
        """Return the pending and firing alerts of Prometheus rules, as they are now."""
        evaluators = (one for owner in self.owners for one in owner.groups.evaluators())
        return [alert for evaluator in evaluators for alert in evaluator.alerts()]

    def rule_status(self) -> list[RuleStatus]:
        """Return how the last evaluation of every Prometheus rule went, by shard."""
        evaluators = (one for owner in self.owners for one in owner.groups.evaluators())
        return [status for evaluator in evaluators for status in evaluator.rules()]
