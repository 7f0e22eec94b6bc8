"""The Kafka transport on a real broker: whole fetches, natural holes, the group's offsets."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP

from engine.owner import Output
from engine.sources import Fetch
from engine.stream import SourceTopic, Streams, faust_private
from tests.acceptance import services
from tests.stream.fakes import FakeStage
from tests.stream.hosted_run import Run, run
from tests.waiting import until_async

pytestmark = pytest.mark.real("kafka")


class Noting(FakeStage):
    """Notes the fetches it was given."""

    def __init__(self, shards: int) -> None:
        super().__init__(shards)
        self.fetches: list[Fetch] = []

    def take(self, topic: str, partition: int, fetch: Fetch, stamp_ms: int) -> list[Output]:
        self.fetches.append(fetch)
        return super().take(topic, partition, fetch, stamp_ms)


def on_kafka(kafka: services.Kafka, directory: Path, scenario: Any, **settings: Any) -> Run:
    return run(directory, scenario, broker=kafka.url, session_timeout_ms=6_000, **settings)


async def transactions(bootstrap: str, topic: str, count: int) -> None:
    """Write one number a transaction: each leaves a marker, a hole in the offsets."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"x{random.randrange(10**9)}"
    )
    async with producer:
        for n in range(count):
            async with producer.transaction():
                await producer.send(topic, b"%012d" % n, partition=0)


def test_natural_holes_are_no_holes(kafka: services.Kafka, tmp_path: Path) -> None:
    app = f"h{random.randrange(10**9)}"
    kafka.create_topic(f"{app}-changelog", 1)
    asyncio.run(transactions(kafka.bootstrap, f"{app}-changelog", 20))
    stage = Noting(2)

    async def scenario(streams: Streams) -> None:
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 20, 30)
        assert {o for f in stage.fetches for o in f.offsets} == set(range(0, 40, 2))
        assert all(s.holes == 0 for s in streams.shards.values())
        # Idle, its end a marker: it is proved to be at its end all the same.
        await until_async(lambda: all(s.reaches for s in streams.shards.values()), 10)

    result = on_kafka(
        kafka, tmp_path, scenario, app_id=app, stage=stage,
        sources=(SourceTopic(f"{app}-changelog"),),
    )  # fmt: skip
    assert result.named("hole") == []
    assert result.named("records_gone") == []
    assert result.ended == []


def test_fetches_are_whole_and_the_group_knows_where_it_is(
    kafka: services.Kafka, tmp_path: Path
) -> None:
    app = f"f{random.randrange(10**9)}"
    kafka.create_topic(f"{app}-in", 2)
    stage = Noting(2)
    source = TP(f"{app}-in", 0)

    async def first(streams: Streams) -> None:
        await until_async(lambda: streams.status().ready, 30)
        await streams.append_source(source.topic, [(0, b"%012d" % n) for n in range(20_000)])
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 20_000, 30)
        assert len(stage.fetches) < 200, "a fetch is one event"
        ingest = streams._parts.ingest
        assert ingest is not None
        await until_async(lambda: _at(ingest.app, source, 20_000), 10)
        assert not faust_private.membership_lost(ingest.app)
        assert streams.notifier_epoch is not None
        assert await streams.still_notifier(streams.notifier_epoch)

    async def second(streams: Streams) -> None:
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 20_000, 30)
        assert streams.status().restored == 3
        assert len(stage.fetches) == before, "nothing was read again"

    sources = (SourceTopic(source.topic),)
    on_kafka(kafka, tmp_path, first, app_id=app, stage=stage, sources=sources)
    before = len(stage.fetches)
    on_kafka(kafka, tmp_path, second, app_id=app, stage=stage, sources=sources)


async def _at(app: Any, tp: TP, offset: int) -> bool:
    return await faust_private.committed(app, [tp]) == {tp: offset}
