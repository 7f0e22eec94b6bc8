"""What a crash between any two steps of a delivery leaves behind, and what its successor does."""

from typing import Any

import pytest

from engine import faults
from engine.owner import LogRecord
from notifiers import Told
from tests.notifiers.bottle import Bottle, Died, S, firing
from tests.notifiers.world import T0, World, alert

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
    await bottle.delivery.recover(lambda: bottle.world.notifier.open_fences(bottle.time.now_ms))
    await bottle.play(bottle.time.now_ms + 200 * S)


@pytest.mark.parametrize("has_key", [False, True])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_nothing_is_lost_and_a_repeat_is_said(
    monkeypatch: pytest.MonkeyPatch, point: str, which: int, has_key: bool
) -> None:
    bottle = Bottle()
    bottle.channel().has_key = has_key
    firing(bottle)
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
    firing(bottle)
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
    firing(bottle, i="a")
    snapshots, _ = await _die_at(monkeypatch, bottle, "notify.after_confirm")
    successor = _successor(bottle, snapshots[0])
    firing(successor, 2, i="b")
    await _take_over(successor)
    assert [sorted(a.labels["i"] for a in sent.alerts) for sent in bottle.channel().sent] == [
        ["a"], ["a", "b"],
    ]  # fmt: skip
    assert bottle.channel().sent[1].reason == "new alerts added"
    assert bottle.channel().sent[1].previous == {"id": "1"}


async def test_a_fence_of_an_earlier_life_of_the_group_is_not_taken_for_ours() -> None:
    bottle = Bottle()
    firing(bottle)
    await bottle.play(T0 + 20 * S)
    # All state and the log are lost; only the fence remembers n=1.
    again = Bottle(time=bottle.time, fence=bottle.fence, owner="b")
    firing(again)
    await _take_over(again)
    assert [len(b.channel().sent) for b in (bottle, again)] == [1, 1]


async def test_an_end_that_comes_while_the_fence_is_asked_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bottle = Bottle()
    firing(bottle)
    snapshots, _ = await _die_at(monkeypatch, bottle, "notify.between_send_and_answer")
    successor = _successor(bottle, snapshots[0])
    peek = successor.fence.peek

    async def slow_peek(keys: Any) -> Any:
        claims = await peek(keys)
        successor.world.now_ms = successor.time.now_ms
        successor.world.append(alert("resolved", 2, successor.time.now_ms, labels={}))
        monkeypatch.setattr(successor.fence, "peek", peek)
        return claims

    monkeypatch.setattr(successor.fence, "peek", slow_peek)
    await _take_over(successor)
    assert [sent.status for sent in bottle.channel().sent] == ["firing", "resolved"]


async def test_recovery_reads_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bottle = Bottle()
    firing(bottle)
    fences = bottle.world.notifier.open_fences(bottle.time.now_ms)
    assert await bottle.delivery.recover(lambda: fences) is None
    assert bottle.fence.kept == {}
    await bottle.fence.confirm(fences[0].fence_key, "z", Told("h", ["f"], [], T0), {}, S)
    assert await bottle.delivery.recover(lambda: fences) == len(bottle.world.log) - 1


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_with_what_was_replaced_while_it_waited(
    monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The fence knows what was really sent under the number, not what was decided first."""
    bottle = Bottle()
    firing(bottle, i="a")
    bottle.time.now_ms += 10 * S
    (flush,) = bottle.due()
    firing(bottle, 2, i="b")
    bottle.time.now_ms += 60 * S
    assert bottle.due() == [], "one is on its way: its successor waits"
    before = bottle.world.notifier.snapshot({})

    def end() -> None:
        raise Died(point)

    monkeypatch.setattr(faults, "point", faults.arm({point: 1}, end))
    with pytest.raises(Died):
        await bottle.delivery.deliver(flush)
    monkeypatch.undo()
    (claim,) = await bottle.fence.peek([flush.notification.key])
    assert len(claim.told.firing) == 2
    successor = _successor(bottle, before)
    for sequence, name in ((3, "a"), (4, "b")):
        successor.world.append(
            alert("resolved", sequence, bottle.time.now_ms, labels={"i": name}, starts_at_ms=T0)
        )
    await _take_over(successor)
    told = [sorted(a.labels["i"] for a in sent.alerts) for sent in bottle.channel().sent]
    # Whoever may have heard of both hears the end of both.
    assert told[-1] == ["a", "b"]
    assert bottle.channel().sent[-1].status == "resolved"
    assert len(told) == POINTS[point] + 1
