"""Queues of destinations: first come, first served, each on its own, and bounded in number."""

import asyncio

import pytest

from notifiers.delivery import lanes as lanes_module
from notifiers.delivery.lanes import Lanes, Refused
from notifiers.pacing import Pace
from tests.notifiers.bottle import S, Time
from tests.notifiers.world import T0

FAST, SLOW = Pace(1e6, 1_000_000), Pace(per_second=1.0, burst=1)
FOREVER = 2**62


def here() -> bool:
    """Nobody's receiver is gone."""
    return False


async def test_who_is_gone_leaves_the_queue_without_its_pace() -> None:
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    lane = lanes.of("slow", SLOW)
    assert await lanes.turn("slow", lane, FOREVER, here) is None
    is_gone = False
    tasks = [
        asyncio.create_task(lanes.turn("slow", lane, FOREVER, lambda: is_gone)) for _ in range(50)
    ]
    await time.run(T0 + S // 2)
    assert not any(task.done() for task in tasks)
    is_gone = True
    await time.run(T0 + 2 * S)
    assert {refused.text for refused in await asyncio.gather(*tasks)} == {
        "the receiver is not configured any more"
    }


async def test_a_destination_that_nobody_is_told_at_is_forgotten_its_breaker_too() -> None:
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    lane = lanes.of("down", FAST)
    for _ in range(5):
        assert await lanes.turn("down", lane, FOREVER, here) is None
        lanes.failed(lane, "webhook", "serverError", "HTTP 503")
    waiting = asyncio.create_task(lanes.turn("down", lane, T0 + 3 * S, here))
    await time.run(T0 + S)
    lanes.keep(["other"])
    assert [view.destination for view in lanes.views()] == ["down"], "somebody still waits there"
    await time.run(T0 + 3 * S)
    assert await waiting is not None
    lanes.keep(["down"])
    assert [view.breaker for view in lanes.views()] == ["open"]
    lanes.keep(["other"])
    assert lanes.views() == []


async def test_first_come_first_served() -> None:
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    order: list[tuple[int, int]] = []

    async def go(number: int) -> None:
        lane = lanes.of("slow", SLOW)
        assert await lanes.turn("slow", lane, FOREVER, here) is None
        order.append((number, (time.now_ms - T0) // S))

    tasks = [asyncio.create_task(go(number)) for number in range(4)]
    await time.run(T0 + 10 * S)
    await asyncio.gather(*tasks)
    assert order == [(0, 0), (1, 1), (2, 2), (3, 3)]


async def test_a_pause_that_is_asked_for_holds_its_destination_alone() -> None:
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    slow, other = lanes.of("slow", FAST), lanes.of("other", FAST)
    assert lanes.hold("slow", slow, 7_000) == 7_000
    waiting = asyncio.create_task(lanes.turn("slow", slow, FOREVER, here))
    assert await lanes.turn("other", other, FOREVER, here) is None
    await time.run(T0 + 6 * S)
    assert not waiting.done()
    (view,) = [view for view in lanes.views() if view.destination == "slow"]
    assert (view.queued, view.wait_ms, view.breaker) == (1, 1_000, "closed")
    await time.run(T0 + 8 * S)
    assert await waiting is None


async def test_a_deadline_ends_the_wait_for_who_is_down_and_says_why() -> None:
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    lane = lanes.of("down", FAST)
    for _ in range(5):
        assert await lanes.turn("down", lane, FOREVER, here) is None
        lanes.failed(lane, "webhook", "serverError", "HTTP 503")
    waiting = asyncio.create_task(lanes.turn("down", lane, T0 + 3 * S, here))
    await time.run(T0 + 3 * S)
    assert await waiting == Refused("serverError", "left alone after 5 failures; HTTP 503")


async def test_destinations_are_bounded_and_those_in_use_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes_module, "LANES_MAX", 3)
    time = Time()
    lanes = Lanes(time.clock, time.sleep)
    down = lanes.of("down", FAST)
    for _ in range(5):
        lanes.failed(down, "webhook", "other", "no answer")
    for number in range(10):
        lanes.of(f"n{number}", FAST)
    assert lanes.of("down", FAST) is down
    assert len(lanes.views()) <= 4
