"""What of time an expression reads, and upstream's variants of it: `@ t` everywhere."""

from dataclasses import replace

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
    transform,
    walk,
)

# Their result changes with the time of evaluation although their arguments do not.
_OF_THE_TIME = {
    "days_in_month", "day_of_month", "day_of_week", "day_of_year", "end", "hour", "minute", "month",
    "predict_linear", "range", "start", "step", "time", "timestamp", "year",
}  # fmt: skip


def latest(expr: Expr, at_ms: int) -> int:
    """Return the latest time that an evaluation at `at_ms` may read samples of, at least that."""
    return max(at_ms, _latest(expr, at_ms))


def _latest(expr: Expr, at_ms: int) -> int:
    match expr:
        case VectorSelector():
            return (expr.at if isinstance(expr.at, int) else at_ms) - expr.offset_ms
        case Subquery():
            base = (expr.at if isinstance(expr.at, int) else at_ms) - expr.offset_ms
            return _latest(expr.expr, base)
        case _:
            return max((_latest(child, at_ms) for child in children(expr)), default=at_ms)


def pinned(expr: Expr, at_ms: int) -> Expr | None:
    """Return the expression with `@ at_ms` at every selector that has none; None where it differs.

    Source: Prometheus, promqltest: subqueries are pinned and what is inside them is left alone.
    """
    for node in walk(expr):
        if isinstance(node, Call) and node.function in _OF_THE_TIME:
            return None
    return _pin(expr, at_ms)


def _pin(expr: Expr, at_ms: int) -> Expr:
    match expr:
        case VectorSelector() | Subquery():
            return expr if expr.at is not None else replace(expr, at=at_ms)
        case MatrixSelector():
            vector = _pin(expr.vector, at_ms)
            assert isinstance(vector, VectorSelector)
            return replace(expr, vector=vector)
        case Call():
            return replace(expr, args=tuple(_pin(arg, at_ms) for arg in expr.args))
        case Aggregation():
            parameter = None if expr.parameter is None else _pin(expr.parameter, at_ms)
            return replace(expr, expr=_pin(expr.expr, at_ms), parameter=parameter)
        case Binary():
            return replace(expr, left=_pin(expr.left, at_ms), right=_pin(expr.right, at_ms))
        case Unary() | Paren():
            return replace(expr, expr=_pin(expr.expr, at_ms))
        case _:
            return expr


def of_a_range(expr: Expr, start_ms: int, end_ms: int) -> Expr:
    """Return the expression of a range query: its `@ start()` and `@ end()` are the range's."""
    times = {"start": start_ms, "end": end_ms}

    def fixed(node: Expr) -> Expr:
        if isinstance(node, VectorSelector | Subquery) and isinstance(node.at, str):
            return replace(node, at=times[node.at])
        return node

    return transform(expr, fixed)
