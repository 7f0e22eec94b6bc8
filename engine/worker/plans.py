"""Rule sets by digest: what the files say, what `control` has told, which one is in force.

The owner of `alerts` publishes its files' rule set to `control`, lets the source stages see it,
appends a switch to every shard and only then calls it active. Plans are made from `control`,
never from files, so every worker judges by the same text.
"""

import asyncio
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.document import Finding, render
from engine.errors import MissingPlanError
from engine.limits import Limits
from engine.owner import LogRecord
from engine.plan import Plan
from engine.rules import RuleSet, compile_plan, load, plan_text, read_paths

log = logging.getLogger(__name__)

RULES_KEY: Final = "rules/"
ACTIVE_KEY: Final = "active-rules"
KEPT_SETS: Final = 8


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading the rule files gave."""

    rules: RuleSet | None  # None: there are errors
    findings: list[Finding]
    text: str  # the findings, rendered


def lines(shown: str) -> str:
    """Return findings as whole lines, so that more can follow them."""
    return f"{shown}\n" if shown else ""


def read_rules(paths: tuple[Path, ...], base: Path, limits: Limits) -> Loaded:
    """Read and check rule files; warnings alone do not refuse a set. Raises FileError."""
    files = read_paths(paths, base)
    rules, findings = load(files, limits=limits)
    return Loaded(rules, findings, lines(render(findings, files)))


class PlanLibrary:
    """Plans by digest, and the one in force."""

    def __init__(self, limits: Limits, on_change: Callable[[list[Plan]], None]) -> None:
        """`on_change(plans)`: the plans that sources must project by, the active one first."""
        self._limits, self._on_change = limits, on_change
        self._plans: dict[str, Plan] = {}
        self.sets: dict[str, RuleSet] = {}
        self.active = ""  # digest; "" before the first
        self._changed = asyncio.Event()

    def plan_of(self, digest: str) -> Plan:
        """Return a plan. Raises MissingPlanError where `control` has not told it yet."""
        plan = self._plans.get(digest)
        if plan is None:
            raise MissingPlanError(digest)
        return plan

    def knows(self, digest: str) -> bool:
        """Say whether a rule set was read from `control`."""
        return digest in self._plans

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what `control` has told makes a condition true."""
        while not condition():
            await self._changed.wait()

    def told(self, key: str, record: LogRecord) -> None:
        """Apply one record of `control`."""
        if key == ACTIVE_KEY and record.value is not None:
            self.active = record.value.decode()
        elif key.startswith(RULES_KEY):
            digest = key.removeprefix(RULES_KEY)
            if record.value is None:
                self._plans.pop(digest, None)
                self.sets.pop(digest, None)
            else:
                self._learn(digest, record.value)
        else:
            return
        self._changed.set()
        self._changed = asyncio.Event()
        if self.active in self._plans:
            newest = next(reversed(self._plans))
            self._on_change([self._plans[name] for name in dict.fromkeys((self.active, newest))])

    def _learn(self, digest: str, raw: bytes) -> None:
        files = json.loads(zlib.decompress(raw))
        rules, findings = load(files, limits=self._limits)
        if rules is None:
            # Another version of Tocsin accepted it. This worker cannot judge by it.
            log.error("rule set %s is refused here:\n%s", digest, render(findings, files))
            return
        self.sets[digest] = rules
        self._plans.pop(digest, None)  # newest last
        self._plans[digest] = compile_plan(rules)

    def old(self) -> list[str]:
        """Return digests that nothing can still name: to be removed from `control`."""
        return [d for d in list(self._plans)[:-KEPT_SETS] if d != self.active]


def packed(rules: RuleSet) -> bytes:
    """Return a rule set as `control` holds it."""
    return zlib.compress(plan_text(rules), 6)
