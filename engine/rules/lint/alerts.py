"""Lints of alerting rules: when they fire, and what they say."""

from collections.abc import Iterator

from engine.document import Finding, ScalarNode, format_duration
from engine.promql import (
    COMPARISONS,
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    type_of,
)
from engine.rules.lint.bounds import Bounds, bounds_of, compared, constant
from engine.rules.lint.shape import text_of
from engine.rules.lint.subject import Subject
from engine.template import go


def absent(subject: Subject) -> Iterator[Finding]:
    """alerts/absent: absent() without `for` fires on one missed scrape."""
    if not subject.is_alert or subject.rule.for_ms:
        return
    for node in subject.nodes:
        if isinstance(node, Call) and node.function == "absent":
            yield subject.of_expr(
                node.span, "alerts-absent",
                "absent() without `for` fires as soon as one scrape is missed",
                "add `for:` of a few scrape intervals, or use absent_over_time(…[10m])",
            )  # fmt: skip


def comparison(subject: Subject) -> Iterator[Finding]:
    """alerts/comparison: a query without a condition fires for whatever it matches."""
    if not subject.is_alert:
        return
    for part in _alternatives(subject.rule.expr):
        if _has_condition(part):
            yield from _always_true(subject, part)
        elif isinstance(part, Binary) and part.bool_modifier:
            yield subject.of_expr(part.span, "alerts-comparison",
                                  "`bool` gives 0 or 1 and filters nothing: this always fires",
                                  "remove `bool`, or compare the result with == 1")  # fmt: skip
        elif not _is_heartbeat(part):
            yield subject.of_expr(part.span, "alerts-comparison",
                                  "no condition: this fires for every series that it matches",
                                  "compare it with a threshold: … > 0")  # fmt: skip


def _always_true(subject: Subject, part: Expr) -> Iterator[Finding]:
    """A comparison that every value passes is no condition; `count(…) > 0` asks if there is any."""
    if not isinstance(part, Binary) or part.operator not in COMPARISONS or part.bool_modifier:
        return
    found = compared(part)
    if found is None:
        return
    inner, operator, value = found
    bounds = bounds_of(inner)
    if bounds.low == 1 or bounds.is_empty or not _takes_all(bounds, operator, value):
        return
    yield subject.of_expr(part.span, "alerts-comparison",
                          f"{text_of(inner)} {operator} {value:g} is always true",
                          "use a threshold that not every value passes")  # fmt: skip


def _takes_all(bounds: Bounds, operator: str, value: float) -> bool:
    match operator:
        case ">":
            return bounds.low > value
        case ">=":
            return bounds.low >= value
        case "<":
            return bounds.high < value
        case "<=":
            return bounds.high <= value
        case "!=":
            return value < bounds.low or value > bounds.high
    return False


def _outermost(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def _alternatives(expr: Expr) -> Iterator[Expr]:
    """Split at `or`: each side fires by itself."""
    expr = _outermost(expr)
    if isinstance(expr, Binary) and expr.operator == "or":
        yield from _alternatives(expr.left)
        yield from _alternatives(expr.right)
    else:
        yield expr


def _is_heartbeat(expr: Expr) -> bool:
    """vector(1) is meant to fire always: it shows that alerts arrive."""
    return (
        isinstance(expr, Call) and expr.function == "vector" and constant(expr.args[0]) is not None
    )


def _has_condition(expr: Expr) -> bool:
    match expr:
        case Paren() | Unary() | Aggregation() | Subquery():
            return _has_condition(expr.expr)
        case VectorSelector():
            return expr.name in ("ALERTS", "ALERTS_FOR_STATE")
        case MatrixSelector():
            return _has_condition(expr.vector)
        case Call(function="absent" | "absent_over_time"):
            return True
        case Call():
            return any(_has_condition(each) for each in expr.args if type_of(each) != "string")
        case Binary(operator="and" | "unless"):
            return True
        case Binary(operator="or"):
            return _has_condition(expr.left) and _has_condition(expr.right)
        case Binary() if expr.operator in COMPARISONS:
            return not expr.bool_modifier or _has_condition(expr.left)
        case Binary():
            return _has_condition(expr.left) or _has_condition(expr.right)
        case Number():
            return False
    return False


def external_labels(subject: Subject) -> Iterator[Finding]:
    """alerts/external_labels: a template reads an external label that is not set."""
    known = subject.facts.options.external_labels
    if known is None or not subject.is_alert:
        return
    for place, texts in (
        ("labels", subject.rule.labels),
        ("annotations", subject.rule.annotations),
    ):
        for name, text in texts.items():
            for use in go.references(text).external_labels:
                if use.name not in known:
                    yield subject.of_text(
                        place, name, (use.start, use.end), "alerts-external-labels",
                        f"there is no external label {use.name!r}",
                        "set it under external_labels:, or correct its name",
                    )  # fmt: skip


def annotation(subject: Subject) -> Iterator[Finding]:
    """alerts/annotation: an annotation that the project asks for is missing or empty."""
    if not subject.is_alert:
        return
    for name in subject.facts.options.annotations_required:
        if not subject.rule.annotations.get(name, "").strip():
            yield subject.of_key("alert", "alerts-annotation",
                                 f"{subject.rule.name} has no annotation {name!r}",
                                 f"add `{name}:` under annotations:")  # fmt: skip


def redundant_for(subject: Subject) -> Iterator[Finding]:
    """alerts/for: `for: 0s` says nothing; one below the interval is the interval."""
    node = subject.node
    if not subject.is_alert or node is None:
        return
    for key, value in (
        ("for", subject.rule.for_ms),
        ("keep_firing_for", subject.rule.keep_firing_for_ms),
    ):
        written = node.get(key)
        if not isinstance(written, ScalarNode) or written.value is None:
            continue
        if not value:
            yield subject.of_key(key, "alerts-for", f"`{key}: {written.text}` is the default",
                                 f"remove `{key}`")  # fmt: skip
        elif key == "for" and value < subject.group.interval_ms:
            interval = format_duration(subject.group.interval_ms)
            yield subject.of_key(key, "alerts-for",
                                 f"`for` is shorter than the group's interval: it lasts {interval}",
                                 f"write `for: {interval}`, or a shorter interval")  # fmt: skip
