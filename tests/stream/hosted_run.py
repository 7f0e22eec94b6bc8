"""Run Streams on an embedded log in this process, with a scenario as its last service."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import mode

from engine.clock import system_clock
from engine.stream import Hooks, SourceTopic, Streams, StreamSettings
from tests.stream.fakes import FakeNotifier, FakeShard, FakeStage

Scenario = Callable[[Streams], Awaitable[None]]


class _Acting(mode.Service):
    def __init__(self, streams: Streams, scenario: Scenario) -> None:
        super().__init__()
        self.streams, self.scenario = streams, scenario
        self.failure: BaseException | None = None

    async def on_start(self) -> None:
        self.add_future(self.act())

    async def act(self) -> None:
        try:
            async with asyncio.timeout(30):
                await self.scenario(self.streams)
        except BaseException as error:  # noqa: BLE001 - carried to the test
            self.failure = error
        os.kill(os.getpid(), signal.SIGTERM)


class Run:
    """What one run left."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ended: list[str] = []
        self.code: int | None = None

    def named(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.events if event == name]


def run(
    directory: Path,
    scenario: Scenario,
    *,
    hooks: Hooks | None = None,
    make_shard: Callable[[int], Any] = FakeShard,
    make_notifier: Callable[[], Any] = FakeNotifier,
    stage: Any = None,
    result: Run | None = None,
    **settings: Any,
) -> Run:
    """Serve until the scenario is over; raise what it raised."""
    result = result or Run()
    options: dict[str, Any] = {
        "app_id": "t", "broker": f"embedded://{directory}/log", "data_dir": directory,
        "instance_id": "w0", "advertised_url": "http://127.0.0.1:9093", "shards": 2,
        "sources": (SourceTopic("metrics", 2),), "checkpoint_every_ms": 200, **settings,
    }  # fmt: skip

    def end(reason: str) -> None:
        result.ended.append(reason)

    # Streams sets a loop of its own; pytest-asyncio's must not be collected meanwhile.
    before = asyncio.get_event_loop_policy()._local._loop
    streams = Streams(
        StreamSettings(**options),
        stage=stage or FakeStage(options["shards"]),
        make_shard=make_shard,
        make_notifier=make_notifier,
        clock=system_clock,
        on_event=lambda name, fields: result.events.append((name, fields)),
        hooks=hooks,
        end_process=end,
    )
    acting = _Acting(streams, scenario)
    try:
        result.code = streams.run([acting])
    finally:
        asyncio.set_event_loop(before)
    if acting.failure is not None:
        raise acting.failure
    return result
