"""promql/impossible: parts of an expression that never give a result, or never matter."""

from collections.abc import Iterator

from engine.document import Finding
from engine.promql import COMPARISONS, Aggregation, Binary, Call, Expr, Paren, VectorSelector
from engine.rules.lint.bounds import bounds_of, compared, filtered
from engine.rules.lint.shape import shape_of, text_of
from engine.rules.lint.subject import Subject
from engine.series import Matcher

_CODE = "promql-impossible"


def impossible(subject: Subject) -> Iterator[Finding]:
    """promql/impossible: comparisons that never hold, matchers that exclude each other."""
    for node in subject.nodes:
        if isinstance(node, Binary) and node.operator in COMPARISONS and not node.bool_modifier:
            yield from _comparison(subject, node)
        elif isinstance(node, Binary) and node.operator == "or":
            yield from _unreached(subject, node)
        elif isinstance(node, VectorSelector):
            yield from _selector(subject, node)
        elif isinstance(node, Aggregation):
            yield from _grouped(subject, node)


def _grouped(subject: Subject, node: Aggregation) -> Iterator[Finding]:
    """`sum(sum(a)) by (x)`: what is grouped by has been removed before."""
    if node.without:
        return
    shape = shape_of(node.expr, subject.facts)
    for label in node.labels:
        if not shape.has(label) and shape.reason:
            yield subject.of_expr(node.span, _CODE,
                                  f"`by({label})`, but there is no label {label!r}: {shape.reason}",
                                  "keep the label in the inner part")  # fmt: skip
            return


def _comparison(subject: Subject, node: Binary) -> Iterator[Finding]:
    found = compared(node)
    left = filtered(node)
    if found is None or left is None or not left.is_empty:
        return
    inner, operator, value = found
    if bounds_of(inner).is_empty:
        return  # told where it begins
    help_text = "correct the number or the sign"
    if operator in ("==", "<", "<=") and value <= 1 and bounds_of(inner).low == 1:
        help_text = "nothing to count is no row: write absent(…), or … or vector(0)"
    message = f"{text_of(inner)} {operator} {value:g} never holds"
    yield subject.of_expr(node.span, _CODE, message, help_text)


def _unreached(subject: Subject, node: Binary) -> Iterator[Finding]:
    """`vector(0) or x`: the left side is always there, and has no labels to leave others."""
    left = node.left
    while isinstance(left, Paren):
        left = left.expr
    if isinstance(left, Call) and left.function == "vector" and _is_on_nothing(node):
        yield subject.of_expr(node.right.span, _CODE,
                              "the left side of `or` always has a row: this one is never used",
                              "put the fallback on the right: x or vector(0)")  # fmt: skip


def _is_on_nothing(node: Binary) -> bool:
    matching = node.matching
    if matching is not None and matching.on and not matching.labels:
        return True
    right: Expr = node.right
    while isinstance(right, Paren):
        right = right.expr
    return isinstance(right, Call) and right.function == "vector"


def _selector(subject: Subject, node: VectorSelector) -> Iterator[Finding]:
    wanted: dict[str, Matcher] = {}
    for matcher in node.selector:
        if matcher.operator == "=":
            other = wanted.setdefault(matcher.name, matcher)
            if other.value != matcher.value:
                yield _said(subject, node, other, matcher)
    for matcher in node.selector:
        first = wanted.get(matcher.name)
        if (
            first is not None
            and matcher.operator != "="
            and not matcher.matches({matcher.name: first.value})
        ):
            yield _said(subject, node, first, matcher)


def _said(subject: Subject, node: VectorSelector, one: Matcher, other: Matcher) -> Finding:
    return subject.of_expr(node.span, _CODE, f"{one} and {other} exclude each other",
                           "no series has both: remove one")  # fmt: skip
