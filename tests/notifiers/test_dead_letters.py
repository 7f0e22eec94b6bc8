"""What was given up is kept, shown, and sent again when somebody asks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import faults
from engine.alerts import Notified, RetryDelivery, SilenceMatcher, SilenceRecord
from notifiers.dead_letters import KEEP_MS, DeadLetters
from notifiers.notification import Drop
from tests.notifiers.bottle import Bottle, Died, S, firing
from tests.notifiers.world import T0, World, alert

LONG = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1h,
        repeat_interval: 12h}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""


async def _given_up(text: str = LONG) -> Bottle:
    bottle = Bottle(text)
    bottle.channel().answers = [Drop("authError", "HTTP 401: no such token")]
    firing(bottle, 1, i="a")
    await bottle.play(T0 + 20 * S)
    return bottle


def _retry(bottle: Bottle, **more: Any) -> None:
    (view,) = bottle.world.notifier.dead_letters()
    bottle.world.append(
        RetryDelivery(tenant="default", letter_id=view.letter.id, at_ms=bottle.time.now_ms, **more)
    )


async def test_what_is_given_up_is_listed_with_its_reason() -> None:
    bottle = await _given_up()
    (view,) = bottle.world.notifier.dead_letters()
    letter = view.letter
    assert (letter.receiver, letter.integration, letter.times, letter.n) == (
        "team",
        "webhook/0",
        1,
        1,
    )
    assert (letter.reason, letter.text) == ("authError", "HTTP 401: no such token")
    assert (letter.firing, letter.resolved) == (1, 0)
    assert (view.state, view.next_ms) == ("waiting", T0 + 10 * S + 3_600 * S)
    assert bottle.world.notifier.dead_letters("other tenant") == []


async def test_it_is_sent_again_at_once_as_the_group_is_by_now() -> None:
    bottle = await _given_up()
    firing(bottle, 2, i="b")
    _retry(bottle, by="ann")
    await bottle.play(T0 + 30 * S)
    first, again = bottle.channel().sent
    assert [len(each.alerts) for each in (first, again)] == [1, 2]
    assert (again.n, again.reason) == (2, "first notification")
    assert bottle.world.notifier.dead_letters() == [], "somebody was told"


async def test_what_is_over_is_not_sent_and_the_letter_goes_when_somebody_has_learnt_it() -> None:
    bottle = await _given_up()
    bottle.world.append(alert("resolved", 2, T0 + 20 * S, labels={"i": "a"}, starts_at_ms=T0))
    name = bottle.world.notifier.dead_letters()[0].letter.id
    assert bottle.world.notifier.outlook(name, bottle.time.now_ms) == "over"
    _retry(bottle)
    await bottle.play(T0 + 60 * S)
    assert len(bottle.channel().sent) == 1, "nobody knows of it, so nobody is told its end"
    assert len(bottle.world.notifier.dead_letters()) == 1, "that nobody was told is worth knowing"
    _retry(bottle, over=True)
    assert bottle.world.notifier.dead_letters() == []
    assert bottle.world.notifier.outlook(name, bottle.time.now_ms) is None


async def test_a_silence_is_respected() -> None:
    bottle = await _given_up()
    bottle.world.append(SilenceRecord(
        tenant="default", id="s", matchers=[SilenceMatcher("i", "a")], starts_at_ms=T0,
        ends_at_ms=T0 + 9_000 * S, created_by="", comment="", updated_at_ms=T0,
    ))  # fmt: skip
    name = bottle.world.notifier.dead_letters()[0].letter.id
    assert bottle.world.notifier.outlook(name, bottle.time.now_ms) == "over"
    _retry(bottle)
    await bottle.play(T0 + 60 * S)
    assert len(bottle.channel().sent) == 1


async def test_a_group_that_is_given_up_again_is_the_same_trouble() -> None:
    bottle = Bottle(LONG.replace("1h", "60s"))
    bottle.channel().answers = [Drop("clientError", f"no {n}") for n in range(3)]
    firing(bottle, 1, i="a")
    await bottle.play(T0 + 140 * S)
    (view,) = bottle.world.notifier.dead_letters()
    assert (view.letter.times, view.letter.n, view.letter.text) == (3, 3, "no 2")
    assert (view.letter.first_ms, view.letter.last_ms) == (T0 + 10 * S, T0 + 130 * S)
    await bottle.play(T0 + 200 * S)
    assert bottle.world.notifier.dead_letters() == []


async def test_letters_survive_a_restart_and_a_takeover() -> None:
    bottle = await _given_up()
    notifier = bottle.world.notifier
    snapshot = notifier.snapshot({})
    restored = World(bottle.world.config, now_ms=bottle.time.now_ms)
    restored.notifier.restore(snapshot)
    assert restored.notifier.dead_letters() == notifier.dead_letters()
    replayed = World(bottle.world.config, now_ms=bottle.time.now_ms)
    replayed.log = list(bottle.world.log)
    replayed.notifier.apply(replayed.log, 0)
    letters = [view.letter for view in replayed.notifier.dead_letters()]
    assert letters == [view.letter for view in notifier.dead_letters()]


@pytest.mark.parametrize("point", ["notify.after_claim", "notify.after_answer"])
async def test_a_crash_while_it_is_sent_again_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    bottle = await _given_up()
    _retry(bottle)
    (flush,) = bottle.due()

    def end() -> None:
        raise Died(point)

    monkeypatch.setattr(faults, "point", faults.arm({point: 1}, end))
    with pytest.raises(Died):
        await bottle.delivery.deliver(flush)
    monkeypatch.undo()
    world = World(bottle.world.config, now_ms=bottle.time.now_ms)
    world.log = list(bottle.world.log)
    world.notifier.apply(world.log, 0)
    successor = Bottle(time=bottle.time, fence=bottle.fence, world=world, owner="b")
    await successor.delivery.recover(lambda: world.notifier.open_fences(bottle.time.now_ms))
    await successor.play(bottle.time.now_ms + 60 * S)
    assert world.notifier.dead_letters() == []
    assert [r.outcome for r in successor.logged] == ["sent"]
    assert successor.logged[0].n == 2


async def test_a_wish_for_a_letter_that_is_gone_does_nothing() -> None:
    bottle = await _given_up()
    bottle.world.append(RetryDelivery(tenant="default", letter_id="0" * 12, at_ms=T0))
    _retry(bottle, by="ann")
    bottle.world.append(RetryDelivery(tenant="other", letter_id="0" * 12, at_ms=T0))
    await bottle.play(T0 + 60 * S)
    assert len(bottle.channel().sent) == 2


def _record(n: int, group: str, outcome: str, at_ms: int) -> Notified:
    return Notified(
        tenant="default", receiver="r", integration="webhook/0", group_key=group, n=n, at_ms=at_ms,
        sent_ms=0, outcome=outcome, reason="other", firing=["f"], resolved=[], content_hash="",
    )  # type: ignore[arg-type]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["dropped", "sent",
                                                                       "withheld", "adopted"]))))  # fmt: skip
@settings(max_examples=60)
def test_the_letters_are_those_whose_last_word_was_lost(events: list[tuple[str, str]]) -> None:
    letters, last, n = DeadLetters(letters_max=100), {}, 0
    for n, (group, outcome) in enumerate(events, 1):
        letters.fold(_record(n, group, outcome, n))
        if outcome != "withheld":
            last[group] = outcome
    wanted = sorted(group for group, outcome in last.items() if outcome == "dropped")
    assert sorted(each.group_key for each in letters.items()) == wanted
    assert [each.last_ms for each in letters.of("default")] == sorted(
        (each.last_ms for each in letters.items()), reverse=True
    )


def test_they_are_bounded_by_number_and_age() -> None:
    letters = DeadLetters(letters_max=3)
    for n in range(1, 7):
        letters.fold(_record(n, f"g{n}", "dropped", n))
    assert sorted(each.group_key for each in letters.items()) == ["g4", "g5", "g6"]
    assert letters.collect(KEEP_MS + 5) == ("g4", "g5")
    assert len(letters) == 1
