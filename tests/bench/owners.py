"""A source stage and the shard owners of one process, driven by hand: no broker, no clock.

What replay.Pipeline does, without keeping the logs: only what owners hold is in memory. CPU seconds
are the process's own, by part: decode (bytes to batches), apply (batches to rings), tick.
"""

import gc
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.alerts import AlertRecord, decode
from engine.limits import DEFAULT_LIMITS, Limits
from engine.owner import LogRecord, Output
from engine.plan import Plan
from engine.series import BATCH_VERSION, NEVER_MS, PlanSwitch, encode
from engine.shard import ShardOwner
from engine.sources import SourceStage

LATENESS_MS = 10_000  # of remote write


@dataclass(slots=True)
class Spent:
    """CPU seconds by part."""

    decode_s: float = 0.0
    apply_s: float = 0.0
    tick_s: float = 0.0
    longest_s: float = 0.0  # the longest single call of one owner


@dataclass(slots=True)
class Owners:
    """One process: a stage, its shards and what they told."""

    plan: Plan
    shards: int
    limits: Limits = DEFAULT_LIMITS
    spent: Spent = field(default_factory=Spent)
    alerts: dict[str, int] = field(default_factory=dict)  # changes by state
    up: set[str] = field(default_factory=set)  # episodes that are firing
    stage: SourceStage = field(init=False)
    owners: list[ShardOwner] = field(init=False)

    def __post_init__(self) -> None:
        self.stage = SourceStage([], self.shards, b"bench", self.limits)
        self.stage.use([self.plan])
        plans = {self.plan.digest: self.plan}
        self.owners = [
            ShardOwner(shard, self.shards, plans.__getitem__, self.limits)
            for shard in range(self.shards)
        ]
        raw = encode(PlanSwitch(BATCH_VERSION, self.plan.digest, NEVER_MS))
        self._deliver([Output("shards", shard, None, raw) for shard in range(self.shards)], 0)

    def write(self, bodies: Iterable[bytes], now_ms: int) -> None:
        """Take remote-write requests and apply what comes of them."""
        for body in bodies:
            began = time.process_time()
            outputs = self.stage.take_http("write", body, now_ms).outputs
            self.spent.decode_s += time.process_time() - began
            began = time.process_time()
            self._deliver(outputs, now_ms)
            self.spent.apply_s += time.process_time() - began

    def mark(self, now_ms: int) -> None:
        """Say that time has come so far: ticks up to it less the lateness are made."""
        began = time.process_time()
        self._deliver(self.stage.marks([], now_ms), now_ms)
        self.spent.tick_s += time.process_time() - began

    def _deliver(self, outputs: list[Output], now_ms: int) -> None:
        waiting = list(outputs)
        while waiting:
            said: list[Output] = []
            for output in waiting:
                if output.topic == "alerts":
                    self._told(output.value or b"")
                    continue
                owner = self.owners[output.partition]
                record = LogRecord(owner.next_offset, now_ms, output.key, output.value)
                began = time.process_time()
                said += owner.apply([record], now_ms)
                took_s = time.process_time() - began
                self.spent.longest_s = max(self.spent.longest_s, took_s)
            waiting = said

    def _told(self, raw: bytes) -> None:
        # Reading what was told is the notifier's cost: it is taken off again.
        began = time.process_time()
        record = decode(raw)
        if isinstance(record, AlertRecord):
            self.alerts[record.state] = self.alerts.get(record.state, 0) + 1
            if record.state == "firing":
                self.up.add(record.episode)
            else:
                self.up.discard(record.episode)
        self.spent.tick_s -= time.process_time() - began

    def reset(self) -> Spent:
        """Return what was spent since the last call, and count anew."""
        gc.collect()
        spent, self.spent = self.spent, Spent()
        return spent
