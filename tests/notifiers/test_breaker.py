"""A destination that fails again and again is left alone, and found again when it works."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from notifiers.breaker import FAILURES_MAX, PAUSE_MS_FIRST, PAUSE_MS_MAX, PROBE_MS, Breaker
from notifiers.notification import Drop, Notification, Retry, Sent
from tests.notifiers.bottle import Bottle, S, firing
from tests.notifiers.world import T0


def _opened(now_ms: int = 0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        assert breaker.wait_ms(now_ms) == 0
        breaker.begin(now_ms)
        breaker.failed(now_ms)
    return breaker


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(0)
    breaker.succeeded()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(0)
    assert (breaker.state, breaker.wait_ms(0)) == ("closed", 0)
    assert breaker.failed(0)
    assert (breaker.state, breaker.wait_ms(0)) == ("open", PAUSE_MS_FIRST)


def test_after_the_pause_one_probes_and_the_others_wait_for_its_verdict() -> None:
    breaker = _opened()
    assert breaker.wait_ms(PAUSE_MS_FIRST) == 0
    breaker.begin(PAUSE_MS_FIRST)
    assert breaker.state == "half-open"
    assert breaker.wait_ms(PAUSE_MS_FIRST) > 0
    breaker.succeeded()
    assert (breaker.state, breaker.wait_ms(PAUSE_MS_FIRST)) == ("closed", 0)


def test_a_probe_that_fails_doubles_the_pause_up_to_a_bound() -> None:
    breaker, now_ms, pauses = _opened(), 0, []
    for _ in range(8):
        pauses.append(breaker.wait_ms(now_ms))
        now_ms += pauses[-1]
        breaker.begin(now_ms)
        breaker.failed(now_ms)
    assert pauses[:4] == [5_000, 10_000, 20_000, 40_000]
    assert set(pauses[4:]) == {PAUSE_MS_MAX}


def test_a_probe_without_a_verdict_is_followed_by_another() -> None:
    breaker = _opened()
    breaker.begin(PAUSE_MS_FIRST)
    breaker.abandoned(PAUSE_MS_FIRST + 1)
    assert breaker.wait_ms(PAUSE_MS_FIRST + 1) == 0
    breaker.begin(PAUSE_MS_FIRST + 1)
    assert breaker.wait_ms(PAUSE_MS_FIRST + PROBE_MS) > 0
    assert breaker.wait_ms(PAUSE_MS_FIRST + 1 + PROBE_MS) == 0


def test_answers_that_are_late_do_not_lengthen_the_pause() -> None:
    breaker = _opened(0)
    assert not breaker.failed(4_000)
    assert breaker.wait_ms(4_000) == 1_000


@given(st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from("sfa")), max_size=60))
def test_it_never_shuts_for_good_and_never_lets_two_probe(steps: list[tuple[int, str]]) -> None:
    breaker, now_ms, probing = Breaker(), 0, False
    for passed_ms, verdict in steps:
        now_ms += passed_ms
        waited = 0
        while (wait_ms := breaker.wait_ms(now_ms)) > 0:
            assert not probing
            now_ms += wait_ms
            waited += wait_ms
            assert waited <= PAUSE_MS_MAX + PROBE_MS
        breaker.begin(now_ms)
        if breaker.state == "half-open":
            assert breaker.wait_ms(now_ms) > 0
        if verdict == "s":
            breaker.succeeded()
        elif verdict == "f":
            breaker.failed(now_ms)
        else:
            breaker.abandoned(now_ms)


TWO = """
route: {receiver: team, group_by: ['...'], group_wait: 10s, group_interval: 10m}
receivers:
- name: team
  webhook_configs: [{url: 'http://one'}, {url: 'http://two'}]
"""


async def _storm(bottle: Bottle, answer: Any, until_s: int) -> tuple[list[int], int]:
    """Let 40 groups be due; return when the first channel was asked, what the second got."""
    asked: list[int] = []

    async def notify(notification: Notification, now_ms: int) -> Any:
        asked.append(now_ms - T0)
        return answer(now_ms)

    bottle.channel(0).notify = notify  # type: ignore[method-assign]
    for index in range(40):
        firing(bottle, index + 1, i=str(index))
    await bottle.play(T0 + until_s * S)
    return asked, len(bottle.channel(1).sent)


async def test_who_is_down_is_asked_seldom_and_nobody_else_waits() -> None:
    asked, others = await _storm(Bottle(TWO), lambda _: Retry("serverError", None, "503"), 100)
    assert others == 40
    # 8 at once until it opens; then probes after 5, 10, 20, 40 s, not 40 groups each on its own.
    assert len(asked) < 8 + 8
    assert len([at for at in asked if at > 11 * S]) <= 5


async def test_who_works_again_gets_all_of_it() -> None:
    bottle = Bottle(TWO)

    def answer(now_ms: int) -> Any:
        if now_ms < T0 + 60 * S:
            return Retry("contextDeadlineExceeded", None, "no answer")
        return Sent({}, now_ms)

    await _storm(bottle, answer, 200)
    assert sum(r.outcome == "sent" and r.integration == "webhook/0" for r in bottle.logged) == 40
    assert [view.breaker for view in bottle.delivery.destinations()] == ["closed", "closed"]


async def test_a_refusal_is_an_answer() -> None:
    asked, _ = await _storm(Bottle(TWO), lambda _: Drop("clientError", "400"), 20)
    assert len(asked) == 40


async def test_what_is_left_alone_beyond_its_deadline_is_given_up_and_says_why() -> None:
    bottle = Bottle(TWO.replace("10m", "30s"))
    await _storm(bottle, lambda _: Retry("serverError", None, "503"), 45)
    dropped = [r for r in bottle.logged if r.outcome == "dropped"]
    assert len(dropped) >= 40
    assert {r.reason for r in dropped} == {"serverError"}
    assert any("left alone" in r.text and "503" in r.text for r in dropped)


async def test_somebody_may_say_that_it_works_again() -> None:
    bottle = Bottle(TWO)
    state = {"down": True}

    def answer(now_ms: int) -> Any:
        return Retry("serverError", None, "503") if state["down"] else Sent({}, now_ms)

    await _storm(bottle, answer, 40)
    (view,) = [v for v in bottle.delivery.destinations() if v.destination == "http://one"]
    assert (view.breaker, view.last_error) == ("open", "503")
    assert view.wait_ms > S
    state["down"] = False
    before = view.wait_ms
    bottle.delivery.retry_now()
    (view,) = [v for v in bottle.delivery.destinations() if v.destination == "http://one"]
    assert view.wait_ms == 0
    assert before > 3 * S
    await bottle.play(T0 + 43 * S)
    assert any(r.outcome == "sent" and r.integration == "webhook/0" for r in bottle.logged)
