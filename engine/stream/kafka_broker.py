"""The port on Kafka, by clients without a group: one producer, one prober, one admin.

The group's own consumer is not asked for ends of partitions: its questions wait behind long polls.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from engine.errors import StreamError
from engine.owner import LogRecord
from engine.stream import kafka_topics
from engine.stream.broker import Acknowledged
from engine.stream.embedded_log import Append
from engine.stream.settings import SourceTopic, StreamSettings
from engine.stream.topics import MESSAGE_BYTES_MAX, Topic

ANSWER_TIMEOUT_S = 10.0
SEND_TIMEOUT_MS = 30_000
LEADING_TIMEOUT_S = 60.0
BATCH_BYTES_MAX = 1 << 20
FOLLOW_POLL_MS = 500


def servers(broker: str) -> list[str]:
    """Return host:port of each `kafka://host:port`."""
    return [url.removeprefix("kafka://").rstrip("/") for url in broker.split(";") if url]


class KafkaBroker:
    """Appends, asks and follows."""

    atomic = False

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._servers = servers(settings.broker)
        self._producer: Any = None
        self._probe: Any = None
        self._followers: list[Any] = []
        self._partitions: dict[str, int] = {}

    async def start(self, topics: Sequence[Topic], sources: Sequence[SourceTopic]) -> None:
        """Connect, create and check topics. Raises StreamError."""
        try:
            self._partitions = await kafka_topics.ensure(
                self._servers, topics, sources, self._settings.replication_factor
            )
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                client_id=f"{self._settings.app_id}-{self._settings.instance_id}",
                acks="all",
                enable_idempotence=True,  # a retry after a lost answer must not double a request
                linger_ms=0,
                max_batch_size=BATCH_BYTES_MAX,
                max_request_size=MESSAGE_BYTES_MAX,
                request_timeout_ms=SEND_TIMEOUT_MS,
            )
            await self._producer.start()
            self._probe = self._client()
            await self._probe.start()
            # Metadata names a leader before that broker takes its first record.
            own = [TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]
            async with asyncio.timeout(LEADING_TIMEOUT_S):
                await self._probe.end_offsets(own)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise StreamError(
                f"no Kafka at {', '.join(self._servers)}: {error!r}; is `broker:` right, and does"
                " it advertise an address that can be reached from here?"
            ) from error

    def _client(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FOLLOW_POLL_MS,
        )

    async def stop(self) -> None:
        """Close the clients."""
        clients = [*self._followers, self._probe, self._producer]
        self._followers, self._probe, self._producer = [], None, None
        for client in clients:
            if client is not None:
                try:
                    async with asyncio.timeout(ANSWER_TIMEOUT_S):
                        await client.stop()
                except (KafkaError, OSError, TimeoutError):
                    continue  # it is gone anyway

    async def append(
        self,
        records: Sequence[Append],
        commits: Mapping[TP, int] | None = None,
        group: str = "",
    ) -> Acknowledged:
        """Give records to the producer, in order; never waits for any reader."""
        assert not commits, f"no offsets of {group} with records on Kafka"
        if self._producer is None:
            raise StreamError("the connection to Kafka is closed")
        try:
            sent = [
                await self._producer.send(
                    r.topic, value=r.value, key=r.key, partition=r.partition,
                    headers=list(r.headers),
                )
                for r in records
            ]  # fmt: skip
        except KafkaError as error:
            raise StreamError(f"Kafka took no record: {error!r}") from error
        return asyncio.ensure_future(_offsets(sent))

    async def ends(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Ask for the offsets after the last records."""
        return await self._ask("end_offsets", partitions)

    async def starts(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Ask for the first offsets that are kept."""
        return await self._ask("beginning_offsets", partitions)

    async def _ask(self, question: str, partitions: Iterable[TP]) -> dict[TP, int]:
        wanted = [TopicPartition(*tp) for tp in partitions]
        if self._probe is None:
            raise StreamError("the connection to Kafka is closed")
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                found = await getattr(self._probe, question)(wanted)
        except (KafkaError, TimeoutError) as error:
            raise StreamError(f"Kafka does not answer {question}: {error!r}") from error
        return {TP(*tp): offset for tp, offset in found.items()}

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic that `start` has seen."""
        return self._partitions[topic]

    async def follow(
        self, tp: TP, each: Callable[[LogRecord], None], caught_up: Callable[[], None]
    ) -> None:
        """Read a partition from its start, for ever."""
        consumer = self._client()
        self._followers.append(consumer)
        await consumer.start()
        own = TopicPartition(*tp)
        consumer.assign([own])
        end = (await self.ends([tp]))[tp]
        await consumer.seek_to_beginning(own)
        told = False
        while consumer in self._followers:
            if not told and await consumer.position(own) >= end:
                told = True
                caught_up()
            found = await consumer.getmany(timeout_ms=FOLLOW_POLL_MS)
            for records in found.values():
                for r in records:
                    each(LogRecord(r.offset, r.timestamp, r.key, r.value, r.headers))


async def _offsets(sent: Sequence["asyncio.Future[Any]"]) -> list[int]:
    try:
        return [(await future).offset for future in sent]
    except KafkaError as error:
        for future in sent:
            if future.done() and not future.cancelled():
                future.exception()  # seen: one failure speaks for all
        raise StreamError(f"Kafka lost a record: {error!r}") from error
