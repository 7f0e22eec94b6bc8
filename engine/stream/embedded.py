"""Be Faust's transport `embedded://PATH`: Consumer and Producer on a log in this process.

One process, so a consumer assigns itself every partition of what its app subscribes to. An event
of a stream is a whole fetch (`Polled`); the app's own changelogs come as single records, which is
what Faust's recovery applies to tables.
"""

import asyncio
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from faust.transport import base
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.producer import Producer as BaseProducer
from faust.types import TP, ConsumerMessage, RecordMetadata

from engine.owner import LogRecord
from engine.stream import faust_private
from engine.stream.embedded_log import Append, EmbeddedLog
from engine.stream.fetches import Budget, Polled

POLL_BYTES_MAX = 8 << 20  # of one poll, all partitions


class Consumer(BaseConsumer):
    """Hands over whole fetches of every partition of the app's topics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.store: EmbeddedLog = self.transport.log
        self.positions: dict[TP, int] = {}
        self.assigned: set[TP] = set()
        self._turn = 0
        self._wake = asyncio.Event()
        self._budget: Budget = faust_private.budget_of(self.app)
        self._budget.on_room = self._wake.set
        self._fetch_bytes: int = self.app.conf.consumer_max_fetch_size
        self.store.listeners.add(self)

    def on_appended(self, touched: set[TP]) -> None:
        """Wake a poll that waits for one of these."""
        if not self.assigned.isdisjoint(touched):
            self._wake.set()

    async def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int,
        *,
        compacting: bool | None = None,
        **_: Any,
    ) -> None:
        """Declare a topic unless it is there."""
        del replication
        if topic not in self.store.topics:
            self.store.declare(topic, partitions, compact=bool(compacting))

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Assign all partitions of these topics."""
        new = {TP(t, p) for t in topics for p in range(self.store.topics[t].partitions)}
        if new != self.assigned:
            self.add_future(self._assign(new))  # Faust waits in there for the end of subscribe

    async def _assign(self, new: set[TP]) -> None:
        app = self.app
        app.on_rebalance_start()
        await self.on_partitions_revoked(self.assigned - new)
        faust_private.tell_assignor(app, new)
        self.assigned = new
        app.consumer_generation_id = self.store.generation
        await self.seek_to_committed()
        await self.on_partitions_assigned(set(new), self.store.generation)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's
    ) -> dict[TP, list[Any]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._wake.clear()
            found = self._poll(self.assigned if active_partitions is None else active_partitions)
            left = deadline - loop.time()
            if found or left <= 0:
                return found
            try:
                await asyncio.wait_for(self._wake.wait(), left)
            except TimeoutError:
                return {}

    def _poll(self, partitions: Iterable[TP]) -> dict[TP, list[Any]]:
        found: dict[TP, list[Any]] = {}
        slots: dict[int, int] = {}
        left = POLL_BYTES_MAX
        order = sorted(partitions)
        self._turn = (self._turn + 1) % max(len(order), 1)
        for tp in order[self._turn :] + order[: self._turn]:
            position = self.positions.get(tp)
            if position is None or position >= self.store.partitions[tp].end:
                continue
            changelog = self._is_changelog_tp(tp)
            # Faust's flow_control.resume(), after its seek, empties the queues: what was handed
            # out before it would be a hole. So nothing of a stream while the app rebalances.
            if not changelog and (self.app.rebalancing or not self._has_room(tp, slots)):
                continue
            records, self.positions[tp] = self.store.read(tp, position, self._fetch_bytes)
            if records:
                found[tp] = records if changelog else [Polled(position, records, self._budget)]
                left -= sum(len(record.value or b"") for record in records)
                if left <= 0:
                    break
        return found

    def _has_room(self, tp: TP, slots: dict[int, int]) -> bool:
        """Look before fetching: a full queue would block the fetcher, so every topic of the app."""
        if not self._budget.has_room:
            return False
        for queue in faust_private.queues_of(self.app, tp):
            if not queue.maxsize:
                continue
            free = slots.setdefault(id(queue), queue.maxsize - queue.qsize())
            if free <= 0:
                faust_private.when_drained(queue, self._wake.set)
                return False
            slots[id(queue)] = free - 1
        return True

    # A poll that waits must see these at once, or it sleeps on for its second.

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch from a partition again."""
        super().on_buffer_drop(tp)
        self._wake.set()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch from partitions again."""
        super().resume_partitions(tps)
        self._wake.set()

    def resume_flow(self) -> None:
        """Fetch again."""
        super().resume_flow()
        self._wake.set()

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        whole = isinstance(record, Polled)
        last: LogRecord = record.records[-1] if whole else record
        key, value = (None, record) if whole else (record.key, record.value)
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp_ms / 1000, 1,
            [] if whole else list(last.headers), key, value, None,
            len(key or b""), 0 if whole else len(value or b""), tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def seek_to_committed(self) -> dict[TP, int]:
        """Go to the group's offsets, or to the start."""
        known = self.store.committed_all(self.app.conf.id)
        self.positions.update({tp: known.get(tp, 0) for tp in self.assigned})
        return {tp: known[tp] for tp in self.assigned if tp in known}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        await self.store.append((), dict(offsets), self.app.conf.id)
        return True

    async def _seek(self, tp: TP, offset: int) -> None:
        self.positions[tp] = offset
        self._wake.set()

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def position(self, tp: TP) -> int | None:
        """Return where the next poll reads."""
        return self.positions.get(tp)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        """Return the ends of partitions."""
        return {tp: self.highwater(tp) for tp in tps}

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        """Return the starts of partitions."""
        return {tp: self.store.partitions[tp].start for tp in tps}

    def highwater(self, tp: TP) -> int:
        """Return the end of a partition."""
        return self.store.partitions[tp].end

    def assignment(self) -> set[TP]:
        """Return what is assigned."""
        return set(self.assigned)

    def topic_partitions(self, topic: str) -> int | None:
        """Return a topic's number of partitions."""
        spec = self.store.topics.get(topic)
        return spec.partitions if spec else None

    def key_partition(
        self, topic: str, key: bytes | None, partition: int | None = None
    ) -> int | None:
        """Return the partition of a key."""
        if partition is not None:
            return partition
        return zlib.crc32(key or b"") % self.store.topics[topic].partitions

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)


