"""The plan of Prometheus rules: groups, what is evaluated where series live, what at the owner.

A rule is *local* where its result provably keeps the series it came from apart: each shard judges
its own. Every other rule belongs to a *component*: groups linked by recorded names, ALERTS or
`limit`, with one owner shard, which evaluates the rest of the expression over what all shards send
it once a tick (*exchanges*). DESIGN: placement.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from engine.promql import Aggregation, Expr, Subquery
from engine.series import Selector

RuleKind = Literal["alert", "record", "query"]
"""`query` is judged as a recording rule and its whole result goes to the topic `results`, names
and all: expressions of rule tests, comparisons, explanations. It is never in a rule file."""


@dataclass(frozen=True, slots=True)
class PromRule:
    """An alerting or recording rule, ready to be evaluated."""

    kind: RuleKind
    name: str  # alert name, recorded name, or the query's id
    identity: str  # as NativeRule.identity; unique in a set
    version: str
    file: str
    line: int
    text: str  # the expression as written
    expr: Expr
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)  # Go templates; the group's merged in
    annotations: Mapping[str, str] = field(default_factory=dict)  # Go templates


@dataclass(frozen=True, slots=True)
class PromGroup:
    """A rule group: its rules are evaluated in order, at multiples of its interval."""

    tenant: str
    name: str
    file: str
    interval_ms: int
    rules: tuple[PromRule, ...]
    query_offset_ms: int = 0
    limit: int = 0  # 0: none


@dataclass(frozen=True, slots=True)
class Exchange:
    """A subtree that every shard evaluates over its own series, for one owner.

    `frames` are the subqueries between the rule's root and the subtree, outermost first: they say
    at which times a tick needs it. `partial`: the aggregation whose partial sums are sent instead
    of `expr`'s rows (expr is then its argument). `delay_ms`: the owner reads its steps that much
    later (an offset beyond the rings). `mirror`: expr is a bare selector whose samples are sent
    as they come, because its series and recorded ones are read as one. `unnamed`: its selector
    could match any name, and shards evaluate it over what they record and ALERTS too.
    """

    id: str  # content hash of expr, frames and partial
    expr: Expr
    every_ms: tuple[int, ...]  # intervals of the groups that read it
    query_offset_ms: int = 0
    frames: tuple[Subquery, ...] = ()
    partial: Aggregation | None = None
    delay_ms: int = 0
    mirror: bool = False
    unnamed: bool = False
    text: str = ""  # of a rule that reads it, for positions in what is said of it

    def joined(self, other: "Exchange") -> "Exchange":
        """Return the exchange for the groups of both: they are equal but for their intervals."""
        assert self.id == other.id, (self.id, other.id)
        return replace(self, every_ms=tuple(sorted({*self.every_ms, *other.every_ms})))

    def step_times(self, tick_ms: int, after_ms: int | None) -> list[int]:
        """Return the times at which a tick needs the subtree, those up to `after_ms` left out.

        `after_ms`: the last time that was sent at or before its tick; None: none yet.
        """
        base_ms = tick_ms - self.query_offset_ms
        times = {base_ms}
        for frame in self.frames:
            times = {at for outer in times for at in inner_times(frame, outer, base_ms)}
        times = {at - self.delay_ms for at in times}
        if self.delay_ms or any(frame.offset_ms > 0 for frame in self.frames):
            times |= self._ahead(base_ms, after_ms)
        return sorted(at for at in times if after_ms is None or at > after_ms)

    def _ahead(self, base_ms: int, after_ms: int | None) -> set[int]:
        """Return the times up to now that later ticks will ask for: their samples are here now."""
        times: set[int] = set()
        steps = [(frame.step_ms or DEFAULT_STEP_MS, 0) for frame in self.frames[-1:]]
        for step_ms, shift_ms in steps or [(one, self.query_offset_ms) for one in self.every_ms]:
            moved_ms = shift_ms + self.delay_ms
            newest_ms = (base_ms + moved_ms) // step_ms * step_ms - moved_ms
            oldest_ms = newest_ms if after_ms is None else max(after_ms, newest_ms - LAG_MS)
            times |= set(range(newest_ms, oldest_ms - 1, -step_ms))
        return times

    @property
    def keep_ms(self) -> int | None:
        """Return how long before a tick its owner reads steps; None: for ever (`@` pins them)."""
        if any(frame.at is not None for frame in self.frames):
            return None
        around_ms = sum(frame.range_ms + max(0, frame.offset_ms) for frame in self.frames)
        return self.query_offset_ms + self.delay_ms + around_ms + max(self.every_ms)


DEFAULT_STEP_MS: Final = 60_000
"""The step of a subquery that names none."""
LAG_MS: Final = 86_400_000


def inner_times(frame: Subquery, outer_ms: int, base_ms: int) -> range:
    """Return the steps of a subquery that is evaluated at a time; `base_ms` is the query's."""
    step_ms = frame.step_ms or DEFAULT_STEP_MS
    at = frame.at
    end_ms = (outer_ms if at is None else at if isinstance(at, int) else base_ms) - frame.offset_ms
    first_ms = ((end_ms - frame.range_ms) // step_ms + 1) * step_ms
    return range(first_ms, end_ms + 1, step_ms)


@dataclass(frozen=True, slots=True)
class LongRange:
    """A range function over more than rings hold: of one selector's series, by panes."""

    tenant: str
    function: str
    selector: Selector
    range_ms: int
    pane_ms: int

    @property
    def id(self) -> str:
        """Content hash, 16 hex."""
        selector = [str(matcher) for matcher in self.selector]
        parts = (self.tenant, self.function, selector, self.range_ms, self.pane_ms)
        return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Component:
    """Groups that one shard owns: whole groups, minus the rules that are local."""

    id: str
    owner: int  # hash of tenant and name of its first group, modulo shards when it is asked
    groups: tuple[PromGroup, ...]
    exchanges: tuple[Exchange, ...]
    recorded: tuple[str, ...] = ()  # names that its rules record
    reads: tuple[tuple[Selector, int], ...] = ()  # of recorded series: selector, need_ms
    longs: tuple[LongRange, ...] = ()  # of recorded series


@dataclass(frozen=True, slots=True)
class PromPlan:
    """All Prometheus rules of a rule set."""

    groups: tuple[PromGroup, ...] = ()  # as written, for listings
    local: tuple[PromGroup, ...] = ()  # groups with their local rules only
    components: tuple[Component, ...] = ()
    unnamed: tuple[tuple[str, Selector, int], ...] = ()  # tenant, selector, need_ms: see Exchange


EMPTY_PROM = PromPlan()
