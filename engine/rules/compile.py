"""Turn a rule set into the plan that sources project by and shards judge by."""

import json
from typing import Literal

from engine.plan import ComputedColumn, Feed, Leaf, Plan, Predicate, RuleLevel, RulePlan, Store
from engine.rules.model import NativeRule, RuleSet

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


def compile_plan(rules: RuleSet) -> Plan:
    """Return the plan of a rule set; equal rule sets give equal plans."""
    builder = _Builder()
    plans = tuple(_rule(builder, rule) for rule in rules.rules)
    feeds = tuple(builder.feeds)
    leaves = tuple(
        Leaf(feed, feeds[feed].id, pane_ms, store, field, builder.keep_ms[index])
        for (feed, pane_ms, store, field), index in builder.leaves.items()
    )
    return Plan(digest=rules.digest, feeds=feeds, leaves=leaves, rules=plans)


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


def plan_text(rules: RuleSet) -> bytes:
    """Return a rule set as it is published on `control`: its files, from which it is loaded."""
    return json.dumps(dict(rules.files), sort_keys=True, ensure_ascii=False).encode()
