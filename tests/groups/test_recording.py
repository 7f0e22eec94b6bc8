"""Recording rules and queries: what they write, what the next rule reads, what ends."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.limits import Limits
from engine.vector import label_set
from tests.groups.memory import LOOKBACK_MS, World, group, rule

MINUTE = 60_000


def put(world, at_ms, **values):
    for instance, value in values.items():
        world.raw.put({"__name__": "x", "instance": instance}, at_ms, value)


def by_instance(found):
    return {dict(labels).get("instance", ""): value for labels, value in found.items()}


def test_a_result_gets_the_rules_name_and_labels():
    made = rule("record", "job:x", "x * 2", labels={"team": "a", "instance": ""})
    world = World(group(made), read=["job:x"])
    put(world, 0, one=3.0)
    assert world.tick(0) == []
    assert world.recorded("job:x", 0) == {(("__name__", "job:x"), ("team", "a")): 6.0}


def test_a_later_rule_reads_what_an_earlier_one_recorded_at_this_tick():
    first = rule("record", "a:x", "x + 1")
    second = rule("record", "b:x", "sum(a:x) + sum(sum_over_time(a:x[2m]))")
    world = World(group(first, second), read=["a:x", "b:x"])
    put(world, 0, one=1.0)
    world.tick(0)
    assert list(world.recorded("b:x", 0).values()) == [4.0]
    put(world, MINUTE, one=9.0)
    world.tick(MINUTE)
    assert list(world.recorded("b:x", MINUTE).values()) == [10.0 + 12.0]


def test_an_earlier_rule_reads_the_tick_before():
    first = rule("record", "b:x", "a:x")
    second = rule("record", "a:x", "x")
    world = World(group(first, second), read=["a:x", "b:x"])
    for number, value in enumerate([1.0, 2.0, 3.0]):
        put(world, number * MINUTE, one=value)
        world.tick(number * MINUTE)
    assert by_instance(world.recorded("b:x", 2 * MINUTE)) == {"one": 2.0}


def test_two_results_with_equal_labels_are_an_error_and_nothing_is_written():
    world = World(group(rule("record", "r", "x", labels={"instance": "all"})), read=["r"])
    put(world, 0, one=1.0)
    world.tick(0)
    put(world, MINUTE, one=1.0, two=2.0)
    (health,) = world.tick(MINUTE)
    assert health.error == (
        "vector contains metrics with the same labelset after applying rule labels"
    )
    assert by_instance(world.recorded("r", MINUTE)) == {"all": 1.0}  # of the tick before


def test_the_limit_of_a_group():
    world = World(group(rule("record", "r", "x"), limit=1), read=["r"])
    put(world, 0, one=1.0, two=2.0)
    (health,) = world.tick(0)
    assert health.error == "exceeded limit of 1 with 2 series"


def test_results_are_of_the_query_offset():
    world = World(group(rule("record", "r", "x"), query_offset_ms=MINUTE), read=["r"])
    put(world, 0, one=1.0)
    put(world, MINUTE, one=2.0)
    world.tick(MINUTE)
    assert by_instance(world.recorded("r", 0)) == {"one": 1.0}
    world.tick(2 * MINUTE)
    assert by_instance(world.recorded("r", MINUTE)) == {"one": 2.0}


@settings(max_examples=60, deadline=None)
@given(
    picture=st.lists(st.tuples(*[st.sampled_from([None, 1.0, 2.0])] * 3), min_size=1, max_size=8),
    restarts=st.sets(st.integers(0, 7)),
)
def test_a_series_that_a_rule_ceases_to_give_is_stale(picture, restarts):
    world = World(group(rule("record", "r", "x > 0")), read=["r"])
    for number, row in enumerate(picture):
        at_ms = number * MINUTE
        values = {f"i{place}": -1.0 if v is None else v for place, v in enumerate(row)}
        put(world, at_ms, **values)
        world.tick(at_ms)
        if number in restarts:
            world.restart()
        given_now = {f"i{place}": v for place, v in enumerate(row) if v is not None}
        assert by_instance(world.recorded("r", at_ms)) == given_now


def test_what_another_rule_gives_now_is_not_stale():
    one = rule("record", "r", 'x{instance="a"} > 5', identity="one", labels={"instance": "s"})
    two = rule("record", "r", 'x{instance="a"} <= 5', identity="two", labels={"instance": "s"})
    world = World(group(one, two), group(two, one), read=["r"])
    for number, value in enumerate([9.0, 1.0, 9.0, 1.0]):
        put(world, number * MINUTE, a=value)
        world.tick(number * MINUTE)
        assert by_instance(world.recorded("r", number * MINUTE)) == {"s": value}


def test_the_series_of_a_rule_that_went_are_stale_at_the_next_tick():
    kept, gone = rule("record", "k", "x"), rule("record", "r", "x")
    world = World(group(kept, gone), read=["r", "k"])
    put(world, 0, one=1.0)
    world.tick(0)
    assert world.switch(group(kept), at_ms=0, read=["r", "k"]) == []
    world.restart()
    world.tick(MINUTE)
    assert world.recorded("r", MINUTE) == {}
    assert by_instance(world.recorded("k", MINUTE)) == {"one": 1.0}


def test_a_renamed_rule_ends_its_old_series():
    world = World(group(rule("record", "old", "x", identity="i")), read=["old", "new"])
    put(world, 0, one=1.0)
    world.tick(0)
    world.switch(group(rule("record", "new", "x", identity="i")), at_ms=0, read=["old", "new"])
    world.tick(MINUTE)
    assert world.recorded("old", MINUTE) == {}
    assert by_instance(world.recorded("new", MINUTE)) == {"one": 1.0}


def test_what_nothing_reads_has_no_ring_until_something_does():
    written = group(rule("record", "r", "x"))
    world = World(written)
    put(world, 0, one=1.0)
    world.tick(0)
    assert len(world.evaluator.recorded.index) == 0
    world.switch(written, at_ms=0, read=["r"])
    world.tick(MINUTE)
    assert by_instance(world.recorded("r", MINUTE)) == {"one": 1.0}


def test_no_more_series_than_the_limit():
    world = World(group(rule("record", "r", "x")), read=["r"], limits=Limits(series_max=2))
    put(world, 0, one=1.0, two=2.0, three=3.0)
    world.tick(0)
    assert len(world.recorded("r", 0)) == 2


def test_results_of_a_query():
    queries = [
        rule("query", "q1", "sort_desc(x)"), rule("query", "q2", "scalar(x) + 1"),
        rule("query", "q3", '"words"'), rule("query", "q4", 'label_replace(x, "instance", "s", "", "")'),
        rule("query", "q5", "x * on () group_left () vector(2)"),
    ]  # fmt: skip
    world = World(group(*queries))
    put(world, 0, one=1.0, two=np.inf)
    one, two, three, four, five = world.tick(0)
    assert [(labels, value) for labels, value in one.rows] == [
        ({"__name__": "x", "instance": "two"}, "+Inf"),
        ({"__name__": "x", "instance": "one"}, 1.0),
    ]
    assert (one.query, one.at_ms, one.type) == ("q1", 0, "vector")
    assert (two.type, two.rows) == ("scalar", [({}, "NaN")])
    assert (three.type, three.text) == ("string", "words")
    assert four.error == "vector cannot contain metrics with the same labelset"
    assert [labels["instance"] for labels, _ in five.rows] == ["one", "two"]


def test_only_groups_that_are_due_are_evaluated():
    slow = group(rule("query", "slow", "x"), interval_ms=5 * MINUTE)
    fast = group(rule("query", "fast", "x"))
    world = World(slow, fast)
    assert [result.query for result in world.tick(0, [MINUTE])] == ["fast"]
    assert [r.query for r in world.tick(5 * MINUTE, [MINUTE, 5 * MINUTE])] == ["slow", "fast"]
    statuses = world.evaluator.rules()
    assert [status.evaluated_ms for status in statuses] == [5 * MINUTE, 5 * MINUTE]


def test_results_outlive_their_look_back_no_longer_than_a_series_would():
    first = rule("record", "r", "x")
    world = World(group(first), read=["r"])
    put(world, 0, one=1.0)
    world.tick(0)
    assert len(world.recorded("r", LOOKBACK_MS - 1)) == 1
    assert world.recorded("r", LOOKBACK_MS) == {}


def test_restarted_rings_hold_what_was_recorded():
    first = rule("record", "a:x", "x")
    second = rule("query", "q", "sum_over_time(a:x[10m])")
    world = World(group(first, second), read=["a:x"])
    for number in range(5):
        put(world, number * MINUTE, one=float(number))
        world.tick(number * MINUTE)
        world.restart()
    (result,) = world.tick(5 * MINUTE)
    assert result.rows == [({"instance": "one"}, 0.0 + 1 + 2 + 3 + 4 + 4)]


def test_a_quiet_rule_costs_no_state_and_is_healthy_after_a_restart():
    quiet = [rule("alert", f"A{number}", "x > 9") for number in range(100)]
    world = World(group(*quiet))
    put(world, 0, one=1.0)
    world.tick(0)
    (chunk,) = world.evaluator.chunks({}, 1)
    assert len(chunk.payload) < 400
    before = world.evaluator.rules()
    world.restart()
    assert world.evaluator.rules() == before
    assert {status.health for status in before} == {"ok"}


def test_equal_states_are_equal_chunks():
    world = World(group(rule("record", "r", "x"), rule("alert", "A", "x > 1")), read=["r"])
    put(world, 0, one=1.0, two=2.0)
    world.tick(0)
    before = list(world.evaluator.chunks({}, 1))
    world.restart()
    after = list(world.evaluator.chunks({}, 1))
    assert [chunk for chunk in before if "ring" not in chunk.name] == [
        chunk for chunk in after if "ring" not in chunk.name
    ]
    assert label_set({"__name__": "r", "instance": "two"}) in world.recorded("r", 0)
