"""The fleet as a producer, and the watcher that ends `--once`, against a made-up worker."""

import asyncio
import json
import socket
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.clock import system_clock
from engine.demo.runner import DemoError, Options, Producer, Watcher, check_port
from engine.demo.verdict import Receipt
from engine.demo.view import View
from engine.worker import ScreenSnapshot
from tests.waiting import until_async

OPTIONS = Options(once=True, plain=True, directory=Path("unused"), port=9093, seed=1)
EMPTY = ScreenSnapshot(True, 0, 0, 0, 0, 16, (), (), 0)


class MadeUpHost:
    """A worker that takes everything."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        self.ended: list[int] = []

    async def broker_append(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        assert values
        self.taken[topic, partition].extend(values)

    def snapshot_for_screen(self) -> ScreenSnapshot:
        return EMPTY

    def stop(self, exit_code: int = 0) -> None:
        self.ended.append(exit_code)


class MadeUpShow:
    def __init__(self) -> None:
        self.views: list[View] = []

    def start(self, view: View) -> None: ...

    def update(self, view: View) -> None:
        self.views.append(view)

    def stop(self) -> None: ...


async def test_records_go_to_all_partitions_of_both_topics():
    host, producer = MadeUpHost(), Producer(1, system_clock)
    assert producer.going_on() == ()
    task = asyncio.create_task(producer(host))
    topics = [("metrics", 0), ("metrics", 1), ("metrics", 2), ("metrics", 3)]
    topics += [("logs", 0), ("logs", 1), ("logs", 2)]
    await until_async(lambda: all(len(host.taken[topic]) > 5 for topic in topics))
    task.cancel()
    assert set(host.taken) == set(topics)
    sizes = [len(host.taken["metrics", partition]) for partition in range(4)]
    assert max(sizes) < 1.3 * min(sizes)
    assert {"name", "value"} <= set(json.loads(host.taken["metrics", 2][0]))
    assert "message" in json.loads(host.taken["logs", 1][0])


async def test_once_ends_when_all_four_were_received_and_not_before():
    host, shown = MadeUpHost(), MadeUpShow()
    receipts: list[Receipt] = []
    watcher = Watcher(OPTIONS, shown, Producer(1, system_clock), lambda: receipts, system_clock)
    assert watcher.starting().snapshot is None
    task = asyncio.create_task(watcher(host))
    await until_async(lambda: len(shown.views) > 1)
    assert len(shown.views[-1].waiting_for) == 4
    assert shown.views[-1].going_on == ()
    for channel in ("slack", "email"):
        for status in ("firing", "resolved"):
            assert host.ended == []
            receipts.append(Receipt(channel, "A", status))  # type: ignore[arg-type]
    await asyncio.wait_for(task, 5)
    assert host.ended == [0]
    assert watcher.missing == ()
    assert shown.views[-1].ending


def test_a_taken_port_is_one_sentence_with_the_remedy():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(DemoError, match=r"^Port \d+ .*--port \d+`\.$"):
            check_port(other.getsockname()[1])
