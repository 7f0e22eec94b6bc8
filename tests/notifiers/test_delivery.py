"""Effectively once: what is sent, claimed, adopted, retried, and what a crash leaves behind."""

import asyncio
import heapq
from collections.abc import Sequence
from typing import Any

import pytest

from engine import faults
from engine.alerts import Notified, decode
from engine.errors import FencedError, StreamError
from engine.owner import LogRecord, Output
from notifiers import Delivery, Flush, Told
from notifiers.notification import Drop, Retry, Sent
from tests.notifiers.fences import MemoryFence
from tests.notifiers.world import SIMPLE, T0, Recorder, World, alert, config

S = 1_000


class Died(BaseException):
    """The process ends here."""


class Time:
    """A clock that jumps to the next sleeper when nobody is busy."""

    def __init__(self) -> None:
        self.now_ms = T0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def clock(self) -> int:
        return self.now_ms

    async def sleep(self, duration_ms: int) -> None:
        future = asyncio.get_running_loop().create_future()
        order = len(self._sleepers)
        heapq.heappush(self._sleepers, (self.now_ms + duration_ms, order, future))
        await future

    async def run(self, until_ms: int) -> None:
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until_ms:
            due_ms, _, future = heapq.heappop(self._sleepers)
            self.now_ms = max(due_ms, self.now_ms)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self.now_ms = max(until_ms, self.now_ms)

    async def _settle(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)


class Bottle:
    """A notifier, its delivery and a fence, under one virtual clock."""

    def __init__(
        self, text: str = SIMPLE, *, time: Time | None = None, owner: str = "a",
        fence: MemoryFence | None = None, world: World | None = None,
    ) -> None:  # fmt: skip
        self.time = time or Time()
        self.world = world or World(config(text))
        self.fence = fence or MemoryFence(self.time.clock)
        self.live = True
        self.append_errors: list[Exception] = []
        self.logged: list[Notified] = []
        self.delivery = Delivery(
            lambda: self.world.notifier.config, self.fence, owner=owner,
            still_owner=self._still_owner, append=self._append, clock=self.time.clock,
            sleep=self.time.sleep,
        )  # fmt: skip

    async def _still_owner(self) -> bool:
        return self.live

    async def _append(self, outputs: Sequence[Output]) -> list[int]:
        if self.append_errors:
            raise self.append_errors.pop(0)
        self.world.now_ms = self.time.now_ms
        for output in outputs:
            entry = decode(output.value)
            assert isinstance(entry, Notified)
            self.logged.append(entry)
            self.world.append(entry)
        return [len(self.world.log) - 1]

    def due(self) -> list[Flush]:
        self.world.now_ms = self.time.now_ms
        return self.world.notifier.due(self.time.now_ms)

    def submit(self) -> list[Flush]:
        flushes = self.due()
        for flush in flushes:
            self.delivery.submit(flush)
        return flushes

    async def play(self, until_ms: int) -> None:
        """Be the worker's loop until then."""
        while True:
            self.submit()
            await self.time.run(self.time.now_ms)
            due_ms = self.world.notifier.next_due_ms()
            wake_ms = (
                until_ms if due_ms is None else min(max(due_ms, self.time.now_ms + 1), until_ms)
            )
            await self.time.run(wake_ms)
            if wake_ms >= until_ms and (due_ms is None or due_ms > until_ms):
                break

    def channel(self, index: int = 0, receiver: str = "team") -> Recorder:
        made = self.world.config.receivers[receiver].integrations[index].channel
        assert isinstance(made, Recorder)
        return made


def _firing(bottle: Bottle, sequence: int = 1, **labels: str) -> None:
    bottle.world.now_ms = bottle.time.now_ms
    bottle.world.append(alert("firing", sequence, bottle.time.now_ms, labels=labels))


async def test_it_is_sent_once_and_logged() -> None:
    bottle = Bottle()
    _firing(bottle)
    await bottle.play(T0 + 300 * S)
    (sent,) = bottle.channel().sent
    assert (sent.redis_degraded, sent.possibly_repeated) == (False, False)
    (record,) = bottle.logged
    assert (record.outcome, record.n, record.far_id) == ("sent", 1, {"id": "1"})
    assert record.firing == [sent.alerts[0].fingerprint]
    assert record.sent_ms == T0 + 10 * S


async def test_a_retry_waits_as_long_as_it_is_told_and_sends_again() -> None:
    bottle = Bottle()
    bottle.channel().answers = [
        Retry("rateLimited", 7 * S, "429"), Retry("serverError", None, "503"),
        Retry("serverError", None, "503"), Sent({}, T0 + 99 * S),
    ]  # fmt: skip
    times: list[int] = []
    notify = bottle.channel().notify

    async def timed(notification: Any, now_ms: int) -> Any:
        times.append(now_ms - T0)
        return await notify(notification, now_ms)

    bottle.channel().notify = timed  # type: ignore[method-assign]
    _firing(bottle)
    await bottle.play(T0 + 60 * S)
    assert times == [10 * S, 17 * S, 18 * S, 20 * S]
    assert [record.outcome for record in bottle.logged] == ["sent"]
    assert [failure.reason for failure in bottle.delivery.failures] == [
        "rateLimited", "serverError", "serverError",
    ]  # fmt: skip


