"""Turn a rule set into the plan that sources project by and shards judge by."""

import json
import re
from dataclasses import replace
from typing import Final, Literal

from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import (
    ComputedColumn,
    Feed,
    Leaf,
    Plan,
    Predicate,
    PromGroup,
    PromRule,
    RuleLevel,
    RulePlan,
    Store,
    place,
    plan_longs,
    ring_needs,
)
from engine.promql import Expr, PromQLError, VectorSelector, parse, transform, with_default_step
from engine.rules.model import INTERVAL_MS, NativeRule, RuleSet
from engine.template import go

STORE_OF: dict[str, Store] = {
    "count": "panes", "sum": "panes", "avg": "panes", "min": "panes", "max": "panes",
    "last": "panes", "rate": "increase", "increase": "increase", "quantile": "values",
    "distinct": "distinct",
}  # fmt: skip


class _Builder:
    """Collects feeds and leaves; equal ones are taken once."""

    def __init__(self) -> None:
        self.feeds: dict[Feed, int] = {}
        self.leaves: dict[tuple[int, int, Store, str | None], int] = {}
        self.keep_ms: list[int] = []

    def feed(self, rule: NativeRule) -> int:
        filters = tuple((f.operator, f.text) for f in rule.input.line_filters)
        feed = Feed(
            tenant=rule.tenant,
            kind=rule.input.kind,
            selector=tuple(sorted(rule.input.selector, key=str)),
            predicate=Predicate(filters) if filters else None,
            by=tuple(sorted(rule.by)),
        )
        return self.feeds.setdefault(feed, len(self.feeds))

    def leaf(self, feed: int, rule: NativeRule, store: Store, field: str | None) -> int:
        key = (feed, rule.window.every_ms, store, field)
        index = self.leaves.setdefault(key, len(self.leaves))
        if index == len(self.keep_ms):
            self.keep_ms.append(0)
        self.keep_ms[index] = max(self.keep_ms[index], rule.window.width_ms)
        return index


def compile_plan(rules: RuleSet, limits: Limits = DEFAULT_LIMITS) -> Plan:
    """Return the plan of a rule set; equal rule sets and limits give equal plans."""
    builder = _Builder()
    plans = tuple(_rule(builder, rule) for rule in rules.rules)
    stepped = tuple(_stepped(group, rules.interval_ms) for group in rules.prom)
    prom = place(stepped, limits.ring_ms_max, asked_by)
    ring_ms = {
        builder.feeds.setdefault(feed, len(builder.feeds)): need_ms
        for feed, need_ms in ring_needs(prom, limits.ring_ms_max).items()
    }
    feeds = tuple(builder.feeds)
    leaves = tuple(
        Leaf(feed, feeds[feed].id, pane_ms, store, field, builder.keep_ms[index])
        for (feed, pane_ms, store, field), index in builder.leaves.items()
    )
    longs = plan_longs(prom, limits.ring_ms_max)
    return Plan(rules.digest, feeds, leaves, plans, prom, ring_ms, longs)


def _stepped(group: PromGroup, step_ms: int) -> PromGroup:
    """Give subqueries without a step the one of the configuration, as Prometheus does."""
    rules = tuple(replace(r, expr=with_default_step(r.expr, step_ms)) for r in group.rules)
    return replace(group, rules=rules)


def _rule(builder: _Builder, rule: NativeRule) -> RulePlan:
    feed = builder.feed(rule)
    columns = tuple(
        ComputedColumn(
            name=compute.name,
            function=compute.function,
            leaf=builder.leaf(feed, rule, STORE_OF[compute.function], compute.field),
            parameter=compute.parameter,
        )
        for compute in rule.compute
    )
    logs: Literal["lines"] = "lines"
    return RulePlan(
        tenant=rule.tenant,
        group=rule.group,
        name=rule.name,
        identity=rule.identity,
        version=rule.version,
        file=rule.file,
        line=rule.line,
        feed=feed,
        columns=columns,
        rows_leaf=builder.leaf(feed, rule, "panes", None),
        lines_leaf=builder.leaf(feed, rule, logs, None) if rule.input.kind == "logs" else None,
        levels=tuple(RuleLevel(level.name, level.condition) for level in rule.levels),
        recover=rule.recover,
        width_ms=rule.window.width_ms,
        every_ms=rule.window.every_ms,
        for_ms=rule.for_ms,
        keep_firing_for_ms=rule.keep_firing_for_ms,
        arrival=rule.evaluate == "arrival",
        keep_without_data=rule.no_data == "keep",
        labels=dict(rule.labels),
        annotations=dict(rule.annotations),
    )


def asked_by(rule: PromRule) -> tuple[Expr, ...]:
    """Return what a rule's templates ask with `query`, as far as it is known before they run.

    Where printf builds a text, a matcher of what is built in may have any value.
    """
    found: list[Expr] = []
    for text in (*rule.labels.values(), *rule.annotations.values()):
        if "query" not in text:
            continue
        for use in go.references(text).queries:
            if use.text is None:
                continue
            try:
                expr = parse(use.text if use.is_literal else _VERB.sub(_filled, use.text))
            except PromQLError:
                continue  # asking fails when the template runs, and says why
            found.append(expr if use.is_literal else transform(expr, _without_built))
    return tuple(found)


_BUILT: Final = "\ue000"
_VERB: Final = re.compile(r"%[-+# 0]*[\d.]*([a-zA-Z%])")


def _filled(verb: re.Match[str]) -> str:
    kind = verb[1]
    if kind == "%":
        return "%"
    return f'"{_BUILT}"' if kind == "q" else "1" if kind in "dfgeFGE" else _BUILT


def _without_built(expr: Expr) -> Expr:
    if not isinstance(expr, VectorSelector):
        return expr
    kept = tuple(matcher for matcher in expr.selector if _BUILT not in matcher.value)
    return replace(expr, selector=kept)


def plan_text(rules: RuleSet) -> bytes:
    """Return a rule set as it is published on `control`: all that it is loaded from."""
    told = {"v": 2, "interval_ms": rules.interval_ms, "files": dict(rules.files)}
    return json.dumps(told, sort_keys=True, ensure_ascii=False).encode()


def read_plan_text(raw: bytes) -> tuple[dict[str, str], int]:
    """Return the files and the default interval of what plan_text() wrote, in any version."""
    told = json.loads(raw)
    if told.get("v") != 2:  # the first version was the files alone
        return told, INTERVAL_MS
    return told["files"], told["interval_ms"]
