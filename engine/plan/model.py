"""The plan of a rule set: feeds (what is read), leaves (remembered), rules (what is judged).

Feeds and leaves are shared by every rule that asks the same of the same rows, and are known by a
content hash: one that a new rule set still has keeps its state.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.plan.expression import Expression
from engine.plan.prom import EMPTY_PROM, LongRange, PromPlan
from engine.series import Selector

Store = Literal["panes", "increase", "values", "distinct", "lines"]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A chain of line filters; a row's bit says whether its line passed all of them."""

    filters: tuple[tuple[str, str], ...]  # (operator, text), in order

    @property
    def id(self) -> bytes:
        """Eight bytes that name it in a batch."""
        return hashlib.blake2b(repr(self.filters).encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows that pass a selector and a predicate, in groups by labels.

    `by` None: every series by itself, on the shard that the hash of all its labels names; its
    samples go to a ring (PromQL).
    """

    tenant: str
    kind: Literal["metrics", "logs"]
    selector: Selector
    predicate: Predicate | None
    by: tuple[str, ...] | None

    @property
    def id(self) -> str:
        """Content hash, 16 hex."""
        filters = self.predicate.filters if self.predicate else ()
        parts = (self.tenant, self.kind, [str(m) for m in self.selector], filters, self.by)
        return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One store over the rows of a feed, in panes of `pane_ms` that end at multiples of it."""

    feed: int
    feed_id: str
    pane_ms: int
    store: Store
    field: str | None  # None: a sample's value
    keep_ms: int  # the longest window that reads it

    @property
    def id(self) -> str:
        """Content hash, 16 hex; how long it is kept is no part of it."""
        parts = (self.feed_id, self.pane_ms, self.store, self.field)
        return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class ComputedColumn:
    """One name of a condition: a function over a leaf's window."""

    name: str
    function: str
    leaf: int
    parameter: float | None


@dataclass(frozen=True, slots=True)
class RuleLevel:
    """A condition and the severity it means; levels rise in order."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class RulePlan:
    """A rule, ready to be judged."""

    tenant: str
    group: str
    name: str
    identity: str
    version: str
    file: str
    line: int
    feed: int
    columns: tuple[ComputedColumn, ...]
    rows_leaf: int  # the panes leaf that says how many rows there are
    lines_leaf: int | None  # evidence of log rules
    levels: tuple[RuleLevel, ...]
    recover: Expression | None
    width_ms: int
    every_ms: int
    for_ms: int
    keep_firing_for_ms: int
    arrival: bool
    keep_without_data: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a rule set asks of the streams."""

    digest: str
    feeds: tuple[Feed, ...]
    leaves: tuple[Leaf, ...]
    rules: tuple[RulePlan, ...]
    prom: PromPlan = EMPTY_PROM
    ring_ms: Mapping[int, int] = field(default_factory=dict)  # feed -> how far back it is read
    longs: tuple[LongRange, ...] = ()  # of series that live on shards

    @property
    def size(self) -> int:
        """The number of rules of both kinds."""
        return len(self.rules) + sum(len(group.rules) for group in self.prom.groups)


EMPTY_PLAN = Plan(digest="", feeds=(), leaves=(), rules=())
