"""A fetch that Faust threw away with its queues, and that nothing follows, is read again."""

from pathlib import Path

from faust.types import TP

from engine.owner import Output
from engine.stream import Streams
from tests.stream.fakes import dump
from tests.stream.hosted_run import run
from tests.waiting import until_async


def test_a_lost_fetch_at_the_end_of_an_idle_log_is_read_again(tmp_path: Path) -> None:
    async def scenario(streams: Streams) -> None:
        await until_async(lambda: streams.status().ready and streams.notifier_epoch is not None, 20)
        consumer = streams._parts.evaluate.app.consumer
        consumer.positions[TP("t.alerts", 0)] += 1  # as if it had been handed out
        (offset,) = await streams.append([Output("alerts", 0, None, dump({"k": "posted"}))])
        assert await streams.wait_applied(offset, 15_000)

    result = run(tmp_path, scenario)
    assert (result.code, result.ended) == (0, [])
    assert [event["topic"] for event in result.named("unheard")] == ["t.alerts"]
