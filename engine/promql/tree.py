"""Looking through a tree: types, children, and trees made from trees."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from engine.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from engine.promql.functions import FUNCTIONS


def type_of(expr: Expr) -> ValueType:
    """Return the type of a checked expression's value."""
    while isinstance(expr, Paren | Unary):
        expr = expr.expr
    match expr:
        case Number():
            return "scalar"
        case String():
            return "string"
        case MatrixSelector() | Subquery():
            return "matrix"
        case Call():
            return FUNCTIONS[expr.function].result
        case Binary(matching=None):
            scalars = type_of(expr.left) == "scalar" and type_of(expr.right) == "scalar"
            return "scalar" if scalars else "vector"
        case _:  # selectors, aggregations, and leaves of other rooms (engine.vector.Exchanged)
            return "vector"


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct subexpressions in the order of the text."""
    match expr:
        case Call():
            return expr.args
        case Binary():
            return (expr.left, expr.right)
        case Aggregation():
            return (expr.expr,) if expr.parameter is None else (expr.parameter, expr.expr)
        case MatrixSelector():
            return (expr.vector,)
        case Paren() | Unary() | Subquery():
            return (expr.expr,)
    return ()  # a leaf of another room (engine.vector.Exchanged)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield a tree's nodes, each before what is below it, in the order of the text."""
    left = [expr]
    while left:
        node = left.pop()
        yield node
        left.extend(reversed(children(node)))


def transform(expr: Expr, function: Callable[[Expr], Expr]) -> Expr:
    """Return the tree with every node replaced by what the function makes of it, leaves first.

    A subtree in which nothing changed stays the same object.
    """
    below = children(expr)
    made = tuple(transform(child, function) for child in below)
    if any(new is not old for new, old in zip(made, below, strict=True)):
        expr = _with_children(expr, made)
    return function(expr)


def with_default_step(expr: Expr, step_ms: int) -> Expr:
    """Return an expression whose subqueries without a step have this one."""

    def stepped(node: Expr) -> Expr:
        if isinstance(node, Subquery) and not node.step_ms:
            return replace(node, step_ms=step_ms)
        return node

    return transform(expr, stepped)


def _with_children(expr: Expr, below: tuple[Expr, ...]) -> Expr:
    match expr:
        case Call():
            return replace(expr, args=below)
        case Binary():
            return replace(expr, left=below[0], right=below[1])
        case Aggregation():
            parameter = below[0] if len(below) == 2 else None
            return replace(expr, expr=below[-1], parameter=parameter)
        case MatrixSelector():
            assert isinstance(below[0], VectorSelector), "a range is of a selector"
            return replace(expr, vector=below[0])
        case Paren() | Unary() | Subquery():
            return replace(expr, expr=below[0])
        case _:
            return expr
