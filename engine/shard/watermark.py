"""The watermark of a shard: up to when its log proves that every row has come.

W = min over source partitions of (S - allowed lateness). S comes from row batches and marks; for
HTTP it is the append time of the shard's newest record. Nothing here reads a clock.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from engine.series import HTTP_TOPICS, HTTP_WRITE, NEVER_MS, Marks, RowBatch, Skip

HTTP_WRITE_ACTIVE_MS = 900_000
Verdict = Literal["new", "seen", "hole"]


class Position(msgspec.Struct, array_like=True):
    """What is known of one source partition."""

    seen: int = -1  # next offset wanted; -1: not yet heard of
    reached_ms: int = NEVER_MS  # S
    heard_ms: int = NEVER_MS  # append time of the last record that moved it
    skipped: bool = False


class _State(msgspec.Struct, array_like=True):
    positions: list[tuple[str, int, Position]]
    expected: dict[str, tuple[int, int]]
    append_ms: int
    write_ms: int
    watermark_ms: int


@dataclass(slots=True)
class Watermark:
    """Positions of all source partitions, and the watermark that follows."""

    evaluation_timeout_ms: int = 30_000
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    expected: dict[str, tuple[int, int]] = field(default_factory=dict)
    append_ms: int = NEVER_MS
    write_ms: int = NEVER_MS  # append time of the newest remote-write rows
    watermark_ms: int = NEVER_MS  # not yet known

    @property
    def known_ms(self) -> int:
        """The watermark for people and records: 0 while it is not known."""
        return 0 if self.watermark_ms == NEVER_MS else self.watermark_ms

    def appended(self, timestamp_ms: int) -> None:
        """Note the append time of the next record; it never goes back."""
        self.append_ms = max(self.append_ms, timestamp_ms)

    def batch(self, batch: RowBatch) -> tuple[Verdict, int]:
        """Say whether a batch is new, and from which offset on its rows count.

        A hole means that a send before this one failed: its rows will come again, from `seen` on,
        because their source offset could not be committed. Stopping here instead would be for
        ever: the record stays in the log. What the source itself has dropped never comes again.
        """
        if batch.topic in HTTP_TOPICS:
            if batch.topic == HTTP_WRITE and batch.series:
                self.write_ms = self.append_ms
            return "new", 0
        position = self.positions.setdefault((batch.topic, batch.partition), Position())
        if 0 <= position.seen < batch.start and batch.start > batch.gone_below:
            return "hole", 0
        if position.seen >= 0 and batch.end <= position.seen:
            return "seen", 0
        first = max(position.seen, batch.start)
        position.seen = batch.end
        self._reach(position, batch.reached_ms)
        return "new", first

    def marks(self, marks: Marks) -> int:
        """Apply proofs of time; returns how many came before the batches they speak of."""
        self.expected = dict(marks.sources)
        for topic, (partitions, _) in marks.sources.items():
            for partition in range(partitions if topic not in HTTP_TOPICS else 0):
                self.positions.setdefault((topic, partition), Position(heard_ms=self.append_ms))
        early = 0
        for topic, partition, end, time_ms in marks.marks:
            position = self.positions.setdefault((topic, partition), Position())
            if position.seen < 0:  # nothing of it was ever sent here, so there was nothing
                position.seen = end
            if position.seen >= end:
                self._reach(position, time_ms)
            else:
                early += 1
        return early

    def skip(self, skip: Skip) -> None:
        """Go on without source partitions until they are heard of again."""
        for topic, partition in skip.sources:
            self.positions.setdefault((topic, partition), Position()).skipped = True

    def _reach(self, position: Position, reached_ms: int) -> None:
        position.reached_ms = max(position.reached_ms, reached_ms)
        position.heard_ms = self.append_ms
        position.skipped = False

    def advance(self) -> int:
        """Return the watermark after what was applied, NEVER_MS while it is not known."""
        if not self.expected:
            return NEVER_MS
        least: int | None = None
        for topic, (partitions, lateness_ms) in self.expected.items():
            if topic in HTTP_TOPICS:
                idle = self.append_ms - self.write_ms > HTTP_WRITE_ACTIVE_MS
                if topic == HTTP_WRITE and (self.write_ms == NEVER_MS or idle):
                    continue
                proven = self.append_ms - lateness_ms
                least = proven if least is None else min(least, proven)
                continue
            for partition in range(partitions):
                position = self.positions[topic, partition]
                if position.skipped:
                    continue
                if position.reached_ms == NEVER_MS:
                    return self.watermark_ms
                proven = position.reached_ms - lateness_ms
                least = proven if least is None else min(least, proven)
        if least is not None:
            self.watermark_ms = max(self.watermark_ms, least)
        return self.watermark_ms

    def silent(self) -> list[tuple[str, int]]:
        """Return the partitions that have not moved for `evaluation_timeout_ms` of log time."""
        found = []
        for topic, (partitions, _) in self.expected.items():
            if topic in HTTP_TOPICS:
                continue
            for partition in range(partitions):
                position = self.positions[topic, partition]
                quiet_ms = self.append_ms - position.heard_ms
                if not position.skipped and quiet_ms > self.evaluation_timeout_ms:
                    found.append((topic, partition))
        return found

    def freeze(self) -> bytes:
        """Return the state as bytes."""
        rows = [(topic, number, held) for (topic, number), held in sorted(self.positions.items())]
        state = _State(rows, self.expected, self.append_ms, self.write_ms, self.watermark_ms)
        return msgspec.json.encode(state)

    def thaw(self, raw: bytes) -> None:
        """Become the state that freeze() returned."""
        state = msgspec.json.decode(raw, type=_State)
        self.positions = {(topic, number): held for topic, number, held in state.positions}
        self.expected = state.expected
        self.append_ms = state.append_ms
        self.write_ms = state.write_ms
        self.watermark_ms = state.watermark_ms
