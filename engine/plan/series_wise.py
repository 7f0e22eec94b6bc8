"""Which expressions keep the series that they came from apart."""

from typing import Final

from engine.promql import (
    FUNCTIONS,
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    type_of,
    walk,
)
from engine.series import METRIC_NAME, Selector
from engine.vector import Exchanged

PARTIAL: Final = frozenset({"sum", "count", "avg", "min", "max", "group"})
"""Aggregations that shards do in part."""

SET_OPERATORS: Final = frozenset({"and", "or", "unless"})

WHOLE: Final = frozenset(
    {
        "absent", "absent_over_time", "histogram_fraction", "histogram_quantile", "label_join",
        "label_replace", "scalar", "sort", "sort_desc", "vector",
    }
)  # fmt: skip
"""Functions of vectors that need all of a vector, or change labels."""


def is_unnamed(selector: Selector) -> bool:
    """Say whether a selector's series could have any name at all."""
    nobody = {METRIC_NAME: "\ue000"}
    return all(m.matches(nobody) for m in selector if m.name == METRIC_NAME)


def selector_free(expr: Expr) -> bool:
    """Say whether an expression reads no series, so that every shard has the same value."""
    return not any(isinstance(node, VectorSelector | Exchanged) for node in walk(expr))


def series_of(expr: Expr) -> VectorSelector | None:
    """Return the one selector whose series the rows of an expression are, None where not so."""
    match expr:
        case VectorSelector():
            return expr
        case MatrixSelector():
            return expr.vector
        case Paren() | Unary() | Subquery():
            return series_of(expr.expr)
        case Call() if expr.function in FUNCTIONS and expr.function not in WHOLE:
            read = [argument for argument in expr.args if not selector_free(argument)]
            return series_of(read[0]) if len(read) == 1 else None
        case Binary() if expr.operator not in SET_OPERATORS:
            free = [selector_free(side) for side in (expr.left, expr.right)]
            if free[0] == free[1]:
                return None
            side, other = (expr.right, expr.left) if free[0] else (expr.left, expr.right)
            return series_of(side) if type_of(other) == "scalar" else None
        case _:
            return None


def partial_of(expr: Expr) -> VectorSelector | None:
    """Return the selector below an aggregation that shards can do in part, else None."""
    if isinstance(expr, Aggregation) and expr.operator in PARTIAL and expr.parameter is None:
        return series_of(expr.expr)
    return None


def is_leaf(expr: Expr) -> bool:
    """Say whether an expression is a selector, or a function of nothing but one and literals.

    Moving such a one in time moves nothing else.
    """
    if isinstance(expr, VectorSelector):
        return True
    if not isinstance(expr, Call) or expr.function in WHOLE:
        return False
    if expr.function == "timestamp":
        return isinstance(expr.args[0], VectorSelector)
    read = [argument for argument in expr.args if isinstance(argument, MatrixSelector)]
    rest = [argument for argument in expr.args if not isinstance(argument, MatrixSelector)]
    return len(read) == 1 and not any(isinstance(n, Call) for a in rest for n in walk(a))
