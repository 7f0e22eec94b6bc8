"""What type an expression has, and whether it is the same at every step."""

from typing import Final

from engine.promql import (
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
from engine.vector.matrix import Exchanged

_SCALAR_FUNCTIONS: Final = frozenset({"pi", "scalar", "time"})
# Their results change with the step although their arguments do not.
_TIMED: Final = frozenset(
    {
        "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month",
        "predict_linear", "time", "timestamp", "year",
    }
)  # fmt: skip


# An owner's tree has Exchanged nodes where the parsed one has subtrees. The tree's own types do not
# know of them.
Tree = Expr | Exchanged


def bare(expr: Tree) -> Tree:
    """Return an expression without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def kind(expr: Tree) -> ValueType:
    """Return an expression's type. As engine.promql.type_of, for trees with Exchanged in them."""
    match expr:
        case Number():
            return "scalar"
        case String():
            return "string"
        case MatrixSelector() | Subquery():
            return "matrix"
        case Call():
            return "scalar" if expr.function in _SCALAR_FUNCTIONS else "vector"
        case Paren() | Unary():
            return kind(expr.expr)
        case Binary():
            both = kind(expr.left), kind(expr.right)
            return "scalar" if both == ("scalar", "scalar") else "vector"
        case Exchanged():
            return "scalar" if expr.type == "scalar" else "vector"
    return "vector"


def is_invariant(expr: Tree) -> bool:
    """Say whether every selector under an expression has `@` and nothing reads the step's time."""
    match expr:
        case Number() | String():
            return True
        case VectorSelector() | Subquery():
            return expr.at is not None
        case MatrixSelector():
            return expr.vector.at is not None
        case Call():
            if expr.function in _TIMED:
                return False
            return all(is_invariant(argument) for argument in expr.args)
        case Aggregation():
            parameter = expr.parameter
            return is_invariant(expr.expr) and (parameter is None or is_invariant(parameter))
        case Binary():
            return is_invariant(expr.left) and is_invariant(expr.right)
        case Paren() | Unary():
            return is_invariant(expr.expr)
    return False
