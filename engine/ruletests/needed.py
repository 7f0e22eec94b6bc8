"""Which rules a test depends on: the others are left out, which is most of the time it takes.

Left out is a rule that cannot fail on this input and whose result nobody reads: it selects none of
the series, is not asked about, and no rule that counts reads what it records.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.plan import PromGroup, PromRule
from engine.promql import Expr, MatrixSelector, VectorSelector, walk
from engine.ruletests.model import TestGroup
from engine.series import METRIC_NAME, Selector, selects
from engine.vector import LabelSet

_QUERY = re.compile(r"\{\{[^}]*\bquery\b")  # a template that may read anything
_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


def selectors(expr: Expr) -> list[VectorSelector]:
    """Return the vector selectors of an expression."""
    found = []
    for node in walk(expr):
        if isinstance(node, VectorSelector):
            found.append(node)
        elif isinstance(node, MatrixSelector) and node.vector not in found:
            found.append(node.vector)
    return found


def needed(groups: Sequence[PromGroup], test: TestGroup) -> tuple[PromGroup, ...]:
    """Return the groups with the rules that can make a difference to a test."""
    asked = {one.name for one in test.alerts}
    series = [one.labels for one in test.series]
    rules = [rule for group in groups for rule in group.rules]
    reads = {rule.identity: [one.selector for one in selectors(rule.expr)] for rule in rules}
    keep = {
        rule.identity
        for rule in rules
        if (rule.kind == "alert" and rule.name in asked)
        or any(_any(selector, series) for selector in reads[rule.identity])
    }
    read = [s.selector for one in test.expressions for s in selectors(one.expr)]
    while True:
        wanted = [*read, *(s for identity in keep for s in reads[identity])]
        # What kept rules record can also make others fail: those that read it are kept too.
        recorded = [r.name for r in rules if r.identity in keep and r.kind == "record"]
        more = {
            rule.identity
            for rule in rules
            if rule.identity not in keep
            and (
                _read(rule, wanted)
                or any(_named(selector, recorded) for selector in reads[rule.identity])
            )
        }
        if not more:
            break
        keep |= more
    if any(_QUERY.search(t) for r in rules if r.identity in keep for t in _templates(r)):
        return tuple(groups)
    kept = (
        replace(group, rules=tuple(rule for rule in group.rules if rule.identity in keep))
        for group in groups
    )
    return tuple(group for group in kept if group.rules)


def _templates(rule: PromRule) -> Iterable[str]:
    return (*rule.labels.values(), *rule.annotations.values())


def _any(selector: Selector, series: Iterable[LabelSet]) -> bool:
    return any(selects(selector, dict(labels)) for labels in series)


def _read(rule: PromRule, wanted: Iterable[Selector]) -> bool:
    names = (rule.name,) if rule.kind == "record" else _ALERTS
    return any(_named(selector, names) for selector in wanted)


def _named(selector: Selector, names: Iterable[str]) -> bool:
    """Whether the matchers of the metric's name let any of these names through."""
    on_name = tuple(matcher for matcher in selector if matcher.name == METRIC_NAME)
    return any(selects(on_name, {METRIC_NAME: name}) for name in names)
