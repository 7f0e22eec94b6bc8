"""The rules in force as the HTTP room shows them: native and Prometheus rules, as written."""

from collections.abc import Iterable, Mapping

import msgspec

from engine import api
from engine.alerts import RuleHealth
from engine.plan import PromGroup, PromRule
from engine.rules import NativeRule, RuleSet


def rule_views(
    rules: RuleSet, failing: Iterable[RuleHealth], ticked_ms: Mapping[int, int]
) -> tuple[api.RuleView, ...]:
    """Return all rules in the order of files and lines.

    `failing`: what shards said of rules that fail; `ticked_ms`: interval -> the last tick here.
    """
    errors = {(each.rule_id, each.rule_version): each for each in failing}
    views = [_native(rule) for rule in rules.rules]
    views += [_prometheus(group, rule) for group in rules.prom for rule in group.rules]
    return tuple(
        _as_it_fares(view, errors.get((view.identity, view.version)), ticked_ms)
        for view in sorted(views, key=lambda view: (view.file, view.line))
    )


def _as_it_fares(
    view: api.RuleView, failing: RuleHealth | None, ticked_ms: Mapping[int, int]
) -> api.RuleView:
    last_ms = ticked_ms.get(view.interval_ms, 0)
    if failing is not None:
        return msgspec.structs.replace(
            view, health="err", last_error=failing.error, last_evaluation_ms=last_ms
        )
    return msgspec.structs.replace(view, last_evaluation_ms=last_ms) if last_ms else view


def _prometheus(group: PromGroup, rule: PromRule) -> api.RuleView:
    return api.RuleView(
        identity=rule.identity,
        group=group.name,
        name=rule.name,
        file=rule.file,
        line=rule.line,
        version=rule.version,
        query=rule.text,
        kind="recording" if rule.kind == "record" else "alerting",
        labels=rule.labels,
        annotations=rule.annotations,
        interval_ms=group.interval_ms,
        for_ms=rule.for_ms,
        keep_firing_for_ms=rule.keep_firing_for_ms,
        health="ok",
        group_limit=group.limit,
    )


def _native(rule: NativeRule) -> api.RuleView:
    reads = "{" + ", ".join(str(matcher) for matcher in rule.input.selector) + "}"
    filters = "".join(f' {f.operator} "{f.text}"' for f in rule.input.line_filters)
    columns = ", ".join(
        f"{c.name} = {c.function}({', '.join(_arguments(c.parameter, c.field))})"
        for c in rule.compute
    )
    when = "; ".join(f"{level.name or 'when'}: {level.condition}" for level in rule.levels)
    return api.RuleView(
        identity=rule.identity,
        group=rule.group,
        name=rule.name,
        file=rule.file,
        line=rule.line,
        version=rule.version,
        query=f"{rule.input.kind} {reads}{filters} | {columns} | {when}",
        labels=rule.labels,
        annotations=rule.annotations,
        interval_ms=rule.window.every_ms,
        for_ms=rule.for_ms,
        keep_firing_for_ms=rule.keep_firing_for_ms,
        health="ok",
    )


def _arguments(parameter: float | None, field: str | None) -> list[str]:
    shown = [] if parameter is None else [f"{parameter:g}"]
    return shown if field is None else [*shown, field]
