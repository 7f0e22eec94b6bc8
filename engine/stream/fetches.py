"""A fetch as one event, and the byte budget of all fetches that nobody has let go of yet."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from faust.types import TP

from engine.owner import LogRecord
from engine.sources import Fetch

_RECORD_BYTES = 400
"""What a record costs beside its value while it waits as Python objects (measured, rounded up)."""


class Budget:
    """Bytes that were handed out and are still alive, whoever holds or drops them."""

    def __init__(self, bytes_max: int, on_room: Callable[[], None] = lambda: None) -> None:
        self.bytes_max = bytes_max
        self.used_bytes = 0
        self.on_room = on_room

    @property
    def has_room(self) -> bool:
        """Whether another fetch may be made."""
        return self.used_bytes < self.bytes_max

    def take(self, size: int) -> None:
        """Count a fetch."""
        self.used_bytes += size

    def give(self, size: int) -> None:
        """Count a fetch that is gone."""
        full = not self.has_room
        self.used_bytes -= size
        if full and self.has_room:
            self.on_room()


class Polled:
    """All records that one poll brought from one partition, as one event of a stream.

    It counts against its budget until it is collected: Faust empties its queues in a rebalance
    without telling anybody, so there is no other moment that is always reached.
    """

    __slots__ = ("_budget", "_size", "records", "start")

    def __init__(self, start: int, records: Sequence[Any], budget: Budget) -> None:
        self.start = start  # the position it was fetched from
        self.records = records  # LogRecords, or aiokafka's records
        self._budget = budget
        values = [record.value for record in records]
        self._size = sum(map(len, filter(None, values))) + len(records) * _RECORD_BYTES
        budget.take(self._size)

    def __del__(self) -> None:
        self._budget.give(self._size)

    @property
    def size(self) -> int:
        """The bytes it counts for."""
        return self._size

    @property
    def next_offset(self) -> int:
        """The position after it."""
        return int(self.records[-1].offset) + 1

    def columns(self, first: int) -> Fetch:
        """Return what lies at or after `first`, as the source stage takes it."""
        records = self._from(first)
        return Fetch(
            max(self.start, first),
            [record.offset for record in records],
            self._timestamps(records),
            [record.value for record in records],
        )

    def log_records(self, first: int) -> list[LogRecord]:
        """Return what lies at or after `first`, as owners take it."""
        return list(self._from(first))

    def _from(self, first: int) -> Sequence[Any]:
        if self.records[0].offset >= first:
            return self.records
        return [record for record in self.records if record.offset >= first]

    def _timestamps(self, records: Sequence[Any]) -> list[int]:
        return [record.timestamp_ms for record in records]


class Round:
    """What one poll brought from several partitions of one topic, as one event of a stream.

    Every fetch of a source becomes a message for every shard, so polls bring all shards at once;
    an event for each would cost more than most of the messages.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[TP, Polled]]) -> None:
        # Every shard has a message, and most say only that nothing was in it: the ones with rows
        # go first, because somebody may be waiting for what they set off.
        self._parts = sorted(parts, key=lambda part: part[1].size)

    @property
    def first(self) -> tuple[TP, Polled]:
        """The partition whose event this is."""
        return self._parts[-1]

    def parts(self) -> Iterator[tuple[TP, Polled]]:
        """Hand out each once, and let go of it."""
        while self._parts:
            yield self._parts.pop()


def parts_of(event: Any) -> Iterator[tuple[TP, Polled]]:
    """Return what an event of a stream brought, partition by partition."""
    if isinstance(event.value, Round):
        yield from event.value.parts()
    else:
        yield TP(event.message.topic, event.message.partition), event.value


class KafkaPolled(Polled):
    """The same from aiokafka's records."""

    __slots__ = ()

    def log_records(self, first: int) -> list[LogRecord]:
        """Return what lies at or after `first`, as owners take it."""
        return [
            LogRecord(r.offset, r.timestamp, r.key, r.value, r.headers) for r in self._from(first)
        ]

    def _timestamps(self, records: Sequence[Any]) -> list[int]:
        return [record.timestamp for record in records]
