"""The log of what was sent, as the demo's screen counts it."""

from engine.worker.screen import SentLog
from tests.notifiers.world import SIMPLE, T0, World, alert, config

S = 1_000


def test_a_change_of_level_is_no_resolution() -> None:
    world, sent = World(config(SIMPLE)), SentLog()
    world.append(alert("firing", 1, T0))
    (first,) = world.run(T0 + 20 * S)
    sent.add(first.flush, world.answered(first.flush))
    world.append(
        alert("firing", 2, T0 + 20 * S, level="critical", reason="level_changed", starts_at_ms=T0)
    )
    (second,) = world.run(T0 + 100 * S)
    sent.add(second.flush, world.answered(second.flush))
    assert [(row.firing, row.resolved) for row in sent.rows] == [(1, 0), (1, 0)]


def test_an_end_is_one() -> None:
    world, sent = World(config(SIMPLE)), SentLog()
    world.append(alert("firing", 1, T0), alert("firing", 2, T0, rule="Other"))
    for told in world.run(T0 + 20 * S):
        sent.add(told.flush, world.answered(told.flush))
    world.append(alert("resolved", 3, T0 + 20 * S, starts_at_ms=T0))
    (told,) = world.run(T0 + 100 * S)
    sent.add(told.flush, world.answered(told.flush))
    assert sent.total == 3
    assert (sent.rows[-1].firing, sent.rows[-1].resolved) == (0, 1)
    assert sent.rows[-1].alerts == ("ErrorRatio",)


def test_what_nobody_was_sent_is_not_counted() -> None:
    quiet = SIMPLE.replace("webhook_configs", "slack_configs")
    world, sent = World(config(quiet)), SentLog()
    world.append(alert("firing", 1, T0))
    world.run(T0 + 20 * S)
    world.append(alert("resolved", 2, T0 + 20 * S, starts_at_ms=T0))
    world.answer = False
    world.run(T0 + 100 * S)
    (withheld,) = world.unanswered
    sent.add(withheld, world.answered(withheld))
    assert (sent.total, list(sent.rows)) == (0, [])
