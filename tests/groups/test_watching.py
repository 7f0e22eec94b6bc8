"""Rules that are watched as columns say the same as rules that are evaluated one by one."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.groups import Moment, RingSource, SeriesIndex
from engine.groups.evaluator import GroupEvaluator
from engine.limits import DEFAULT_LIMITS
from engine.vector import label_set
from engine.window import RingStore
from tests.groups.memory import STALE
from tests.groups.promworld import EVERY_MS, group, rule

T0_MS = 1_700_000_100_000
LEAVES = (
    "up", "up{job='a'}", "up offset 15s", "temp_total", "rate(temp_total[1m])", "delta(up[45s])",
    "max_over_time(up[1m])", "last_over_time(temp_total[30s])", "rate(up[1m])", "(up)",
    "count_over_time({__name__='up',job=~'.+'}[1m])", "sum_over_time(up[1m] offset 30s)",
)  # fmt: skip
OTHERS = ("up + 1 > 2", "abs(up) > 1", "up > bool 1", "up", "up > scalar(up)", "1 < 2 * up")
NUMBERS = ("0", "1", "2", "-1", "0.5", "NaN", "Inf", "-(1)", "(3)")
OPERATORS = (">", ">=", "<", "<=", "==", "!=")


class Opaque:
    """The same source, so that nothing can be watched."""

    def __init__(self, source):
        self.instant, self.instant_times = source.instant, source.instant_times
        self.over, self.exchanged = source.over, source.exchanged


@st.composite
def rules(draw):
    found = []
    for number in range(draw(st.integers(1, 8))):
        leaf, limit = draw(st.sampled_from(LEAVES)), draw(st.sampled_from(NUMBERS))
        operator = draw(st.sampled_from(OPERATORS))
        expr = f"{leaf} {operator} {limit}" if draw(st.booleans()) else f"{limit} {operator} {leaf}"
        if draw(st.integers(0, 5)) == 0:
            expr = draw(st.sampled_from(OTHERS))
        found.append(
            rule(
                "alert", f"r{number}", expr,
                for_ms=draw(st.sampled_from((0, 0, EVERY_MS, 2 * EVERY_MS))),
                keep_firing_for_ms=draw(st.sampled_from((0, 0, EVERY_MS))),
                labels=draw(st.sampled_from(({}, {"a": "b"}, {"v": "{{ $value }}"}))),
                annotations={"at": "{{ $labels.job }} {{ $value }}"},
            )
        )  # fmt: skip
    return found


class World:
    """Rings that series come to, and an evaluator over them."""

    def __init__(self, groups, opaque):
        self.index, self.rings, self.opaque = SeriesIndex(), RingStore(DEFAULT_LIMITS), opaque
        self.groups, self.said, self.numbers = groups, [], {}
        self.sequence = self.offset = 0
        self.evaluator = GroupEvaluator(groups, DEFAULT_LIMITS)
        self.sourced()

    def sourced(self):
        self.ring_source = RingSource(self.index, self.rings)
        self.source = Opaque(self.ring_source) if self.opaque else self.ring_source

    def put(self, labels, at_ms, value):
        if labels not in self.numbers:
            number = self.numbers[labels] = len(self.numbers)
            self.index.add(number, labels)
            self.rings.need(np.array([number]), 600_000)
        series = np.array([self.numbers[labels]])
        self.rings.append(series, np.array([at_ms]), np.array([value]))

    def tick(self, at_ms, intervals):
        self.ring_source.forget()
        outputs = self.evaluator.tick(at_ms, self.source, intervals, self.moment())
        self.said += [(at_ms, output) for output in outputs]

    def moment(self):
        def count():
            self.sequence += 1
            return self.sequence

        self.offset += 1
        return Moment(3, 7, self.offset, 99, count)

    def restart(self):
        chunks = list(self.evaluator.chunks({}, 1))
        self.evaluator = GroupEvaluator(self.groups, DEFAULT_LIMITS)
        for chunk in chunks:
            self.evaluator.restore(chunk.name, chunk.payload)
        self.sourced()


@settings(max_examples=25, deadline=None)
@given(rules(), rules(), st.integers(0, 2**31))
def test_watched_rules_say_what_rules_by_themselves_say(first, second, seed):
    groups = (
        group(*first), group(*second, name="h", interval_ms=2 * EVERY_MS, query_offset_ms=15_000),
    )  # fmt: skip
    watched, plain = World(groups, False), World(groups, True)
    dice = random.Random(seed)
    names = [
        label_set({"__name__": name, "job": job, **more})
        for name in ("up", "temp_total")
        for job in ("a", "b")
        for more in ({}, {"__type__": "gauge"})
    ]
    restart_at = dice.randrange(4, 16)
    for step in range(18):
        at_ms = T0_MS // EVERY_MS * EVERY_MS + step * EVERY_MS
        known = names[: 1 + step]
        for labels in known:
            value = dice.choice([0.0, 1.0, 1.0, 2.0, 3.0, float("nan"), STALE, None])
            for world in (watched, plain):
                if value is not None:
                    world.put(labels, at_ms - 1_000, value)
        intervals = [EVERY_MS] if step % 2 else [EVERY_MS, 2 * EVERY_MS]
        for world in (watched, plain):
            world.tick(at_ms, intervals)
            if step == restart_at:
                world.restart()
        assert watched.said == plain.said
        if step % 5 == 4:
            assert repr(watched.evaluator.alerts()) == repr(plain.evaluator.alerts())
            assert watched.evaluator.rules() == plain.evaluator.rules()
    both = [list(world.evaluator.chunks({}, 2)) for world in (watched, plain)]
    assert both[0] == both[1]
