"""How long evaluations take is told, and decides nothing."""

from itertools import accumulate, repeat

import pytest

from engine.groups import GroupEvaluator
from engine.limits import DEFAULT_LIMITS
from engine.metrics import REGISTRY
from engine.vector import label_set
from tests.groups.promworld import EVERY_MS, group, rule
from tests.groups.test_watching import T0_MS, World

AT_MS = T0_MS // EVERY_MS * EVERY_MS


class Timed(World):
    """Every look at the stopwatch is a second after the one before."""

    def __init__(self, groups, measured=True):
        super().__init__(groups, opaque=False)
        if measured:
            seconds = accumulate(repeat(1.0))
            self.evaluator = GroupEvaluator(
                groups, DEFAULT_LIMITS, stopwatch=lambda: next(seconds)
            )  # fmt: skip

    def step(self, number):
        at_ms = AT_MS + number * EVERY_MS
        for job in ("a", "b"):
            labels = label_set({"__name__": "up", "job": job})
            self.put(labels, at_ms - 1_000, float(number % 3))
        self.tick(at_ms, [EVERY_MS])
        return at_ms

    def seconds(self):
        return {one.rule.name: one.seconds for one in self.evaluator.rules()}


def groups(name):
    return (
        group(
            *(rule("alert", f"{name}{n}", f"up > {n}") for n in (7, 8, 9, 10)),
            rule("alert", f"{name}joined", "up + up > 9"),
            rule("record", f"{name}:fails", "up * on() up"),
            name=name,
        ),
    )


def test_a_rule_by_itself_has_its_own_time_and_watched_ones_share_theirs():
    world = Timed(groups("own"))
    for number in range(3):
        world.step(number)
    found = world.seconds()
    assert found == {
        **{f"own{n}": 0.25 for n in (7, 8, 9, 10)}, "ownjoined": 1.0, "own:fails": 1.0,
    }  # fmt: skip


def test_metrics_of_groups_are_those_of_the_evaluators_that_live():
    before = {name: counted(name) for name in ("evaluations", "evaluation_failures")}
    world = Timed(groups("told"))
    labels = {"rule_group": f"{world.groups[0].file};told"}
    assert REGISTRY.get_sample_value("tocsin_rule_group_interval_seconds", labels) is None
    at_ms = world.step(0)
    assert {
        name: REGISTRY.get_sample_value(f"tocsin_rule_group_{name}", labels)
        for name in ("last_duration_seconds", "last_evaluation_timestamp_seconds",
                     "interval_seconds")
    } == {
        "last_duration_seconds": 3.0, "last_evaluation_timestamp_seconds": at_ms / 1_000,
        "interval_seconds": EVERY_MS / 1_000,
    }  # fmt: skip
    assert counted("evaluations") - before["evaluations"] == 6
    assert counted("evaluation_failures") - before["evaluation_failures"] == 1
    world.evaluator.switch((), (), at_ms, world.moment())
    assert REGISTRY.get_sample_value("tocsin_rule_group_interval_seconds", labels) is None


def counted(name):
    return REGISTRY.get_sample_value(f"tocsin_rule_{name}_total")


@pytest.mark.parametrize("ticks", [1, 5])
def test_who_measures_says_and_keeps_the_same(ticks):
    measured, plain = Timed(groups("same")), Timed(groups("same"), measured=False)
    for number in range(ticks):
        measured.step(number)
        plain.step(number)
    assert measured.said == plain.said
    assert list(measured.evaluator.chunks({}, 1)) == list(plain.evaluator.chunks({}, 1))
    assert set(plain.seconds().values()) == {0.0}
