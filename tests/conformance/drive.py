"""Drive the production path with samples cut at random places."""

import dataclasses
import random
from collections.abc import Iterable, Sequence

from engine.groups import QueryResult, decode_result
from engine.limits import DEFAULT_LIMITS
from engine.plan import PromGroup
from engine.replay import Pipeline
from engine.rules import RuleSet, compile_plan
from engine.ruletests import STALE_BITS, Sample, lifted, metric_record, write_request
from engine.sources import SourceSpec

TOPIC = "metrics"
PARTITIONS = 2
LATENESS_MS = 1  # a mark of t says nothing of rows of t itself: ticks of t run at t + 1
NO_RULES = RuleSet("conformance", {}, ())


class Flow:
    """Sources, shards and their logs, read in random portions."""

    def __init__(
        self,
        groups: Sequence[PromGroup],
        shards: int,
        rng: random.Random,
        rules: RuleSet = NO_RULES,
    ) -> None:
        self.rng = rng
        limits = lifted(DEFAULT_LIMITS)
        plan = compile_plan(dataclasses.replace(rules, prom=tuple(groups)), limits)
        sources = [SourceSpec(TOPIC, "metrics", LATENESS_MS, PARTITIONS)]
        self.pipe = Pipeline(
            plan, sources, shards, limits,
            http_lateness_ms={"@ingest": LATENESS_MS, "@write": LATENESS_MS},
        )  # fmt: skip

    def send(self, samples: Sequence[Sample], now_ms: int) -> None:
        """Send samples, each portion as JSON records of a topic or as a remote-write request."""
        rest = list(samples)
        while rest:
            size = self.rng.choice((1, 3, 20, 200))
            portion, rest = rest[:size], rest[size:]
            if self.rng.random() < 0.3 or any(one.bits == STALE_BITS for one in portion):
                self.pipe.post("write", write_request(portion), now_ms)
            else:
                self._records(portion, now_ms)
            if self.rng.random() < 0.2:
                self._read(self.rng.randrange(self.pipe.count))

    def _records(self, samples: Sequence[Sample], now_ms: int) -> None:
        partition = self.rng.randrange(PARTITIONS)
        values = [metric_record(one) for one in samples]
        while values:
            size = self.rng.randrange(1, len(values) + 1)
            self.pipe.feed(TOPIC, partition, values[:size], now_ms)
            values = values[size:]

    def advance(self, at_ms: int) -> None:
        """Run every tick up to and with a time."""
        self.pipe.mark(at_ms + LATENESS_MS)
        shards = list(range(self.pipe.count))
        while any(self._left(shard) for shard in shards):
            self.rng.shuffle(shards)
            for shard in shards:
                self._read(shard)

    def _left(self, shard: int) -> int:
        return len(self.pipe.shards[shard].records) - self.pipe.owners[shard].next_offset

    def _read(self, shard: int) -> None:
        owner, log = self.pipe.owners[shard], self.pipe.shards[shard]
        fresh = log.records[owner.next_offset :]
        if fresh:
            fresh = fresh[: self.rng.choice((1, 2, 5, len(fresh)))]
            self.pipe.append(owner.apply(fresh, fresh[-1].timestamp_ms), fresh[-1].timestamp_ms)

    def restart(self) -> None:
        """Take every owner's snapshot and go on with fresh owners that restored it."""
        for shard, old in enumerate(self.pipe.owners):
            owner = self.pipe.new_owner(shard)
            owner.restore(old.snapshot({}))
            self.pipe.owners[shard] = owner

    def results(self) -> dict[tuple[str, int], QueryResult]:
        """Return what every query gave, by its name and tick."""
        found = (decode_result(record.value or b"") for record in self.pipe.results.records)
        return {(result.query, result.at_ms): result for result in found}


class Feed:
    """Samples by time, given out once."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = sorted(samples, key=lambda one: one.time_ms)
        self.next = 0

    def until(self, time_ms: int) -> list[Sample]:
        """Take what is due by a time."""
        first = self.next
        while self.next < len(self.samples) and self.samples[self.next].time_ms <= time_ms:
            self.next += 1
        return self.samples[first : self.next]
