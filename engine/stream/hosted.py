"""One live owner: its epoch, what it still has to say, what its last checkpoint holds."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from engine import faults
from engine.owner import Output, Owner
from engine.stream.broker import Acknowledged, Broker
from engine.stream.checkpoints import Manifest
from engine.stream.embedded_log import Append
from engine.stream.topics import Topics

IN_FLIGHT_MAX = 64  # appends of one owner not yet acknowledged
OUTPUTS_AT_ONCE = 256

EndProcess = Callable[[str], None]
"""Says why on the log and ends the process at once; does not return."""


class Hosted:
    """An owner under an epoch, with its outbox."""

    def __init__(
        self,
        role: str,
        partition: int,
        owner: Owner,
        epoch: int,
        broker: Broker,
        topics: Topics,
        end_process: EndProcess,
    ) -> None:
        self.role, self.partition, self.owner, self.epoch = role, partition, owner, epoch
        self.tp = topics.tp(role, partition)
        self.fresh = False  # it began without a snapshot
        self.manifest: Manifest | None = None
        self.garbage: list[bytes] = []
        self.live_at = 0  # caught up when `next_offset` has reached this
        self.moved_s = 0.0  # loop time of its last progress, or of its last rest
        self.saved_s = 0.0  # loop time of its last accepted checkpoint
        self.end = 0  # of its log, as last asked
        self.held: tuple[object, float, int] | None = None  # who holds its time, since, offset
        self.sought: tuple[int, float] = (-1, 0.0)  # the last seek: offset, loop time
        self._outbox: deque[Output] = deque()
        self._in_flight: deque[Acknowledged] = deque()
        self._lock = asyncio.Lock()
        self._broker, self._topics, self._end_process = broker, topics, end_process

    @property
    def caught_up(self) -> bool:
        """Whether it has applied all that its log held at takeover."""
        return self.owner.next_offset >= self.live_at

    def say(self, outputs: Sequence[Output]) -> None:
        """Put outputs into the outbox, in the breath in which the state moved."""
        self._outbox.extend(outputs)

    def records(self, outputs: Sequence[Output]) -> list[Append]:
        """Return outputs as records under this epoch."""
        headers = (("epoch", b"%d" % self.epoch),)
        return [
            Append(self._topics.name(o.topic), o.partition, o.key, o.value, headers)
            for o in outputs
        ]

    async def drain(self) -> None:
        """Send the outbox, in order; waits while too much is not acknowledged."""
        if not self._outbox:
            return
        async with self._lock:
            while self._outbox:
                count = min(len(self._outbox), OUTPUTS_AT_ONCE)
                outputs = [self._outbox.popleft() for _ in range(count)]
                await self._send(self.records(outputs))
            faults.point("outbox.after_send")

    async def _send(self, records: Sequence[Append]) -> Acknowledged:
        try:
            acknowledged = await self._broker.append(records)
        except Exception as error:  # the state is ahead of the log now
            self._end_process(f"{self.role}/{self.partition}: append failed: {error!r}")
            raise
        acknowledged.add_done_callback(self._acknowledged)
        self._in_flight.append(acknowledged)
        while self._in_flight and self._in_flight[0].done():
            self._in_flight.popleft()
        if len(self._in_flight) > IN_FLIGHT_MAX:
            await asyncio.wait([self._in_flight[0]])
        return acknowledged

    def _acknowledged(self, acknowledged: Acknowledged) -> None:
        if not acknowledged.cancelled() and (error := acknowledged.exception()):
            self._end_process(f"{self.role}/{self.partition}: send failed: {error!r}")

    async def append(self, outputs: Sequence[Output]) -> list[int]:
        """Send under this epoch what is no function of the log, behind the outbox; durable."""
        await self.drain()
        async with self._lock:
            acknowledged = await self._send(self.records(outputs))
        return await asyncio.shield(acknowledged)

    async def settled(self) -> None:
        """Wait until all that was said is acknowledged."""
        await self.drain()
        waiting = [ack for ack in self._in_flight if not ack.done()]
        if waiting:
            await asyncio.wait(waiting)
