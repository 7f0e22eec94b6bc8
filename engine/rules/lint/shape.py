"""Which labels the rows of an expression can have."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.promql import (
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Span,
    String,
    Subquery,
    Unary,
    VectorSelector,
    to_text,
    type_of,
)
from engine.rules.lint.subject import RuleSetFacts
from engine.series import METRIC_NAME

_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Labels that rows can have: `only` these (None: any), and none of `without`.

    `reason` says what took the others away, and `span` where that stands in the expression.
    """

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    reason: str = ""
    span: Span = (0, 0)

    def has(self, label: str) -> bool:
        """Say whether rows can have a label."""
        return label not in self.without and (self.only is None or label in self.only)

    def kept(self, labels: Iterable[str], reason: str, span: Span) -> "Shape":
        """Return the shape with nothing but these labels."""
        return Shape(frozenset(label for label in labels if self.has(label)), frozenset(), reason,
                     span)  # fmt: skip

    def dropped(self, labels: Iterable[str], reason: str, span: Span) -> "Shape":
        """Return the shape without these labels."""
        gone = frozenset(labels)
        if self.only is not None:
            return replace(self, only=self.only - gone)
        return Shape(None, self.without | gone, reason, span)

    def added(self, labels: Iterable[str]) -> "Shape":
        """Return the shape with these labels too."""
        more = frozenset(labels)
        only = None if self.only is None else self.only | more
        return replace(self, only=only, without=self.without - more)

    def joined(self, other: "Shape") -> "Shape":
        """Return the shape of rows from either side."""
        kept = self if self.only is not None or self.reason else other
        if self.only is None or other.only is None:
            lacking = frozenset(label for label in self.without | other.without
                                if not self.has(label) and not other.has(label))  # fmt: skip
            return replace(kept, only=None, without=lacking)
        return replace(kept, only=self.only | other.only, without=frozenset())


_NONE: frozenset[str] = frozenset()


def shape_of(expr: Expr, facts: RuleSetFacts, depth: int = 0) -> Shape:
    """Return the labels that the rows of an expression can have, recorded names looked through."""
    match expr:
        case Paren() | Unary() | Subquery():
            return shape_of(expr.expr, facts, depth)
        case MatrixSelector():
            return shape_of(expr.vector, facts, depth)
        case VectorSelector():
            return _selected(expr, facts, depth)
        case Call():
            return _called(expr, facts, depth)
        case Aggregation():
            return _aggregated(expr, facts, depth)
        case Binary():
            return _combined(expr, facts, depth)
    return Shape(_NONE, reason="a number has no labels", span=getattr(expr, "span", (0, 0)))


def _selected(expr: VectorSelector, facts: RuleSetFacts, depth: int) -> Shape:
    empty = frozenset(
        each.name for each in expr.selector if each.operator == "=" and not each.value
    )
    rule = facts.recording(expr.name)
    if rule is not None and depth < _DEPTH_MAX:
        shape = shape_of(rule.expr, facts, depth + 1).added([*rule.labels, METRIC_NAME])
        reason = shape.reason and f"the rule that records {rule.name} drops it ({shape.reason})"
        return replace(shape, reason=reason, span=expr.span).dropped(empty, "", expr.span)
    if not empty:
        return Shape()
    return Shape(None, empty, "the selector asks for series without it", expr.span)


def _called(expr: Call, facts: RuleSetFacts, depth: int) -> Shape:
    name = expr.function
    vectors = [each for each in expr.args if type_of(each) in ("vector", "matrix")]
    if name in ("absent", "absent_over_time"):
        return _absent(expr)
    if not vectors or name in ("scalar", "vector"):
        return Shape(_NONE, reason=f"{name}() has no labels", span=expr.span)
    shape = shape_of(vectors[0], facts, depth)
    if name in ("label_replace", "label_join") and isinstance(expr.args[1], String):
        return shape.added([expr.args[1].value])
    if name in ("histogram_quantile", "histogram_fraction"):
        return shape.dropped(["le"], f"{name}() removes it", expr.span)
    return shape


def _absent(expr: Call) -> Shape:
    """absent() has the labels of its equality matchers, where each is named once."""
    inner: Expr = expr.args[0]
    while isinstance(inner, Paren | MatrixSelector):
        inner = inner.expr if isinstance(inner, Paren) else inner.vector
    names: list[str] = []
    if isinstance(inner, VectorSelector):
        every = [matcher.name for matcher in inner.selector]
        names = [each.name for each in inner.selector
                 if each.operator == "=" and every.count(each.name) == 1
                 and each.name != METRIC_NAME and each.value]  # fmt: skip
    reason = f'{expr.function}() only has labels of matchers like name="value"'
    return Shape(frozenset(names), reason=reason, span=expr.span)


def _aggregated(expr: Aggregation, facts: RuleSetFacts, depth: int) -> Shape:
    shape = shape_of(expr.expr, facts, depth)
    if expr.operator in ("topk", "bottomk", "limitk", "limit_ratio"):
        return shape
    listed = ", ".join(expr.labels)
    if expr.without:
        shape = shape.dropped([*expr.labels, METRIC_NAME], f"`without({listed})` removes it",
                              expr.span)  # fmt: skip
    elif expr.labels:
        shape = shape.kept(expr.labels, f"`by({listed})` only keeps {listed}", expr.span)
    else:
        shape = shape.kept((), f"{expr.operator}() without `by` removes every label", expr.span)
    if expr.operator == "count_values" and isinstance(expr.parameter, String):
        shape = shape.added([expr.parameter.value])
    return shape


def _combined(expr: Binary, facts: RuleSetFacts, depth: int) -> Shape:
    left, right = shape_of(expr.left, facts, depth), shape_of(expr.right, facts, depth)
    matching = expr.matching
    if matching is None:
        return right if type_of(expr.left) == "scalar" else left
    if expr.operator in SET_OPERATORS:
        return left.joined(right) if expr.operator == "or" else left
    if matching.cardinality == "many-to-one":
        return left.added(name for name in matching.include if right.has(name))
    if matching.cardinality == "one-to-many":
        return right.added(name for name in matching.include if left.has(name))
    listed = ", ".join(matching.labels)
    if matching.on:
        return left.kept(matching.labels, f"`on({listed})` only keeps {listed}", expr.operator_span)
    if not matching.labels:
        return left
    return left.dropped(matching.labels, f"`ignoring({listed})` removes it", expr.operator_span)


def text_of(expr: Expr, chars_max: int = 60) -> str:
    """Return an expression as people recognise it."""
    text = to_text(expr)
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"
