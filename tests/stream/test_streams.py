"""What the worker sees of the streams, on the embedded log."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from engine.errors import FencedError, StreamError
from engine.owner import LogRecord, Output
from engine.stream import Hooks, SourceTopic, Streams
from engine.stream.embedded_log import Append, EmbeddedLog
from tests.stream.fakes import FakeNotifier, FakeShard, dump
from tests.stream.hosted_run import Run, run
from tests.waiting import until_async

POSTED = Output("alerts", 0, None, dump({"k": "posted"}))


async def ready(streams: Streams) -> None:
    def up() -> bool:
        return streams.status().ready and streams.notifier_epoch is not None

    await until_async(up, 20)


def number(n: int) -> bytes:
    return b"%012d" % n


def test_a_record_travels_from_source_to_notifier(tmp_path: Path) -> None:
    async def scenario(streams: Streams) -> None:
        assert not streams.status().ready
        await ready(streams)
        records = [(p, number(n)) for p in (0, 1) for n in range(1_000)]
        await streams.append_source("metrics", records)
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 2_000)
        count = {str(s): owner.sequence for s, owner in streams.shards.items()}
        await until_async(lambda: streams.notifier.last == count)
        await until_async(lambda: all(s.reaches for s in streams.shards.values()))
        status = streams.status()
        assert status.assigned == (0, 1)
        assert status.source_lag == 0
        assert (status.fresh, status.restored) == (3, 0)
        assert set(status.epochs) == {0, 1}
        await until_async(lambda: streams.status().checkpoint_age_ms >= 0)

    result = run(tmp_path, scenario)
    assert (result.code, result.ended) == (0, [])


def test_state_comes_back_and_epochs_rise(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def scenario(streams: Streams) -> None:
        await ready(streams)
        await streams.append_source(
            "metrics", [(0, number(n)) for n in range(500 * len(seen), 500 * (len(seen) + 1))]
        )
        wanted = 500 * (len(seen) + 1)
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == wanted)
        seen.append((streams.status().epochs, streams.notifier_epoch))

    for _ in range(3):
        result = run(tmp_path, scenario)
    assert seen[0][0][0] < seen[1][0][0] < seen[2][0][0]
    assert seen[0][1] < seen[1][1] < seen[2][1]
    assert all(event["fresh"] == [] for event in result.named("taken_over"))


def test_posts_are_read_back_and_fenced(tmp_path: Path) -> None:
    gone: list[str] = []

    async def scenario(streams: Streams) -> None:
        with pytest.raises(FencedError, match="another process owns the notifier"):
            await streams.append_as_notifier([POSTED])
        await ready(streams)
        (offset,) = await streams.append([POSTED])
        assert await streams.wait_applied(offset)
        assert streams.notifier.posted == 1
        epoch = streams.notifier_epoch
        assert epoch is not None
        assert await streams.still_notifier(epoch)
        assert not await streams.still_notifier(epoch - 1)
        (offset,) = await streams.append_as_notifier([POSTED])
        assert await streams.wait_applied(offset)
        log = streams._parts.log
        assert log is not None
        last = log.read(TP("t.alerts", 0), offset, 1 << 20)[0][0]
        assert last.epoch == epoch
        assert not await streams.wait_applied(offset + 1, timeout_ms=50)
        # The partition is lost: nothing is said any more.
        evaluate = streams._parts.evaluate
        assert evaluate is not None
        evaluate.drop(evaluate.live("alerts"))
        assert gone == ["gone"]
        assert streams.notifier is None
        with pytest.raises(FencedError):
            await streams.append_as_notifier([POSTED])
        assert not await streams.wait_applied(0, timeout_ms=50)
        assert not await streams.still_notifier(epoch)

    run(tmp_path, scenario, hooks=Hooks(notifier_gone=lambda: gone.append("gone")))


def test_the_notifier_is_live_when_it_has_caught_up(tmp_path: Path) -> None:
    at: list[tuple[int, int]] = []

    async def quiet(streams: Streams) -> None:
        await ready(streams)

    def live(owner: Any, epoch: int) -> None:
        at.append((owner.posted, epoch))

    run(tmp_path, quiet)
    log = EmbeddedLog(str(tmp_path / "log"))

    async def scenario(streams: Streams) -> None:
        await ready(streams)
        assert at == [(5_000, streams.notifier_epoch)]

    async def backlog() -> None:
        await log.append([Append("t.alerts", 0, None, POSTED.value) for _ in range(5_000)])

    asyncio.run(backlog())
    log.close()
    run(tmp_path, scenario, hooks=Hooks(notifier_live=live))


def test_control_is_read_from_its_start_and_tells_where_the_notifier_is(tmp_path: Path) -> None:
    records: list[tuple[str, bytes | None]] = []

    def control(key: str, record: LogRecord) -> None:
        records.append((key, record.value))

    async def first(streams: Streams) -> None:
        await ready(streams)
        await streams.publish("rules/1", b"one")
        await streams.publish("rules/2", b"two")
        await streams.publish("rules/1", None)
        await until_async(lambda: len(records) == 3)
        await until_async(lambda: streams.notifier_url() == "http://127.0.0.1:9093")

    run(tmp_path, first, hooks=Hooks(control=control))
    assert records == [("rules/1", b"one"), ("rules/2", b"two"), ("rules/1", None)]
    records.clear()

    async def again(streams: Streams) -> None:
        assert streams.status().control_read is bool(records)
        await ready(streams)
        assert ("rules/2", b"two") in records

    run(tmp_path, again, hooks=Hooks(control=control))
    assert ("rules/1", b"one") not in records


async def unreadable(path: str) -> None:
    """Overwrite every manifest."""
    log = EmbeddedLog(path)
    for tp in log.partitions:
        if tp.topic.endswith("-changelog"):
            for record in log.read(tp, 0, 1 << 30)[0]:
                if record.key and b"/m/" in record.key:
                    await log.append([Append(tp.topic, tp.partition, record.key, b"{")])
    log.close()


def test_lost_state_is_built_again_from_the_log(tmp_path: Path) -> None:
    async def first(streams: Streams) -> None:
        await ready(streams)
        await streams.append_source("metrics", [(0, number(n)) for n in range(1_000)])
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 1_000)

    run(tmp_path, first)
    asyncio.run(unreadable(str(tmp_path / "log")))

    async def again(streams: Streams) -> None:
        await ready(streams)
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 1_000)
        assert streams.status().fresh == 3
        said = {str(shard): owner.count // 100 for shard, owner in streams.shards.items()}
        await until_async(lambda: streams.notifier.last == said)
        assert all(s.holes == 0 for s in streams.shards.values())

    run(tmp_path, again)


def test_a_source_that_holds_time_back_is_skipped_by_a_record(tmp_path: Path) -> None:
    def held(shard: int) -> FakeShard:
        return FakeShard(shard, lambda: [("metrics", 1)] if shard == 1 else [])

    async def scenario(streams: Streams) -> None:
        await ready(streams)
        await until_async(lambda: streams.shards[1].skips >= 1)
        assert streams.shards[0].skips == 0

    result = run(tmp_path, scenario, make_shard=held, evaluation_timeout_ms=300)
    assert result.named("skip")[0] == {"shard": 1, "sources": [("metrics", 1)]}


def test_a_users_topic_may_have_any_name(tmp_path: Path) -> None:
    name = "orders-changelog"

    async def scenario(streams: Streams) -> None:
        await ready(streams)
        await streams.append_source(name, [(0, number(n)) for n in range(10)])
        await until_async(lambda: sum(s.count for s in streams.shards.values()) == 10)

    run(tmp_path, scenario, sources=(SourceTopic(name, 1),))


def test_an_owner_that_fails_ends_the_process(tmp_path: Path) -> None:
    class Broken(FakeNotifier):
        def apply(self, records: Any, stamp_ms: int) -> list[Output]:
            if any(b"posted" in record.value for record in records):
                raise ValueError("a bug of ours")
            return super().apply(records, stamp_ms)

    result = Run()

    async def scenario(streams: Streams) -> None:
        await ready(streams)
        await streams.append([POSTED])
        await until_async(lambda: result.ended)

    run(tmp_path, scenario, make_notifier=Broken, result=result)
    assert "a bug of ours" in result.ended[0]


def test_without_sources_time_still_moves(tmp_path: Path) -> None:
    async def scenario(streams: Streams) -> None:
        await ready(streams)
        before = min(s.marks for s in streams.shards.values())
        await until_async(lambda: min(s.marks for s in streams.shards.values()) >= before + 3)

    run(tmp_path, scenario, sources=())


def test_nothing_is_appended_before_the_log_is_there(tmp_path: Path) -> None:
    async def scenario(streams: Streams) -> None:
        await ready(streams)

    run(tmp_path, scenario)
    streams: list[Streams] = []

    async def keep(found: Streams) -> None:
        streams.append(found)

    run(tmp_path, keep)

    with pytest.raises(StreamError, match="not up yet"):
        asyncio.run(streams[0].append([POSTED]))


def test_a_second_process_on_the_same_directory_is_told(tmp_path: Path) -> None:
    held = EmbeddedLog(str(tmp_path / "log"))

    async def never(_: Streams) -> None:
        raise AssertionError("it must not start")

    try:
        with pytest.raises(StreamError, match="in use by another process"):
            run(tmp_path, never)
    finally:
        held.close()
