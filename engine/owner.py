"""The protocol of whatever owns state: one log in, outputs and snapshots out, no clock.

An owner reads one partition of one topic in order. Its state and its outputs are a function of
the records it has applied, so a replay, other fetch cuts and another worker give the same bytes.
A host (engine.stream, engine.replay) feeds it, sends its outputs and keeps its snapshots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class LogRecord(NamedTuple):
    """One record of a partition, as a transport hands it over."""

    offset: int
    timestamp_ms: int  # the log's append time on internal topics
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> bytes | None:
        """Return the first header of that name, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def epoch(self) -> int:
        """The epoch its writer wrote it under, 0 where it said none."""
        raw = self.header("epoch")
        return int(raw) if raw else 0


class Output(NamedTuple):
    """One record that an owner wants appended; the host adds the header `epoch`."""

    topic: str  # a role of engine.stream.topics: "shards", "alerts" ...
    partition: int
    key: bytes | None
    value: bytes


class Chunk(NamedTuple):
    """A named part of a snapshot. Equal (name, version) means equal bytes: it is not sent again."""

    name: str
    version: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state of an owner up to `next_offset`."""

    kind: str  # "shard", "notifier"
    format: int  # raised when the layout changes; older ones are migrated
    next_offset: int
    chunks: tuple[Chunk, ...] = field(default=())


class Owner(Protocol):
    """State with one log. Implementations are plain classes; nothing in them awaits."""

    next_offset: int
    """The offset of the first record not yet applied."""

    def apply(self, records: Sequence[LogRecord], stamp_ms: int) -> list[Output]:
        """Fold records in order and return what must be appended because of them.

        `records` start at `next_offset` and have no holes (the host guards that).
        `stamp_ms` is the host's wall clock: it may be written into outputs as a trace and must
        not influence anything else.
        """
        ...

    def opened(self, epoch: int, fresh: bool) -> list[Output]:
        """Return what must be appended first under a new epoch (fences the owner before)."""
        ...

    def snapshot(self, known: Mapping[str, int]) -> Snapshot:
        """Freeze the state. Chunks whose version equals `known[name]` may have an empty payload."""
        ...

    def restore(self, snapshot: Snapshot) -> None:
        """Become the state of a snapshot. Raises SnapshotError and leaves a fresh owner then."""
        ...
