"""A small source stage and small owners whose right result is known from the input alone.

Record n of a source partition holds the number n, so the log itself says what counts and sums
must be. Every hundredth row of a shard makes an alert; the notifier adds them up.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.owner import Chunk, LogRecord, Output, Snapshot
from engine.sources import Fetch, Mark

ALERT_EVERY = 100


def shard_of(number: int, shards: int) -> int:
    """Deal numbers out."""
    return number * 2654435761 % 2**32 * shards // 2**32


def dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class FakeStage:
    """Sends (from, to] and its numbers to every shard."""

    ready = True

    def __init__(self, shards: int, pad: int = 0) -> None:
        self.shards, self.pad = shards, "." * pad
        self.next: dict[tuple[str, int], int] = {}
        self.topics: dict[str, int] = {}

    def partitions(self, topic: str, count: int) -> None:
        self.topics[topic] = count

    def assign(self, topic: str, partition: int, next_offset: int, gone_below: int = 0) -> None:
        self.next[topic, partition] = next_offset

    def revoke(self, topic: str, partition: int) -> None:
        self.next.pop((topic, partition), None)

    def take(self, topic: str, partition: int, fetch: Fetch, stamp_ms: int) -> list[Output]:
        rows: list[list[int]] = [[] for _ in range(self.shards)]
        for value in fetch.values:
            number = int((value or b"0")[:12])
            rows[shard_of(number, self.shards)].append(number)
        start, end = self.next[topic, partition], fetch.offsets[-1] + 1
        self.next[topic, partition] = end
        return [
            Output("shards", shard, None, dump(
                {"k": "rows", "p": [topic, partition], "from": start, "to": end, "rows": rows[shard],
                 "pad": self.pad}
            ))
            for shard in range(self.shards)
        ]  # fmt: skip

    def marks(self, ends: Sequence[Mark], stamp_ms: int) -> list[Output]:
        value = dump({"k": "marks", "marks": [list(end) for end in ends]})
        return [Output("shards", shard, None, value) for shard in range(self.shards)]


class FakeShard:
    """Counts and sums; drops what it has seen, refuses what leaves a hole."""

    def __init__(self, shard: int, hold: Callable[[], list[tuple[str, int]]] | None = None) -> None:
        self.shard, self.next_offset = shard, 0
        self.seen: dict[str, int] = {}
        self.count = self.total = self.squares = 0
        self.sequence = self.holes = self.repeats = self.marks = self.skips = 0
        self.reaches: dict[str, int] = {}
        self.epoch = 0
        self.hold = hold

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        outputs: list[Output] = []
        for record in records:
            assert record.offset == self.next_offset, (record.offset, self.next_offset)
            self.next_offset = record.offset + 1
            message = json.loads(record.value or b"{}")
            if message["k"] == "rows":
                self.rows(message, outputs)
            elif message["k"] == "skip":
                self.skips += 1
            else:
                self.marks += 1
                for topic, partition, end, time_ms in message["marks"]:
                    assert self.seen.get(f"{topic}/{partition}", 0) >= end, "a mark came too early"
                    self.reaches[f"{topic}/{partition}"] = time_ms
        return outputs

    def rows(self, message: dict[str, Any], outputs: list[Output]) -> None:
        key = "{}/{}".format(*message["p"])
        seen = self.seen.get(key, 0)
        if message["from"] > seen:
            self.holes += 1
            return
        if message["to"] <= seen:
            self.repeats += 1
            return
        self.seen[key] = message["to"]
        for number in message["rows"]:
            if number < seen:  # a row's number is its offset: read again with other cuts
                continue
            self.count += 1
            self.total += number
            self.squares += number * number
            if self.count % ALERT_EVERY == 0:
                self.sequence += 1
                value = dump({"k": "alert", "shard": self.shard, "n": self.sequence,
                              "count": self.count, "total": self.total})  # fmt: skip
                outputs.append(Output("alerts", 0, None, value))

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        self.epoch = epoch
        value = dump({"k": "hello", "shard": self.shard, "n": self.sequence, "fresh": fresh})
        return [Output("alerts", 0, None, value)]

    def held_back_by(self) -> list[tuple[str, int]]:
        return self.hold() if self.hold else []

    def skip_output(self, sources: Sequence[tuple[str, int]]) -> Output:
        return Output("shards", self.shard, None, dump({"k": "skip", "sources": list(sources)}))

    KEPT = (
        "seen",
        "count",
        "total",
        "squares",
        "sequence",
        "holes",
        "repeats",
        "marks",
        "reaches",
        "skips",
    )

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        head = {name: getattr(self, name) for name in self.KEPT}
        chunks = [Chunk("head", self.next_offset, dump(head))]
        # A chunk that seldom changes, and one larger than a message.
        version = self.count // 5_000
        old = b"" if known.get("old") == version else b"%d" % version * 1000
        chunks.append(Chunk("old", version, old))
        if self.count > 20_000 and known.get("large") != 1:
            chunks.append(Chunk("large", 1, b"x" * 2_000_001))
        elif self.count > 20_000:
            chunks.append(Chunk("large", 1, b""))
        return Snapshot("shard", 1, self.next_offset, tuple(chunks))

    def restore(self, snapshot: Snapshot) -> None:
        chunks = {chunk.name: chunk for chunk in snapshot.chunks}
        for name, value in json.loads(chunks["head"].payload).items():
            setattr(self, name, value)
        version = self.count // 5_000
        assert chunks["old"].payload == b"%d" % version * 1000
        if self.count > 20_000:
            assert chunks["large"].payload == b"x" * 2_000_001
        self.next_offset = snapshot.next_offset


class FakeNotifier:
    """Adds the alerts of every shard up; drops old epochs and what it has seen."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.epochs: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.totals: dict[str, list[int]] = {}
        self.old = self.repeats = self.gaps = self.posted = 0

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        for record in records:
            assert record.offset == self.next_offset, (record.offset, self.next_offset)
            self.next_offset = record.offset + 1
            message = json.loads(record.value or b"{}")
            if message["k"] == "posted":
                self.posted += 1
                continue
            shard = str(message["shard"])
            if record.epoch < self.epochs.get(shard, 0):
                self.old += 1
                continue
            self.epochs[shard] = record.epoch
            if message["k"] == "hello":
                continue
            if message["n"] <= self.last.get(shard, 0):
                self.repeats += 1
                continue
            if message["n"] != self.last.get(shard, 0) + 1:
                self.gaps += 1
            self.last[shard] = message["n"]
            self.totals.setdefault(shard, []).append(message["total"])
        return []

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        return []

    KEPT = ("epochs", "last", "totals", "old", "repeats", "gaps", "posted")

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        state = dump({name: getattr(self, name) for name in self.KEPT})
        return Snapshot("notifier", 1, self.next_offset, (Chunk("all", self.next_offset, state),))

    def restore(self, snapshot: Snapshot) -> None:
        for name, value in json.loads(snapshot.chunks[0].payload).items():
            setattr(self, name, value)
        self.next_offset = snapshot.next_offset
