"""A rule set from a tick on: earlier ticks are judged by the old one, wherever the switch stands."""

import pytest

from tests.groups.promworld import group, pipeline, plan, query, record, results, rule

OLD = (group(query("sum(temp) * 1"), rule("alert", "Hot", "temp > 5", for_ms=60_000)),)
NEW = (
    group(
        query("sum(temp) * 2"),
        query("sum_over_time(sum(other)[1m:15s])"),
        rule("alert", "Hot", "temp > 4", for_ms=60_000),
    ),
)


def lived(switched_at, from_s, seconds=240, shards=3):
    pipe = pipeline(*OLD, shards=shards)
    new = plan(*NEW, digest="e")
    pipe.plans["e"] = new
    for second in range(0, seconds, 5):
        now_ms = second * 1_000
        if second == switched_at:
            pipe.stage.use([pipe.plans["d"], new])
            pipe.switch(new, now_ms, from_s * 1_000)
        rows = [
            record(name, {"pod": str(pod)}, now_ms, 10.0)
            for name in ("temp", "other") for pod in range(6)
        ]  # fmt: skip
        pipe.feed("metrics", 0, rows, now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    return pipe


@pytest.mark.parametrize("switched_at", [50, 85, 95])
def test_ticks_after_the_named_one_are_judged_by_the_new_rules(switched_at):
    pipe = lived(switched_at, 90)
    found = results(pipe)
    old = sorted(at for name, at in found if name == "sum(temp) * 1")
    new = sorted(at for name, at in found if name == "sum(temp) * 2")
    assert old[-1] == 90_000
    assert new[0] == 105_000
    assert [*old, *new] == list(range(-15_000, 226_000, 15_000))
    assert all(
        found[query, at].rows == [({}, 60.0)]
        for query, at in found
        if at > 0 and query == "sum(temp) * 1"
    )


def test_what_the_new_rules_read_is_collected_from_the_message_on():
    pipe = lived(50, 90)
    found = results(pipe)
    # At 105 the steps 60, 75, 90 and 105 have what was collected since 50.
    assert found["sum_over_time(sum(other)[1m:15s])", 105_000].rows == [({}, 240.0)]


def test_an_edited_alert_keeps_its_time():
    for switched_at, from_s in ((50, 90), (20, 45)):
        pipe = lived(switched_at, from_s)
        fired = [one for one in pipe.alert_records if one.state == "firing"]
        assert {(one.active_at_ms, one.event_ms) for one in fired} == {(0, 60_000)}
        assert len(fired) == 6


def test_at_once_no_tick_is_judged_by_two_rule_sets():
    pipe = pipeline(*OLD, shards=3)
    new = plan(*NEW, digest="e")
    for second in range(0, 120, 5):
        now_ms = second * 1_000
        if second == 60:
            pipe.stage.use([pipe.plans["d"], new])
            pipe.switch(new, now_ms)
        pipe.feed(
            "metrics", 0, [record("temp", {"pod": str(p)}, now_ms, 10.0) for p in range(6)], now_ms
        )
        pipe.mark(now_ms)
        pipe.run(now_ms)
    found = results(pipe)
    ticks = [at for name, at in found if name.startswith("sum(temp)")]
    assert len(ticks) == len(set(ticks))
