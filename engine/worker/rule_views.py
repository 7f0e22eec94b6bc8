"""The rules in force as the HTTP room shows them: native and Prometheus rules, as written."""

from engine import api
from engine.plan import PromGroup, PromRule
from engine.rules import NativeRule, RuleSet


def rule_views(rules: RuleSet) -> tuple[api.RuleView, ...]:
    """Return all rules in the order of files and lines; how they fare is in `standing`."""
    views = [_native(rule) for rule in rules.rules]
    views += [_prometheus(group, rule) for group in rules.prom for rule in group.rules]
    return tuple(sorted(views, key=lambda view: (view.file, view.line)))


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
        native=True,
    )


def _arguments(parameter: float | None, field: str | None) -> list[str]:
    shown = [] if parameter is None else [f"{parameter:g}"]
    return shown if field is None else [*shown, field]
