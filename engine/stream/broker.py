"""The port for what is outside Faust: durable appends, ends of partitions, following `control`.

Two implementations: `EmbeddedBroker` here, `KafkaBroker` by clients without a group.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from faust.types import TP

from engine.errors import StreamError
from engine.owner import LogRecord
from engine.stream.embedded_log import Append, EmbeddedLog
from engine.stream.settings import SourceTopic
from engine.stream.topics import Topic

Acknowledged = asyncio.Future[list[int]]
"""Resolves to the offsets when all records are durable; fails with StreamError."""

EMBEDDED_SOURCE_PARTITIONS = 4
_FOLLOW_BYTES = 1 << 20


class Broker(Protocol):
    """A log with topics."""

    atomic: bool
    """Whether records and offsets of a group can be one unit."""

    async def start(self, topics: Sequence[Topic], sources: Sequence[SourceTopic]) -> None:
        """Connect, create what is missing, check what is there. Raises StreamError."""
        ...

    async def stop(self) -> None:
        """Let go of everything."""
        ...

    async def append(
        self,
        records: Sequence[Append],
        commits: Mapping[TP, int] | None = None,
        group: str = "",
    ) -> Acknowledged:
        """Put records on their way, in order; waits only while too much is on its way.

        `commits` (offsets of `group`, in the same unit) only where `atomic`.
        """
        ...

    async def ends(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Ask for the offsets after the last records, not behind anybody's long poll."""
        ...

    async def starts(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Ask for the first offsets that are kept."""
        ...

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic that `start` has seen."""
        ...

    async def follow(
        self, tp: TP, each: Callable[[LogRecord], None], caught_up: Callable[[], None]
    ) -> None:
        """Call `each` for every record from the start, for ever; `caught_up` at the first end."""
        ...


class EmbeddedBroker:
    """The port on the log of this process."""

    atomic = True

    def __init__(self, log: EmbeddedLog) -> None:
        self.log = log
        self._grown = asyncio.Event()

    async def start(self, topics: Sequence[Topic], sources: Sequence[SourceTopic]) -> None:
        """Declare every topic; sources are created here, nobody else could."""
        for topic in topics:
            self.log.declare(
                topic.name,
                topic.partitions,
                keep_bytes=topic.keep_bytes,
                keep_ms=topic.keep_ms,
                compact=topic.compact,
            )
        for source in sources:
            known = self.log.topics.get(source.topic)
            if known is None or source.partitions not in (None, known.partitions):
                wanted = source.partitions or EMBEDDED_SOURCE_PARTITIONS
                self.log.declare(source.topic, wanted)
        self.log.listeners.add(self)

    async def stop(self) -> None:
        """Close the log."""
        self.log.close()

    def on_appended(self, touched: set[TP]) -> None:
        """Wake who follows a partition."""
        del touched
        self._grown.set()

    async def append(
        self,
        records: Sequence[Append],
        commits: Mapping[TP, int] | None = None,
        group: str = "",
    ) -> Acknowledged:
        """Append all of it as one unit."""
        await self.log.room.wait()
        return self.log.append(records, commits, group)

    async def ends(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Return what can be read, plus what is on its way to the disk.

        `next`, not `end`: a mark must not overtake a record that is being written.
        """
        return {tp: self.log.partitions[tp].next for tp in partitions}

    async def starts(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Return the first offsets that are kept."""
        return {tp: self.log.partitions[tp].start for tp in partitions}

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic."""
        spec = self.log.topics.get(topic)
        if spec is None:
            raise StreamError(f"{self.log.path} has no topic {topic}")
        return spec.partitions

    async def follow(
        self, tp: TP, each: Callable[[LogRecord], None], caught_up: Callable[[], None]
    ) -> None:
        """Read a partition from its start, for ever."""
        position, told = 0, False
        while True:
            self._grown.clear()
            while position < self.log.partitions[tp].end:
                records, position = self.log.read(tp, position, _FOLLOW_BYTES)
                for record in records:
                    each(record)
            if not told:
                told = True
                caught_up()
            await self._grown.wait()
