"""Which values an expression can have: an interval, for comparisons that never or always hold."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from engine.promql import (
    COMPARISONS,
    Aggregation,
    Binary,
    Call,
    Expr,
    Number,
    Paren,
    Unary,
    VectorSelector,
    type_of,
)

_INF = math.inf


@dataclass(frozen=True, slots=True)
class Bounds:
    """Values from `low` to `high`; an open end is not reached. NaN may always come."""

    low: float = -_INF
    high: float = _INF
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Say whether no value is left."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meets(self, operator: str, value: float) -> "Bounds":
        """Return what is left by a comparison with a number."""
        match operator:
            case ">" | ">=":
                if value > self.low or (value == self.low and operator == ">"):
                    return Bounds(value, self.high, operator == ">", self.high_open)
            case "<" | "<=":
                if value < self.high or (value == self.high and operator == "<"):
                    return Bounds(self.low, value, self.low_open, operator == "<")
            case "==":
                if self.contains(value):
                    return Bounds(value, value)
                return Bounds(1.0, 0.0)
            case "!=" if self.low == self.high == value:
                return Bounds(1.0, 0.0)
        return self

    def contains(self, value: float) -> bool:
        """Say whether a value is possible."""
        above = value > self.low or (value == self.low and not self.low_open)
        below = value < self.high or (value == self.high and not self.high_open)
        return above and below


ANY = Bounds()
_POSITIVE = Bounds(0.0)
_CALLS: dict[str, Bounds] = {
    **dict.fromkeys(
        ("abs", "changes", "increase", "irate", "rate", "resets", "sqrt", "stddev_over_time",
         "stdvar_over_time", "exp"), _POSITIVE),
    **dict.fromkeys(("absent", "absent_over_time", "present_over_time"), Bounds(1.0, 1.0)),
    "count_over_time": Bounds(1.0),
    "day_of_month": Bounds(1.0, 31.0), "day_of_week": Bounds(0.0, 6.0),
    "day_of_year": Bounds(1.0, 366.0), "days_in_month": Bounds(28.0, 31.0),
    "hour": Bounds(0.0, 23.0), "minute": Bounds(0.0, 59.0), "month": Bounds(1.0, 12.0),
    "sgn": Bounds(-1.0, 1.0), "sin": Bounds(-1.0, 1.0), "cos": Bounds(-1.0, 1.0),
    "histogram_fraction": Bounds(0.0, 1.0),
}  # fmt: skip
_SAME = frozenset(
    {"ceil", "floor", "round", "first_over_time", "last_over_time", "max_over_time",
     "min_over_time", "avg_over_time", "quantile_over_time", "sort", "sort_desc", "label_replace",
     "label_join", "vector", "scalar"}
)  # fmt: skip
_KEEPING = frozenset({"avg", "max", "min", "topk", "bottomk"})
_ZERO_OR_ONE = frozenset({"up"})
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


def bounds_of(expr: Expr) -> Bounds:
    """Return the values that rows of an expression can have."""
    match expr:
        case Number(value=value):
            return ANY if math.isnan(value) else Bounds(value, value)
        case Paren():
            return bounds_of(expr.expr)
        case Unary(operator="-"):
            inner = bounds_of(expr.expr)
            return Bounds(-inner.high, -inner.low, inner.high_open, inner.low_open)
        case VectorSelector() if expr.name in _ZERO_OR_ONE:
            return Bounds(0.0, 1.0)
        case Call():
            return _called(expr)
        case Aggregation():
            return _aggregated(expr)
        case Binary():
            return _combined(expr)
    return ANY


def _called(expr: Call) -> Bounds:
    name = expr.function
    if name in _CALLS:
        return _CALLS[name]
    if name in _SAME and expr.args:
        inner = bounds_of(_argument(expr))
        if name in ("ceil", "floor", "round"):
            return Bounds(_rounded(inner.low, math.floor), _rounded(inner.high, math.ceil))
        return Bounds(inner.low, inner.high)
    if name in ("clamp_min", "clamp_max"):
        limit = bounds_of(expr.args[1])
        if name == "clamp_min":
            return Bounds(max(limit.low, bounds_of(expr.args[0]).low))
        return Bounds(-_INF, min(limit.high, bounds_of(expr.args[0]).high))
    return ANY


def _rounded(value: float, to: Callable[[float], int]) -> float:
    return float(to(value)) if math.isfinite(value) else value


def _argument(expr: Call) -> Expr:
    """Return the samples that a function looks at."""
    inner = next((each for each in expr.args if type_of(each) != "string"), expr.args[0])
    if expr.function == "quantile_over_time":
        inner = expr.args[1]
    vector = getattr(inner, "vector", None) or getattr(inner, "expr", None)
    return vector if type_of(inner) == "matrix" and vector is not None else inner


def _aggregated(expr: Aggregation) -> Bounds:
    inner = bounds_of(expr.expr)
    match expr.operator:
        case "count" | "count_values":
            return Bounds(1.0)
        case "group":
            return Bounds(1.0, 1.0)
        case "stddev" | "stdvar":
            return _POSITIVE
        case "sum":
            return Bounds(0.0 if inner.low >= 0 else -_INF, 0.0 if inner.high <= 0 else _INF)
    if expr.operator in _KEEPING:
        return Bounds(inner.low, inner.high)
    return ANY


def _combined(expr: Binary) -> Bounds:
    value = constant(expr)
    if value is not None:
        return Bounds(value, value)
    left, right = bounds_of(expr.left), bounds_of(expr.right)
    if expr.operator in COMPARISONS:
        if expr.bool_modifier or type_of(expr) == "scalar":
            return Bounds(0.0, 1.0)
        return filtered(expr) or left
    match expr.operator:
        case "and" | "unless":
            return left
        case "or":
            return Bounds(min(left.low, right.low), max(left.high, right.high))
        case "*" | "/" if left.low >= 0 and right.low >= 0:
            return _POSITIVE
        case "+" if math.isfinite(left.low + right.low) or math.isfinite(left.high + right.high):
            return Bounds(left.low + right.low, left.high + right.high)
        case "-" if math.isfinite(left.low - right.high) or math.isfinite(left.high - right.low):
            return Bounds(left.low - right.high, left.high - right.low)
    return ANY


def compared(expr: Binary) -> tuple[Expr, str, float] | None:
    """Return what is compared with which number, the number on the right; None for others."""
    for inner, other, operator in (
        (expr.left, expr.right, expr.operator),
        (expr.right, expr.left, _FLIPPED.get(expr.operator, "")),
    ):
        value = constant(other)
        if value is not None and operator and constant(inner) is None:
            return inner, operator, value
    return None


def filtered(expr: Binary) -> Bounds | None:
    """Return the values that a comparison with a number leaves; None for other expressions."""
    found = compared(expr)
    if found is None or math.isnan(found[2]):
        return None
    inner, operator, value = found
    return bounds_of(inner).meets(operator, value)


def constant(expr: Expr) -> float | None:
    """Return the value of a number, also in parentheses, with a sign, or under vector()."""
    match expr:
        case Number(value=value):
            return value
        case Paren():
            return constant(expr.expr)
        case Unary():
            value_of = constant(expr.expr)
            return None if value_of is None else -value_of if expr.operator == "-" else value_of
        case Binary(operator="+" | "-" | "*" | "/") if type_of(expr) == "scalar":
            return _folded(expr)
    return None


def _folded(expr: Binary) -> float | None:
    left, right = constant(expr.left), constant(expr.right)
    if left is None or right is None:
        return None
    match expr.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return left / right if right else None
