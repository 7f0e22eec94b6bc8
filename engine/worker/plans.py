"""Rule sets by digest: what the files say, what `control` has told, which one is in force.

The owner of `alerts` publishes its files' rule set to `control`, waits until the live workers have
compiled it and project by it (roster.py), appends a switch to every shard and only then calls it
active. Plans are made from `control`, never from files, so every worker judges by the same text.

A rule set of thousands of rules takes seconds to compile: that happens in a thread, and only for
sets that somebody asks for (the active one, the newest one, one that a snapshot names).
"""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from engine.config import Config
from engine.document import Finding, render
from engine.errors import MissingPlanError, PlanLoadingError
from engine.limits import Limits
from engine.owner import LogRecord
from engine.plan import Plan
from engine.rules import RuleSet, compile_plan, load, plan_text, read_paths, read_plan_text

log = logging.getLogger(__name__)

RULES_KEY: Final = "rules/"
ACTIVE_KEY: Final = "active-rules"
KEPT_SETS: Final = 8
KEPT_PLANS: Final = 3
"""Compiled ones: in force, to come, and the one before, by which owners lag or restore."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading the rule files gave."""

    rules: RuleSet | None  # None: there are errors
    findings: list[Finding]
    text: str  # the findings, rendered


def lines(shown: str) -> str:
    """Return findings as whole lines, so that more can follow them."""
    return f"{shown}\n" if shown else ""


def read_rules(config: Config) -> Loaded:
    """Read and check rule files; warnings alone do not refuse a set. Raises FileError."""
    files = read_paths(config.rules, config.base)
    rules, findings = load(files, limits=config.limits, interval_ms=config.evaluation_interval_ms)
    return Loaded(rules, findings, lines(render(findings, files)))


class PlanLibrary:
    """Plans by digest, and the one in force. Lives in the event loop; compiles beside it."""

    def __init__(
        self,
        limits: Limits,
        on_change: Callable[[list[Plan]], None],
        *,
        keep: Callable[[Awaitable[None]], None],
        on_loaded: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_change(plans)`: the plans that sources must project by, the active one first.

        `keep(work)` runs work beside the event loop's; if it fails the process ends.
        `on_loaded()`: the set of compiled plans has changed, and sources project by it.
        """
        self._limits, self._on_change, self._on_loaded = limits, on_change, on_loaded
        self._keep = keep
        self._told: dict[str, bytes] = {}  # digest -> packed text, oldest first
        self._plans: dict[str, Plan] = {}
        self._compiling: set[str] = set()
        self.refused: set[str] = set()  # digests that this version cannot read
        self.sets: dict[str, RuleSet] = {}
        self.active = ""  # digest; "" before the first
        self._changed = asyncio.Event()

    def plan_of(self, digest: str) -> Plan:
        """Return a plan.

        Raises PlanLoadingError while it is being compiled, MissingPlanError where `control` has
        not told it yet.
        """
        plan = self._plans.get(digest)
        if plan is not None:
            return plan
        if digest in self._told and digest not in self.refused:
            self._wanted(digest)
            raise PlanLoadingError(digest)
        raise MissingPlanError(digest)

    def knows(self, digest: str) -> bool:
        """Say whether a rule set was read from `control` and compiled."""
        return digest in self._plans

    @property
    def loaded(self) -> list[str]:
        """Return the digests that this process can judge by."""
        return list(self._plans)

    def offer(self, rules: RuleSet) -> None:
        """Note a rule set that was read from files here: it need not be read from text again."""
        self.sets.setdefault(rules.digest, rules)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what `control` has told makes a condition true."""
        while not condition():
            await self._changed.wait()

    def told(self, key: str, record: LogRecord) -> None:
        """Apply one record of `control`."""
        if key == ACTIVE_KEY and record.value is not None:
            self.active = record.value.decode()
            self._wanted(self.active)
        elif key.startswith(RULES_KEY):
            digest = key.removeprefix(RULES_KEY)
            if record.value is None:
                for held in (self._told, self._plans, self.sets):
                    held.pop(digest, None)
                self.refused.discard(digest)
            else:
                self._told.pop(digest, None)  # newest last
                self._told[digest] = record.value
                self._newest()
        else:
            return
        self._moved()

    def old(self) -> list[str]:
        """Return digests that nothing can still name: to be removed from `control`."""
        return [d for d in list(self._told)[:-KEPT_SETS] if d != self.active]

    # -- compiling ------------------------------------------------------------------------------

    def _newest(self) -> None:
        """Compile what was told last, when nothing newer follows at once (the start reads all)."""

        def look() -> None:
            if self._told:
                self._wanted(next(reversed(self._told)))

        asyncio.get_running_loop().call_later(0.05, look)

    def _wanted(self, digest: str) -> None:
        if digest in self._plans or digest in self._compiling or digest not in self._told:
            return
        if digest not in self.refused:
            self._compiling.add(digest)
            self._keep(self._compile(digest))

    async def _compile(self, digest: str) -> None:
        try:
            known, raw = self.sets.get(digest), self._told[digest]
            found = await asyncio.to_thread(_compiled, digest, raw, known, self._limits)
        finally:
            self._compiling.discard(digest)
        if found is None:
            self.refused.add(digest)
        elif digest in self._told:
            self.sets[digest], self._plans[digest] = found
            self._forget_plans()
        self._moved()
        self._on_loaded()

    def _forget_plans(self) -> None:
        """Let go of what was compiled longest ago; it is compiled again if somebody asks."""
        needed = {self.active, next(reversed(self._told), "")}
        spare = [digest for digest in self._plans if digest not in needed]
        for digest in spare[: max(0, len(self._plans) - KEPT_PLANS)]:
            del self._plans[digest], self.sets[digest]

    def _moved(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        if self.active in self._plans:
            newest = next((d for d in reversed(self._told) if d in self._plans), self.active)
            self._on_change([self._plans[name] for name in dict.fromkeys((self.active, newest))])


def _compiled(
    digest: str, raw: bytes, known: RuleSet | None, limits: Limits
) -> tuple[RuleSet, Plan] | None:
    """Return a rule set and its plan; None where this version refuses it. Runs in a thread."""
    rules = known
    if rules is None:
        files, interval_ms = read_plan_text(zlib.decompress(raw))
        rules, findings = load(files, limits=limits, interval_ms=interval_ms)
        if rules is None:
            # Another version of Tocsin accepted it. This worker cannot judge by it.
            log.error("rule set %s is refused here:\n%s", digest, render(findings, files))
            return None
    return rules, compile_plan(rules, limits)


def packed(rules: RuleSet) -> bytes:
    """Return a rule set as `control` holds it."""
    return zlib.compress(plan_text(rules), 6)
