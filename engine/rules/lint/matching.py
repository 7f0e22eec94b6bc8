"""Lints of operators between vectors: rows that never find each other, or may stop to."""

from collections.abc import Iterator

from engine.document import Finding
from engine.promql import Aggregation, Binary, Expr, Matching, Paren, VectorSelector, type_of, walk
from engine.rules.lint.bounds import constant
from engine.rules.lint.shape import Shape, shape_of
from engine.rules.lint.subject import Subject
from engine.series import METRIC_NAME

_SAMPLING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})


def vector_matching(subject: Subject) -> Iterator[Finding]:
    """promql/vector_matching: the two sides never have the labels that must be equal."""
    for node in subject.nodes:
        if not isinstance(node, Binary) or node.matching is None or node.operator == "or":
            continue
        left = shape_of(node.left, subject.facts)
        right = shape_of(node.right, subject.facts)
        problem = _lacking(node.matching, left, right) if node.matching.on \
            else _different(node, node.matching, left, right)  # fmt: skip
        if problem:
            yield subject.of_expr(node.operator_span, "promql-vector-matching", *problem)


def _lacking(matching: Matching, left: Shape, right: Shape) -> tuple[str, str] | None:
    for label in matching.labels:
        if not left.has(label) and not right.has(label):
            return (f"`on({label})`, but neither side has a label {label!r}: {left.reason}",
                    "keep the label on both sides, or match on others")  # fmt: skip
        if left.has(label) != right.has(label):
            side, shape = ("right", right) if left.has(label) else ("left", left)
            reason = f": {shape.reason}" if shape.reason else ""
            return (f"`on({label})`, but the {side} side has no label {label!r}{reason}",
                    "keep the label on both sides, or match on others")  # fmt: skip
    return None


def _different(
    node: Binary, matching: Matching, left: Shape, right: Shape
) -> tuple[str, str] | None:
    ignored = {*matching.labels, METRIC_NAME}
    if left.only is not None and right.only is not None:
        one, other = left.only - ignored, right.only - ignored
        if one == other or _may_match(matching, one, other):
            return None
        extra = ", ".join(sorted(one ^ other))
        return (f"rows match by all labels, but only one side has {extra}: {_effect(node)}",
                "give both sides the same labels, or write on(…) or ignoring(…)")  # fmt: skip
    bare, other_side = (left, node.right) if left.only == frozenset() else (right, node.left)
    if bare.only == frozenset() and not matching.labels and _is_raw(other_side, node):
        return (f"one side has no labels, the other has those of its series: {_effect(node)}",
                "write on() and group_left() or group_right()")  # fmt: skip
    return None


def _effect(node: Binary) -> str:
    return "nothing is taken away" if node.operator == "unless" else "there is no result"


def _may_match(matching: Matching, one: frozenset[str], other: frozenset[str]) -> bool:
    """`group_left` takes what it includes from one side only."""
    return (
        matching.cardinality != "one-to-one"
        and bool(matching.include)
        and (one ^ other <= set(matching.include))
    )


def _is_raw(expr: Expr, node: Binary) -> bool:
    """Say whether series come as they were scraped: they always have labels."""
    bare = node.right if expr is node.left else node.left
    if not any(isinstance(each, VectorSelector) for each in walk(bare)):
        return False
    while isinstance(expr, Paren) or (isinstance(expr, Binary) and expr.matching is None):
        if isinstance(expr, Paren):
            expr = expr.expr
        else:
            expr = expr.right if type_of(expr.left) == "scalar" else expr.left
    return isinstance(expr, VectorSelector) and ":" not in (expr.name or ":")


def fragile(subject: Subject) -> Iterator[Finding]:
    """promql/fragile: without() beside another vector, topk in an alert."""
    looked_up = {id(each) for node in subject.nodes for each in _looked_up(node)}
    for node in subject.nodes:
        if isinstance(node, Binary) and node.matching is not None:
            yield from _without(subject, node, node.matching)
        elif (
            isinstance(node, Aggregation)
            and subject.is_alert
            and id(node) not in looked_up
            and _picks(node)
        ):
            yield subject.of_expr(
                node.span, "promql-fragile",
                f"{node.operator}() picks other series as values change: alerts come and go",
                "compare with a threshold instead",
            )  # fmt: skip


def _picks(node: Aggregation) -> bool:
    """Say whether an aggregation takes some of the rows; one of each `by` group stays one."""
    if node.operator not in _SAMPLING:
        return False
    one = node.parameter is not None and constant(node.parameter) == 1
    return not (one and node.labels and not node.without)


def _looked_up(node: Expr) -> Iterator[Expr]:
    """Visit the side that only gives labels to the other: topk(1, …) is a way to have one row."""
    if isinstance(node, Binary) and node.matching is not None:
        if node.matching.cardinality == "many-to-one":
            yield from walk(node.right)
        elif node.matching.cardinality == "one-to-many":
            yield from walk(node.left)


def _without(subject: Subject, node: Binary, matching: Matching) -> Iterator[Finding]:
    if matching.on or node.operator in ("or", "unless"):
        return
    sides = [_aggregation(node.left), _aggregation(node.right)]
    for side, other in (sides, sides[::-1]):
        if side is None or not side.without or (other is not None and _go_together(side, other)):
            continue
        yield subject.of_expr(
            side.span, "promql-fragile",
            "without() keeps whatever labels there are: a new one on one side, and nothing matches",
            "use by(…) with the labels that both sides have",
        )  # fmt: skip


def _go_together(side: Aggregation, other: Aggregation) -> bool:
    """Say whether a new label comes on both sides: the same metrics, or the same without()."""
    if other.without and set(other.labels) == set(side.labels):
        return True
    return _names(side) == _names(other)


def _names(side: Aggregation) -> frozenset[str]:
    return frozenset(each.name or "" for each in walk(side) if isinstance(each, VectorSelector))


def _aggregation(expr: Expr) -> Aggregation | None:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr if isinstance(expr, Aggregation) else None