class Producer(BaseProducer):
    """Appends single records; what is ours goes through engine.stream.broker instead."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> "asyncio.Future[RecordMetadata]":
        """Append a record; the future resolves when it is durable."""
        del timestamp, transactional_id
        store: EmbeddedLog = self.transport.log
        if partition is None:
            partition = zlib.crc32(key or b"") % store.topics[topic].partitions
        # Bounded memory; the writer drains whatever consumers do, so a stage may write to what it
        # reads.
        await store.room.wait()
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        appended = store.append([Append(topic, partition, key, value, pairs)])
        sent: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()

        def finished(future: "asyncio.Future[list[int]]") -> None:
            if sent.cancelled():
                return
            if error := future.exception():
                sent.set_exception(error)
            else:
                tp = TP(topic, partition)
                sent.set_result(RecordMetadata(topic, partition, tp, future.result()[0], None, 1))

        appended.add_done_callback(finished)
        return sent

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        """Append a record and wait until it is durable."""
        return await (await self.send(*args, **kwargs))

    async def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int,
        *,
        compacting: bool | None = None,
        **_: Any,
    ) -> None:
        """Declare a topic unless it is there."""
        del replication
        store: EmbeddedLog = self.transport.log
        if topic not in store.topics:
            store.declare(topic, partitions, compact=bool(compacting))

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Return the partition of a key."""
        return TP(topic, zlib.crc32(key or b"") % self.transport.log.topics[topic].partitions)

    def supports_headers(self) -> bool:
        """Say yes."""
        return True

    async def flush(self) -> None:
        """Wait until all that was appended is durable."""
        await self.buffer.flush()
        await self.transport.log.append(())


class Transport(base.Transport):
    """The transport, as the entry point group `faust.transports` names it."""

    Consumer, Producer = Consumer, Producer
    driver_version, default_port = "embedded=1", 0

    @property
    def log(self) -> EmbeddedLog:
        """The log: the app's own, else the directory that the URL names.

        An app of ours brings its log, because URL parsing lowers the case of a path's first part.
        """
        own = faust_private.log_of(self.app)
        if own is not None:
            return own
        url = self.url[0]
        return EmbeddedLog.at((url.host or "") + url.path, url.query.get("fsync", "interval"))