async def test_what_will_never_be_accepted_is_dropped_and_tried_again_at_the_interval() -> None:
    bottle = Bottle()
    bottle.channel().answers = [Drop("authError", "401"), Sent({}, T0)]
    _firing(bottle)
    await bottle.play(T0 + 69 * S)
    assert [(r.outcome, r.reason) for r in bottle.logged] == [("dropped", "authError")]
    await bottle.play(T0 + 80 * S)
    assert [(r.outcome, r.n) for r in bottle.logged] == [("dropped", 1), ("sent", 2)]


async def test_after_the_deadline_it_is_given_up_and_decided_anew() -> None:
    bottle = Bottle()
    bottle.channel().answers = [Retry("serverError", None, "503")] * 1_000
    _firing(bottle)
    await bottle.play(T0 + 65 * S)
    (record,) = bottle.logged
    assert (record.outcome, record.reason) == ("dropped", "serverError")
    bottle.channel().answers = []
    await bottle.play(T0 + 200 * S)
    assert [(r.outcome, r.n) for r in bottle.logged] == [("dropped", 1), ("sent", 2)]


TWO = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s}
receivers:
- name: team
  webhook_configs: [{url: 'http://quick'}, {url: 'http://slow'}]
"""


async def test_a_slow_receiver_delays_no_other() -> None:
    bottle = Bottle(TWO)

    async def hang(notification: Any, now_ms: int) -> Any:
        await asyncio.Event().wait()

    bottle.channel(1).notify = hang  # type: ignore[method-assign]
    _firing(bottle, 1, i="a")
    await bottle.play(T0 + 20 * S)
    _firing(bottle, 2, i="b")
    await bottle.play(T0 + 80 * S)
    assert [len(sent.alerts) for sent in bottle.channel(0).sent] == [1, 2]
    assert bottle.delivery.in_flight == 1
    await bottle.delivery.stop()
    assert bottle.delivery.in_flight == 0


SECRET = "https://hooks.example.org/" + "hunter" * 2


async def test_a_channel_that_breaks_is_a_failure_like_others() -> None:
    bottle = Bottle()

    async def broken(notification: Any, now_ms: int) -> Any:
        raise ValueError(SECRET)

    bottle.channel().notify = broken  # type: ignore[method-assign]
    _firing(bottle)
    await bottle.play(T0 + 71 * S)
    assert {failure.reason for failure in bottle.delivery.failures} == {"other"}
    assert not any("hunter" in failure.text for failure in bottle.delivery.failures)


async def test_no_secret_of_a_broken_channel_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await test_a_channel_that_breaks_is_a_failure_like_others()
    assert caplog.records
    assert "hunter" not in caplog.text


async def test_without_the_fence_everybody_is_told_and_it_is_said() -> None:
    bottle = Bottle()
    bottle.fence.down = True
    _firing(bottle)
    await bottle.play(T0 + 20 * S)
    (sent,) = bottle.channel().sent
    assert sent.redis_degraded
    bottle.fence.down = False
    bottle.world.now_ms = bottle.time.now_ms
    bottle.world.append(alert("resolved", 2, bottle.time.now_ms, starts_at_ms=T0))
    await bottle.play(T0 + 80 * S)
    assert [s.redis_degraded for s in bottle.channel().sent] == [True, False]
    assert [r.outcome for r in bottle.logged] == ["sent", "sent"]


async def test_an_emptied_fence_changes_nothing() -> None:
    bottle = Bottle()
    _firing(bottle)
    await bottle.play(T0 + 20 * S)
    bottle.fence.kept.clear()
    await bottle.play(T0 + 300 * S)
    assert len(bottle.channel().sent) == 1


async def test_who_is_not_the_owner_any_more_sends_nothing() -> None:
    bottle = Bottle()
    _firing(bottle)
    bottle.live = False
    bottle.time.now_ms += 10 * S
    (flush,) = bottle.submit()
    await bottle.time.run(T0 + 20 * S)
    assert (bottle.channel().sent, bottle.logged) == ([], [])
    (claim,) = await bottle.fence.peek([flush.notification.key])
    assert claim.state == "free", "the claim is given up for the successor"


async def test_of_two_owners_only_one_sends() -> None:
    one = Bottle()
    other = Bottle(time=one.time, fence=one.fence, owner="b")
    for bottle in (one, other):
        _firing(bottle)
    one.time.now_ms += 10 * S
    for bottle in (one, other):
        bottle.submit()
    await one.time.run(T0 + 200 * S)
    assert len(one.channel().sent) + len(other.channel().sent) == 1
    assert [one.logged[0].outcome, other.logged[0].outcome] == ["sent", "adopted"]
    assert other.logged[0].far_id == {"id": "1"}


async def test_a_log_that_fails_is_asked_again_until_it_takes_the_record() -> None:
    bottle = Bottle()
    bottle.append_errors = [StreamError("no leader"), TimeoutError()]
    _firing(bottle)
    await bottle.play(T0 + 30 * S)
    assert (len(bottle.channel().sent), len(bottle.logged)) == (1, 1)


async def test_a_fenced_owner_stops_at_once() -> None:
    bottle = Bottle()
    bottle.append_errors = [FencedError("younger epoch")]
    _firing(bottle)
    await bottle.play(T0 + 30 * S)
    assert (bottle.logged, bottle.delivery.in_flight) == ([], 0)


# Crashes


POINTS = {
    "notify.after_claim": 0,
    "notify.between_send_and_answer": 1,
    "notify.after_answer": 1,
    "notify.after_confirm": 1,
}


async def _die_at(
    monkeypatch: pytest.MonkeyPatch, bottle: Bottle, point: str
) -> tuple[Any, list[LogRecord]]:
    """Deliver the one flush that is due and die on the way; return what a successor finds."""

    def end() -> None:
        raise Died(point)

    before = bottle.world.notifier.snapshot({})
    bottle.time.now_ms += 10 * S
    (flush,) = bottle.due()
    monkeypatch.setattr(faults, "point", faults.arm({point: 1}, end))
    with pytest.raises(Died):
        await bottle.delivery.deliver(flush)
    monkeypatch.undo()
    after = bottle.world.notifier.snapshot({})
    return (before, after), bottle.world.log


def _successor(bottle: Bottle, snapshot: Any) -> Bottle:
    world = World(bottle.world.config, now_ms=bottle.time.now_ms)
    world.notifier.restore(snapshot)
    world.log = list(bottle.world.log)
    world.notifier.apply(world.log[snapshot.next_offset :], 0)
    return Bottle(time=bottle.time, fence=bottle.fence, world=world, owner="b")


async def _take_over(bottle: Bottle) -> None:
    await bottle.delivery.recover(bottle.world.notifier.open_fences(bottle.time.now_ms))
    await bottle.play(bottle.time.now_ms + 200 * S)


@pytest.mark.parametrize("has_key", [False, True])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_nothing_is_lost_and_a_repeat_is_said(
    monkeypatch: pytest.MonkeyPatch, point: str, which: int, has_key: bool
) -> None:
    bottle = Bottle()
    bottle.channel().has_key = has_key
    _firing(bottle)
    snapshots, _ = await _die_at(monkeypatch, bottle, point)
    successor = _successor(bottle, snapshots[which])
    await _take_over(successor)
    sent = bottle.channel().sent
    confirmed = point == "notify.after_confirm"
    assert len(sent) == POINTS[point] + (0 if confirmed else 1)
    assert len({notification.key for notification in sent}) == 1
    assert [record.outcome for record in successor.logged] == ["adopted" if confirmed else "sent"]
    if not confirmed:
        assert sent[-1].possibly_repeated is not has_key
        assert successor.logged[0].possibly_repeated is not has_key


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("point", POINTS)
async def test_an_end_during_the_crash_is_told_to_whoever_may_know_of_the_alert(
    monkeypatch: pytest.MonkeyPatch, point: str, which: int
) -> None:
    bottle = Bottle()
    _firing(bottle)
    snapshots, _ = await _die_at(monkeypatch, bottle, point)
    successor = _successor(bottle, snapshots[which])
    successor.world.append(alert("resolved", 2, bottle.time.now_ms, starts_at_ms=T0))
    await _take_over(successor)
    last = bottle.channel().sent[-1]
    assert (last.status, last.reason, last.n) == ("resolved", "all alerts resolved", 2)
    assert len(bottle.channel().sent) == POINTS[point] + 1
    assert successor.world.notifier.next_due_ms() is None


async def test_what_was_sent_counts_although_more_is_known_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bottle = Bottle()
    _firing(bottle, i="a")
    snapshots, _ = await _die_at(monkeypatch, bottle, "notify.after_confirm")
    successor = _successor(bottle, snapshots[0])
    _firing(successor, 2, i="b")
    await _take_over(successor)
    assert [sorted(a.labels["i"] for a in sent.alerts) for sent in bottle.channel().sent] == [
        ["a"], ["a", "b"],
    ]  # fmt: skip
    assert bottle.channel().sent[1].reason == "new alerts added"
    assert bottle.channel().sent[1].previous == {"id": "1"}


async def test_a_fence_of_an_earlier_life_of_the_group_is_not_taken_for_ours() -> None:
    bottle = Bottle()
    _firing(bottle)
    await bottle.play(T0 + 20 * S)
    # All state and the log are lost; only the fence remembers n=1.
    again = Bottle(time=bottle.time, fence=bottle.fence, owner="b")
    _firing(again)
    await _take_over(again)
    assert [len(b.channel().sent) for b in (bottle, again)] == [1, 1]


async def test_recovery_reads_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bottle = Bottle()
    _firing(bottle)
    fences = bottle.world.notifier.open_fences(bottle.time.now_ms)
    assert await bottle.delivery.recover(fences) is None
    assert bottle.fence.kept == {}
    await bottle.fence.confirm(fences[0].fence_key, "z", Told("h", ["f"], [], T0), {}, S)
    assert await bottle.delivery.recover(fences) == len(bottle.world.log) - 1
