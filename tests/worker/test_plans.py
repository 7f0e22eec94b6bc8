"""Rule sets by digest: compiled when somebody asks, and no more of them kept than are needed."""

import asyncio
import json
import zlib

import pytest

from engine.errors import MissingPlanError, PlanLoadingError
from engine.limits import DEFAULT_LIMITS
from engine.owner import LogRecord
from engine.rules import load
from engine.worker.plans import ACTIVE_KEY, KEPT_PLANS, RULES_KEY, PlanLibrary, packed


def rule_set(number):
    text = f"groups: [{{name: g, rules: [{{alert: A{number}, expr: up == {number}}}]}}]"
    rules, findings = load({"a.yml": text}, limits=DEFAULT_LIMITS, interval_ms=60_000)
    assert rules is not None, findings
    return rules


class Told:
    def __init__(self):
        self.works = []
        self.library = PlanLibrary(
            DEFAULT_LIMITS,
            lambda _plans: None,
            keep=lambda w: self.works.append(asyncio.ensure_future(w)),
        )

    def tell(self, key, value):
        self.library.told(key, LogRecord(0, 0, b"", value))

    async def plan(self, digest):
        with pytest.raises(PlanLoadingError):
            self.library.plan_of(digest)
        await asyncio.gather(*self.works)
        return self.library.plan_of(digest)


async def test_a_set_is_compiled_when_asked_for_and_few_are_kept():
    told = Told()
    sets = [rule_set(number) for number in range(6)]
    with pytest.raises(MissingPlanError):
        told.library.plan_of(sets[0].digest)
    for rules in sets:
        told.tell(RULES_KEY + rules.digest, packed(rules))
    told.tell(ACTIVE_KEY, sets[1].digest.encode())
    await asyncio.gather(*told.works)
    for rules in (sets[0], sets[2], sets[3], sets[4]):
        assert (await told.plan(rules.digest)).digest == rules.digest
    assert len(told.library.loaded) == KEPT_PLANS
    assert told.library.knows(sets[1].digest), "the one in force stays"
    assert told.library.knows(sets[4].digest), "what was asked for last stays"
    assert (await told.plan(sets[0].digest)).digest == sets[0].digest, "and may be asked for again"


async def test_what_cannot_be_read_here_is_forgotten_when_it_is_taken_back():
    told = Told()
    raw = zlib.compress(
        json.dumps({"a.yml": "groups: [{name: g, rules: [{alert: A, expr: '('}]}]"}).encode()
    )
    told.tell(RULES_KEY + "later", raw)
    with pytest.raises(PlanLoadingError):
        told.library.plan_of("later")
    await asyncio.gather(*told.works)
    with pytest.raises(MissingPlanError):
        told.library.plan_of("later")
    assert told.library.refused == {"later"}
    told.tell(RULES_KEY + "later", None)
    assert not told.library.refused
