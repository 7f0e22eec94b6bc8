"""Lints of counters: where rate belongs, and what it must not be given."""

from collections.abc import Iterator, Mapping

from engine.document import Finding, format_duration
from engine.promql import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    children,
)
from engine.rules.lint.subject import Subject

_RATES = frozenset({"rate", "irate", "increase", "resets"})
_GAUGES = frozenset({"delta", "idelta", "deriv", "predict_linear"})
_COUNTING = frozenset({"absent", "absent_over_time", "present_over_time", "count_over_time",
                       "changes", "timestamp", "first_over_time", "last_over_time"})  # fmt: skip
_SUMMING = frozenset({"sum", "avg", "max", "min", "topk", "bottomk"})


def rate(subject: Subject) -> Iterator[Finding]:
    """promql/rate: rate of a sum, rate of a rate, gauges' functions of counters."""
    for node in subject.nodes:
        if not isinstance(node, Call) or node.function not in _RATES | _GAUGES:
            continue
        ranged = next(
            (each for each in node.args if isinstance(each, MatrixSelector | Subquery)), None
        )
        if isinstance(ranged, Subquery) and node.function in _RATES:
            yield from _of_subquery(subject, node, ranged)
        elif isinstance(ranged, MatrixSelector):
            yield from _of_selector(subject, node, ranged)


def _of_subquery(subject: Subject, node: Call, ranged: Subquery) -> Iterator[Finding]:
    inner = _inner(ranged.expr)
    if isinstance(inner, Aggregation) and inner.operator in _SUMMING:
        yield subject.of_expr(
            node.span, "promql-rate",
            f"{node.function}() of {inner.operator}(): a restart of one counter looks like one of "
            "all",
            f"write {inner.operator}({node.function}(…))",
        )  # fmt: skip
    elif isinstance(inner, Call) and inner.function in _RATES:
        yield subject.of_expr(
            node.span, "promql-rate",
            f"{node.function}() of {inner.function}(): its result is no counter",
            "use deriv() or delta() for how fast a rate changes",
        )  # fmt: skip


def _of_selector(subject: Subject, node: Call, ranged: MatrixSelector) -> Iterator[Finding]:
    name = ranged.vector.name or ""
    rule = subject.facts.recording(name)
    if node.function in _GAUGES:
        if _is_counter(name) and rule is None:
            yield subject.of_expr(
                node.span, "promql-rate",
                f"{node.function}() is for gauges; by its name {name} is a counter",
                "use rate() or increase(): they know that counters begin again at 0",
            )  # fmt: skip
        return
    if rule is not None:
        inner = _inner(rule.expr)
        if isinstance(inner, Aggregation) and inner.operator in _SUMMING:
            yield subject.of_expr(
                node.span, "promql-rate",
                f"{node.function}() of {name}, which records {inner.operator}(): a restart of one "
                "counter looks like one of all",
                "record the rate, and sum that",
            )  # fmt: skip
        elif isinstance(inner, Call) and inner.function in _RATES:
            yield subject.of_expr(
                node.span, "promql-rate",
                f"{node.function}() of {name}, which records {inner.function}(): no counter",
                "use it as it is, or deriv()",
            )  # fmt: skip
    elif ranged.range_ms < subject.group.interval_ms:
        yield subject.of_expr(
            ranged.span, "promql-rate",
            f"evaluated every {format_duration(subject.group.interval_ms)}, "
            f"{node.function}() only sees {format_duration(ranged.range_ms)} of that",
            "use a range of the interval or more",
        )  # fmt: skip


def counter(subject: Subject) -> Iterator[Finding]:
    """promql/counter: the value of a counter says when its process began.

    A recording rule may sum counters for a rate to come; in an alert nothing comes after.
    """
    if subject.is_alert:
        yield from _counters(subject, subject.rule.expr, plain=True)


def _counters(subject: Subject, expr: Expr, plain: bool) -> Iterator[Finding]:
    """Go down; `plain` says whether the value itself is what is used."""
    match expr:
        case VectorSelector():
            name = expr.name or ""
            if plain and _is_counter(name) and subject.facts.recording(name) is None:
                yield subject.of_expr(
                    expr.span, "promql-counter",
                    f"by its name {name} is a counter: its value falls to 0 with every restart",
                    "use rate() or increase() of it",
                )  # fmt: skip
        case MatrixSelector():
            return
        case Call():
            still = plain and expr.function not in _RATES | _COUNTING
            for each in expr.args:
                yield from _counters(subject, each, still)
        case Aggregation():
            still = plain and expr.operator not in ("count", "group", "count_values")
            yield from _counters(subject, expr.expr, still)
        case Subquery():
            yield from _counters(subject, expr.expr, plain=False)
        case Binary():
            yield from _of_sides(subject, expr, plain)
        case _:
            for each in children(expr):
                yield from _counters(subject, each, plain)


def _of_sides(subject: Subject, expr: Binary, plain: bool) -> Iterator[Finding]:
    # A difference to an earlier value, or the part of one counter in another, is no mistake.
    if expr.operator in ("-", "/", "%") or expr.operator in ("==", "!="):
        plain = False
    yield from _counters(subject, expr.left, plain)
    right = plain and expr.operator not in ("and", "unless")
    yield from _counters(subject, expr.right, right)


def _inner(expr: Expr) -> Expr:
    while isinstance(expr, Paren | Unary):
        expr = expr.expr
    return expr


_SUFFIXES: Mapping[str, str] = {"_total": "counter"}


def _is_counter(name: str) -> bool:
    """Say whether a name is a counter's by the conventions; recorded names have colons."""
    return ":" not in name and name.endswith(tuple(_SUFFIXES))
