"""While a notification of a group waits for its turn, only the newest state counts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts import SilenceMatcher, SilenceRecord
from notifiers.notification import Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace
from tests.notifiers.bottle import Bottle, S, firing
from tests.notifiers.world import T0, alert

MANY = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s,
        repeat_interval: 1h}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""

SLOW = Pace(per_second=1 / 100, burst=1)  # one message in 100 s


def _names(notification: Notification) -> list[str]:
    return sorted(f"{a.labels['i']}:{a.status}" for a in notification.alerts)


def _busy(bottle: Bottle) -> None:
    """Let another group take the only turn that there is for 100 s."""
    bottle.channel().pace = SLOW  # type: ignore[misc]
    bottle.world.append(alert("firing", 1, T0, rule="AFirst", labels={"i": "z"}))


async def test_what_waits_is_replaced_by_what_the_group_has_to_say_by_then() -> None:
    bottle = Bottle(MANY)
    _busy(bottle)
    firing(bottle, 2, i="a")
    await bottle.play(T0 + 20 * S)
    firing(bottle, 3, i="b")
    await bottle.play(T0 + 90 * S)
    firing(bottle, 4, i="c")
    await bottle.play(T0 + 120 * S)
    sent = [_names(each) for each in bottle.channel().sent]
    # At 70 s the group came due again with b; c came later and waits for its own time at 130 s.
    assert sent[1:] == [["a:firing", "b:firing", "c:firing"]]
    record = bottle.logged[-1]
    assert (record.n, len(record.firing)) == (1, 3), "one number, with what was really told"


async def test_without_a_newer_decision_it_goes_out_as_it_was_decided() -> None:
    bottle = Bottle(MANY.replace("group_interval: 60s", "group_interval: 10m"))
    _busy(bottle)
    firing(bottle, 2, i="a")
    await bottle.play(T0 + 20 * S)
    firing(bottle, 3, i="b")
    await bottle.play(T0 + 120 * S)
    assert [_names(each) for each in bottle.channel().sent][1:] == [["a:firing"]]


async def test_what_came_and_went_while_it_waited_is_told_to_nobody() -> None:
    bottle = Bottle(MANY)
    _busy(bottle)
    firing(bottle, 2, i="a")
    await bottle.play(T0 + 20 * S)
    bottle.world.append(alert("resolved", 3, T0 + 20 * S, labels={"i": "a"}, starts_at_ms=T0))
    await bottle.play(T0 + 400 * S)
    assert [_names(each) for each in bottle.channel().sent] == [["z:firing"]]
    assert len(bottle.logged) == 1
    # The number is free: what comes next is the first that anybody hears.
    firing(bottle, 4, i="a")
    await bottle.play(T0 + 700 * S)
    last = bottle.channel().sent[-1]
    assert (_names(last), last.n, last.reason) == (["a:firing"], 1, "first notification")


async def test_a_silence_while_it_waits_counts() -> None:
    bottle = Bottle(MANY)
    _busy(bottle)
    firing(bottle, 2, i="a")
    await bottle.play(T0 + 20 * S)
    bottle.world.append(SilenceRecord(
        tenant="default", id="s", matchers=[SilenceMatcher("i", "a")], starts_at_ms=T0,
        ends_at_ms=T0 + 9_000 * S, created_by="", comment="", updated_at_ms=T0,
    ))  # fmt: skip
    await bottle.play(T0 + 400 * S)
    assert [_names(each) for each in bottle.channel().sent] == [["z:firing"]]


@pytest.mark.parametrize("reason", ["serverError", "contextDeadlineExceeded", "other"])
async def test_what_may_have_been_seen_is_not_replaced_under_its_number(reason: Any) -> None:
    bottle = Bottle(MANY.replace("group_wait: 10s, group_interval: 60s", "group_interval: 20s"))
    bottle.channel().answers = [Retry(reason, 15 * S, "lost")]
    firing(bottle, 1, i="a")
    await bottle.play(T0 + 31 * S)
    firing(bottle, 2, i="b")
    await bottle.play(T0 + 100 * S)
    by_number: dict[int, set[str]] = {}
    for each in bottle.channel().sent:
        by_number.setdefault(each.n, set()).add(",".join(_names(each)))
    assert all(len(contents) == 1 for contents in by_number.values()), by_number


async def test_what_was_refused_for_its_rate_was_not_seen() -> None:
    bottle = Bottle(MANY)
    bottle.channel().answers = [Retry("rateLimited", 55 * S, "429")]
    firing(bottle, 1, i="a")
    await bottle.play(T0 + 11 * S)
    firing(bottle, 2, i="b")
    await bottle.play(T0 + 64 * S)
    assert len(bottle.channel().sent) == 1
    await bottle.play(T0 + 300 * S)
    assert [(r.outcome, r.n) for r in bottle.logged] == [("sent", 1), ("sent", 2)]


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), st.sampled_from("abc")),
        st.tuples(st.just("end"), st.sampled_from("abc")),
        st.tuples(st.just("wait"), st.integers(1, 200)),
        st.tuples(st.just("answer"), st.sampled_from(["rateLimited", "serverError"])),
    ),
    max_size=25,
)


@given(_steps, st.sampled_from([0.004, 0.02, 1.0]))
@settings(max_examples=20, deadline=None)
async def test_however_slow_it_ends_where_the_alerts_end(steps: Any, per_second: float) -> None:
    """Every number has one content that arrived, and the last word is the truth."""
    bottle = Bottle(MANY)
    channel = bottle.channel()
    channel.pace = Pace(per_second=per_second, burst=1)  # type: ignore[misc]
    arrived: dict[tuple[str, int], list[str]] = {}

    async def notify(notification: Notification, now_ms: int) -> Outcome:
        if channel.answers:
            return channel.answers.pop(0)
        key = (notification.group_key, notification.n)
        assert key not in arrived, "one number, sent twice"
        arrived[key] = _names(notification)
        return Sent({}, now_ms)

    channel.notify = notify  # type: ignore[method-assign]
    fires: dict[str, int] = {}
    for sequence, step in enumerate(steps, 1):
        now_ms = bottle.time.now_ms
        match step:
            case ("fire", name) if name not in fires:
                fires[name] = now_ms
                firing(bottle, sequence, i=name)
            case ("end", name) if name in fires:
                bottle.world.append(alert("resolved", sequence, now_ms, labels={"i": name},
                                          starts_at_ms=fires.pop(name)))  # fmt: skip
            case ("wait", seconds):
                await bottle.play(now_ms + seconds * S)
            case ("answer", reason):
                channel.answers.append(Retry(reason, None, "no"))
    await bottle.play(bottle.time.now_ms + 3_000 * S)
    known = {
        key: entry.firing for key, entry in bottle.world.notifier._held.log.items() if entry.firing
    }
    held = bottle.world.notifier.alerts(bottle.time.now_ms)
    assert sorted(f for each in known.values() for f in each) == sorted(
        view.fingerprint for view in held
    )
    assert len(bottle.world.notifier._held.outbox) == 0
