"""A contract for every private call into Faust and aiokafka: an upgrade fails here, by name."""

import asyncio
from pathlib import Path
from typing import Any

from faust.types import TP

from engine.stream import Streams, apps, faust_private
from engine.stream.settings import StreamSettings
from tests.stream.hosted_run import run
from tests.waiting import until_async


def settings(path: Path, broker: str = "kafka://127.0.0.1:1") -> StreamSettings:
    return StreamSettings("t", broker, path, "w0", "http://127.0.0.1:9093", shards=4)


async def app_with_table(path: Path) -> tuple[Any, Any]:
    app = apps.make_app(settings(path), "t-evaluate", 4, None)
    return app, apps.state_table(app, "state", 4)


async def test_a_rocksdb_table_is_written_by_partition_and_remembers_its_offset(
    tmp_path: Path,
) -> None:
    app, table = await app_with_table(tmp_path)
    app.conf.datadir.mkdir()
    app.conf.appdir.mkdir(exist_ok=True)
    app.conf.tabledir.mkdir(exist_ok=True)
    entries = [(b"0002/a", b"1"), (b"0002/b", b"2"), (b"0002/a", None)]
    faust_private.table_put(table, 2, entries, 41)
    assert faust_private.table_entries(table, 2, b"0002/") == {b"0002/b": b"2"}
    assert faust_private.table_entries(table, 2, b"0003/") == {}
    assert faust_private.table_entries(table, 1, b"0002/") == {}
    assert table.data.persisted_offset(TP(table.changelog_topic_name, 2)) == 41
    faust_private.table_forget(table, b"0002/")
    assert faust_private.table_entries(table, 2, b"0002/") == {b"0002/b": b"2"}, "memory only"


async def test_a_changelog_is_known_by_the_apps_own_tables(tmp_path: Path) -> None:
    app, table = await app_with_table(tmp_path)
    assert table.changelog_topic_name == "t-evaluate-state-changelog"
    assert faust_private.is_changelog(app, "t-evaluate-state-changelog")
    assert not faust_private.is_changelog(app, "orders-changelog")


async def test_the_assignor_believes_what_it_is_told(tmp_path: Path) -> None:
    app, _ = await app_with_table(tmp_path)
    tps = {TP("a", 0), TP("a", 1), TP("t-evaluate-state-changelog", 0)}
    faust_private.tell_assignor(app, tps)
    assert app.assignor.assigned_actives() == tps
    assert app.assignor.assigned_standbys() == set()


async def test_nothing_is_assigned_before_the_consumer_starts(tmp_path: Path) -> None:
    app, _ = await app_with_table(tmp_path)
    assert faust_private.assignment(app) == set()
    assert not faust_private.settled(app)
    app.consumer._thread.thread_loop.close()


async def test_polls_of_a_consumer_are_bounded() -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id=None)
    before = consumer._fetch_max_wait_ms, consumer._fetch_max_bytes
    faust_private.bound_polls(consumer, 111, 222)
    assert before != (111, 222)
    assert (consumer._fetch_max_wait_ms, consumer._fetch_max_bytes) == (111, 222)
    await consumer.stop()


def test_a_running_app_answers(tmp_path: Path) -> None:
    async def scenario(streams: Streams) -> None:
        await until_async(lambda: streams.status().ready)
        evaluate, ingest = streams._parts.evaluate, streams._parts.ingest
        assert evaluate is not None
        assert ingest is not None
        app, tp = evaluate.app, TP("t.shards", 1)
        assert faust_private.assignment(app) >= {tp, TP("t.alerts", 0)}
        assert faust_private.settled(app)
        assert not faust_private.membership_lost(app)
        (queue,) = faust_private.queues_of(app, tp)
        assert queue.maxsize == apps.EMBEDDED_EVENTS_WAITING
        drained = asyncio.Event()
        faust_private.when_drained(queue, drained.set)
        await asyncio.wait_for(drained.wait(), 5)
        # Offsets: exactly what is said, backwards too.
        source = TP("metrics", 0)
        for offset in (7, 3):
            assert await faust_private.commit(ingest.app, {source: offset})
            assert await faust_private.committed(ingest.app, [source]) == {source: offset}
        assert await faust_private.committed(app, [TP("t.alerts", 0)]) == {TP("t.alerts", 0): None}
        table = app.tables["shard-state"]
        assert faust_private.recovering_partitions(app, table) == [0, 1]
        assert faust_private.recovery_progress(app) == faust_private.recovery_progress(app)
        assert faust_private.table_entries(table, 0, b"0000/") == {}
        await faust_private.seek(app, tp, 0)
        assert await app.consumer.position(tp) is not None

    run(tmp_path, scenario, checkpoint_every_ms=60_000)
