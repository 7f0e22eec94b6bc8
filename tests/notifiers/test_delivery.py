"""Effectively once: what is sent, claimed, adopted, retried."""

import asyncio
from typing import Any

import pytest

from engine.errors import FencedError, StreamError
from notifiers import close_channels
from notifiers.notification import Drop, Retry, Sent
from tests.notifiers.bottle import Bottle, S, firing
from tests.notifiers.world import T0, alert


async def test_it_is_sent_once_and_logged() -> None:
    bottle = Bottle()
    firing(bottle)
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
    firing(bottle)
    await bottle.play(T0 + 60 * S)
    assert times == [10 * S, 17 * S, 18 * S, 20 * S]
    assert [record.outcome for record in bottle.logged] == ["sent"]
    assert [failure.reason for failure in bottle.delivery.failures] == [
        "rateLimited", "serverError", "serverError",
    ]  # fmt: skip


async def test_what_will_never_be_accepted_is_dropped_and_tried_again_at_the_interval() -> None:
    bottle = Bottle()
    bottle.channel().answers = [Drop("authError", "401"), Sent({}, T0)]
    firing(bottle)
    await bottle.play(T0 + 69 * S)
    assert [(r.outcome, r.reason) for r in bottle.logged] == [("dropped", "authError")]
    await bottle.play(T0 + 80 * S)
    assert [(r.outcome, r.n) for r in bottle.logged] == [("dropped", 1), ("sent", 2)]


async def test_after_the_deadline_it_is_given_up_and_decided_anew() -> None:
    bottle = Bottle()
    bottle.channel().answers = [Retry("serverError", None, "503")] * 1_000
    firing(bottle)
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
    firing(bottle, 1, i="a")
    await bottle.play(T0 + 20 * S)
    firing(bottle, 2, i="b")
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
    firing(bottle)
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
    firing(bottle)
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
    firing(bottle)
    await bottle.play(T0 + 20 * S)
    bottle.fence.kept.clear()
    await bottle.play(T0 + 300 * S)
    assert len(bottle.channel().sent) == 1


async def test_who_is_not_the_owner_any_more_sends_nothing() -> None:
    bottle = Bottle()
    firing(bottle)
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
        firing(bottle)
    one.time.now_ms += 10 * S
    for bottle in (one, other):
        bottle.submit()
    await one.time.run(T0 + 200 * S)
    assert len(one.channel().sent) + len(other.channel().sent) == 1
    assert [one.logged[0].outcome, other.logged[0].outcome] == ["sent", "adopted"]
    assert other.logged[0].far_id == {"id": "1"}


async def test_who_adopts_tells_at_once_what_the_other_did_not_know() -> None:
    one = Bottle()
    other = Bottle(time=one.time, fence=one.fence, owner="b")
    for bottle in (one, other):
        firing(bottle, i="a")
    firing(other, 2, i="b")
    one.time.now_ms += 10 * S
    one.submit()
    await one.time.run(one.time.now_ms)
    await other.play(T0 + 11 * S)
    assert [sorted(a.labels["i"] for a in sent.alerts) for sent in other.channel().sent] == [
        ["a", "b"]
    ]
    assert [(r.outcome, r.n) for r in other.logged] == [("adopted", 1), ("sent", 2)]


async def test_a_log_that_fails_is_asked_again_until_it_takes_the_record() -> None:
    bottle = Bottle()
    bottle.append_errors = [StreamError("no leader"), TimeoutError()]
    firing(bottle)
    await bottle.play(T0 + 30 * S)
    assert (len(bottle.channel().sent), len(bottle.logged)) == (1, 1)


async def test_connections_are_given_back() -> None:
    bottle = Bottle()
    closed: list[str] = []

    async def close() -> None:
        closed.append("closed")

    bottle.channel().close = close  # type: ignore[attr-defined]
    await close_channels(bottle.world.config)
    assert closed == ["closed"]


async def test_a_fenced_owner_stops_at_once() -> None:
    bottle = Bottle()
    bottle.append_errors = [FencedError("younger epoch")]
    firing(bottle)
    await bottle.play(T0 + 30 * S)
    assert (bottle.logged, bottle.delivery.in_flight) == ([], 0)
