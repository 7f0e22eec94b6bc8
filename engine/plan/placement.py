"""Placement: which Prometheus rules each shard judges by itself, and which have an owner.

A rule is local where it reads series of one name, keeps them apart, and nobody needs the whole of
it. Groups that read what others record (or ALERTS) have one owner together.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from engine.plan.cut import Cutter
from engine.plan.model import Feed
from engine.plan.prom import Component, LongRange, PromGroup, PromPlan, PromRule
from engine.plan.reach import long_of, long_ranges, reach_ms, ring_reaches
from engine.plan.series_wise import is_unnamed, series_of
from engine.promql import Expr, VectorSelector, walk
from engine.series import METRIC_NAME, Matcher, Selector, group_hash

ALERTS: Final = ("ALERTS", "ALERTS_FOR_STATE")

Queries = Callable[[PromRule], Sequence[Expr]]
"""What a rule's templates ask with `query`."""


def no_queries(rule: PromRule) -> Sequence[Expr]:
    """Say that templates ask nothing."""
    del rule
    return ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A series name that a rule of a group writes, and the labels that it surely has."""

    group: int
    rule: PromRule
    name: str


@dataclass(slots=True)
class _Links:
    """Groups that belong together (union-find), and rules that must not be local."""

    parent: list[int]
    bound: set[str] = field(default_factory=set)  # identities

    def find(self, group: int) -> int:
        while self.parent[group] != group:
            self.parent[group] = self.parent[self.parent[group]]
            group = self.parent[group]
        return group

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self.parent[high] = low


class _Names:
    """What rules of a tenant write, found by the name that a selector asks for."""

    def __init__(self, written: Iterable[_Written]) -> None:
        self.by_name: dict[str, list[_Written]] = {}
        for one in written:
            self.by_name.setdefault(one.name, []).append(one)

    def matching(self, selector: Selector) -> Iterator[_Written]:
        if is_unnamed(selector):
            return  # it would bind every group to every other: see Exchange.unnamed
        fixed = [m.value for m in selector if m.name == METRIC_NAME and m.operator == "="]
        for name in fixed[:1] or self.by_name:
            for one in self.by_name.get(name, ()):
                if all(_may_match(matcher, one) for matcher in selector):
                    yield one


def _may_match(matcher: Matcher, written: _Written) -> bool:
    if matcher.name == METRIC_NAME:
        return matcher.matches({METRIC_NAME: written.name})
    have = written.rule.labels.get(matcher.name)
    if matcher.name == "alertname" and written.rule.kind == "alert":
        have = written.rule.name
    return have is None or "{{" in have or matcher.matches({matcher.name: have})


def place(groups: Sequence[PromGroup], ring_ms_max: int, queries: Queries = no_queries) -> PromPlan:
    """Return where each rule is evaluated; groups keep their order."""
    local: list[PromGroup] = []
    components: list[Component] = []
    for tenant in dict.fromkeys(group.tenant for group in groups):
        mine = [group for group in groups if group.tenant == tenant]
        names = _Names(_written(mine))
        links = _linked(mine, names, queries)
        rest: dict[int, list[PromGroup]] = {}
        for number, group in enumerate(mine):
            kept = {
                rule.identity
                for rule in group.rules
                if rule.identity not in links.bound and _is_local(rule, group, ring_ms_max, queries)
            }
            here = tuple(rule for rule in group.rules if rule.identity in kept)
            there = tuple(rule for rule in group.rules if rule.identity not in kept)
            if here:
                local.append(replace(group, rules=here))
            if there:
                rest.setdefault(links.find(number), []).append(replace(group, rules=there))
        components += [_component(part, ring_ms_max, names, queries) for part in rest.values()]
    return PromPlan(
        tuple(groups), tuple(local), tuple(components), _unnamed(components, ring_ms_max)
    )


def _unnamed(
    components: Iterable[Component], ring_ms_max: int
) -> tuple[tuple[str, Selector, int], ...]:
    needs: dict[tuple[str, Selector], int] = {}
    for component in components:
        for exchange in component.exchanges:
            if not exchange.unnamed:
                continue
            reads = ring_reaches(exchange.expr, ring_ms_max, exchange.query_offset_ms)
            for selector, need_ms in reads:
                key = component.groups[0].tenant, selector.selector
                needs[key] = max(needs.get(key, 0), need_ms + 2 * max(exchange.every_ms))
    return tuple((*key, need_ms) for key, need_ms in needs.items())


def _written(groups: Sequence[PromGroup]) -> Iterator[_Written]:
    for number, group in enumerate(groups):
        for rule in group.rules:
            if rule.kind == "record":
                yield _Written(number, rule, rule.name)
            elif rule.kind == "alert":
                yield from (_Written(number, rule, name) for name in ALERTS)


def _selectors(rule: PromRule, queries: Queries) -> Iterator[VectorSelector]:
    for expr in (rule.expr, *queries(rule)):
        yield from (node for node in walk(expr) if isinstance(node, VectorSelector))


def _linked(groups: Sequence[PromGroup], names: _Names, queries: Queries) -> _Links:
    links = _Links(list(range(len(groups))))
    known: dict[Selector, list[_Written]] = {}
    for number, group in enumerate(groups):
        for rule in group.rules:
            for node in _selectors(rule, queries):
                if node.selector not in known:
                    known[node.selector] = list(names.matching(node.selector))
                for one in known[node.selector]:
                    links.join(number, one.group)
                    links.bound |= {rule.identity, one.rule.identity}
    return links


def _is_local(rule: PromRule, group: PromGroup, ring_ms_max: int, queries: Queries) -> bool:
    if rule.kind != "alert" or group.limit or queries(rule):
        return False
    selector = series_of(rule.expr)
    if selector is None or selector.name is None:
        return False
    return reach_ms(rule.expr, ring_ms_max) <= ring_ms_max or selector.at is not None


def _component(
    groups: Sequence[PromGroup], ring_ms_max: int, names: _Names, queries: Queries
) -> Component:
    first = groups[0]
    writers = {rule.identity for group in groups for rule in group.rules}
    mixed: dict[Selector, bool] = {}

    def is_mixed(selector: Selector) -> bool:
        if selector not in mixed:
            mixed[selector] = any(one.rule.identity in writers for one in names.matching(selector))
        return mixed[selector]

    cutter = Cutter(first.tenant, ring_ms_max, is_mixed)
    cut = []
    for group in groups:
        rules = []
        for rule in group.rules:
            for asked in queries(rule):
                cutter.keep(asked, group.interval_ms, group.query_offset_ms)
            expr = cutter.cut(rule.expr, group.interval_ms, group.query_offset_ms, rule.text)
            rules.append(replace(rule, expr=expr))
        cut.append(replace(group, rules=tuple(rules)))
    identity = repr((first.tenant, first.file, first.name)).encode()
    recorded = {rule.name for group in groups for rule in group.rules if rule.kind == "record"}
    return Component(
        id=hashlib.blake2b(identity, digest_size=8).hexdigest(),
        owner=group_hash(first.tenant, ("group",), (first.name,)),
        groups=tuple(cut),
        exchanges=tuple(cutter.exchanges.values()),
        recorded=tuple(sorted(recorded)),
        reads=tuple(cutter.reads.items()),
        longs=long_ranges(cutter.longs, ring_ms_max),
    )


def _shard_side(plan: PromPlan) -> Iterator[tuple[str, Expr, int, int]]:
    """Yield what shards evaluate: tenant, expression, interval, query offset."""
    for group in plan.local:
        for rule in group.rules:
            yield group.tenant, rule.expr, group.interval_ms, group.query_offset_ms
    for component in plan.components:
        tenant = component.groups[0].tenant
        for exchange in component.exchanges:
            for every_ms in exchange.every_ms:
                yield tenant, exchange.expr, every_ms, exchange.query_offset_ms


def plan_longs(plan: PromPlan, ring_ms_max: int) -> tuple[LongRange, ...]:
    """Return the long ranges of series that live on shards."""
    exprs = ((tenant, expr, every_ms) for tenant, expr, every_ms, _ in _shard_side(plan))
    return long_ranges(exprs, ring_ms_max)


def ring_needs(plan: PromPlan, ring_ms_max: int) -> dict[Feed, int]:
    """Return the feeds that a plan reads samples of, and how far back their rings must reach."""
    needs: dict[Feed, int] = {}

    def read(tenant: str, expr: Expr, slack_ms: int) -> None:
        for selector, need_ms in ring_reaches(expr, ring_ms_max, slack_ms):
            ordered = tuple(sorted(selector.selector, key=str))
            feed = Feed(tenant, "metrics", ordered, None, None)
            needs[feed] = max(needs.get(feed, 0), need_ms)

    for tenant, expr, every_ms, late_ms in _shard_side(plan):
        read(tenant, expr, late_ms + every_ms)
    for component in plan.components:
        tenant = component.groups[0].tenant
        for exchange in component.exchanges:
            framed = exchange.expr
            if any(long_of(node, ring_ms_max) for node in walk(framed)):
                continue  # by panes, which know nothing of what is past
            for frame in reversed(exchange.frames):
                framed = replace(frame, expr=framed)
            read(tenant, framed, exchange.query_offset_ms + max(exchange.every_ms))
    return needs
