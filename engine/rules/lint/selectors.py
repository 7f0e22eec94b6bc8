"""Lints of selectors: regular expressions, offsets, NaN."""

import math
import re
from collections.abc import Iterator

from engine.document import Finding
from engine.promql import (
    COMPARISONS,
    Aggregation,
    Binary,
    Expr,
    Paren,
    Subquery,
    VectorSelector,
    format_duration,
)
from engine.rules.lint.bounds import bounds_of, constant
from engine.rules.lint.subject import Subject
from engine.series import Matcher

_PLAIN = re.compile(r"(?:[A-Za-z0-9_/:,=@%&<>~;'\"! -]|\\[.\-/+*?()\[\]{}|^$])+")
_CODE = "promql-regexp"


def regexp(subject: Subject) -> Iterator[Finding]:
    """promql/regexp: expressions that need none, that match all, that repeat the anchors."""
    for node in subject.nodes:
        if isinstance(node, VectorSelector):
            for matcher in node.selector:
                if matcher.operator in ("=~", "!~"):
                    yield from _regexp(subject, node, matcher)


def _regexp(subject: Subject, node: VectorSelector, matcher: Matcher) -> Iterator[Finding]:
    text = matcher.value
    positive = matcher.operator == "=~"
    if text == ".*":
        what = "matches everything" if positive else "matches nothing at all"
        yield _said(subject, node, matcher, f"{matcher} {what}",
                    "remove the matcher" if positive else "correct the expression")  # fmt: skip
    elif text == ".+":
        other = f'{matcher.name}!=""' if positive else f'{matcher.name}=""'
        yield _said(subject, node, matcher, f"{matcher} needs no expression", f"write {other}")
    elif _PLAIN.fullmatch(text):
        plain = Matcher(matcher.name, "=" if positive else "!=", re.sub(r"\\(.)", r"\1", text))
        yield _said(subject, node, matcher, f"{matcher} is an equality", f"write {plain}")
    elif "|" not in text and (text.startswith("^") or _ends_anchored(text)):
        bare = text.removeprefix("^")
        bare = bare[:-1] if _ends_anchored(bare) else bare
        yield _said(subject, node, matcher, f"{matcher} is anchored already",
                    f"write {Matcher(matcher.name, matcher.operator, bare)}")  # fmt: skip


def _ends_anchored(text: str) -> bool:
    return text.endswith("$") and not text.endswith("\\$")


def _said(
    subject: Subject, node: VectorSelector, matcher: Matcher, message: str, help_text: str
) -> Finding:
    start, end = node.span
    operator = re.escape(matcher.operator)
    written = rf"(?<![\w.]){re.escape(matcher.name)}[\"'`]?\s*{operator}\s*([\"'`])"
    at = re.search(written, subject.rule.text[start:end])
    span = node.span
    if at is not None:
        span = (start + at.start(), start + at.end() + len(matcher.value) + 1)
    return subject.of_expr(span, _CODE, message, help_text)


def offset(subject: Subject) -> Iterator[Finding]:
    """promql/offset: a negative offset reads what has not happened yet."""
    for node in subject.nodes:
        if isinstance(node, VectorSelector | Subquery) and node.offset_ms < 0:
            ahead = format_duration(-node.offset_ms)
            yield subject.of_expr(
                node.span, "promql-offset", f"this reads {ahead} ahead: a rule finds nothing there",
                "remove the minus, or the offset",
            )  # fmt: skip


def nan(subject: Subject) -> Iterator[Finding]:
    """promql/nan: comparisons with NaN; one division by zero that spoils a whole sum."""
    for node in subject.nodes:
        if isinstance(node, Binary) and node.operator in COMPARISONS:
            yield from _compared(subject, node)
        elif isinstance(node, Aggregation) and node.operator in _SPOILED:
            inner = _bare(node.expr)
            if isinstance(inner, Binary) and inner.operator in ("/", "%") and _may_be_zero(inner):
                yield subject.of_expr(
                    inner.operator_span, "promql-nan",
                    f"where the right side is 0, {node.operator}() of all becomes NaN or Inf",
                    "leave those rows out: … / (… > 0), or divide the sums",
                )  # fmt: skip


_SPOILED = frozenset({"sum", "avg", "stddev", "stdvar"})


def _compared(subject: Subject, node: Binary) -> Iterator[Finding]:
    """Nothing equals NaN, and nothing is above or below it."""
    if any(map(_is_nan, (node.left, node.right))):
        holds = "always" if node.operator == "!=" else "never"
        yield subject.of_expr(node.span, "promql-nan", f"a comparison with NaN {holds} holds",
                              "to find NaN write x != x")  # fmt: skip


def _may_be_zero(node: Binary) -> bool:
    divisor = _bare(node.right)
    if isinstance(divisor, Binary) and divisor.operator == "!=" and constant(divisor.right) == 0:
        return False
    return bounds_of(divisor).contains(0.0)


def _bare(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def _is_nan(expr: Expr) -> bool:
    value = constant(expr)
    return value is not None and math.isnan(value)
