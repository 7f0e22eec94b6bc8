"""Arithmetic with durations, `[5m * 2]` and `offset (1h / 4)`, worked out while reading.

Prometheus has it since 3.14 without a flag. `step()` and `range()` are those of the query: both
are 0 where a rule is evaluated.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from engine.promql.checking import refuse
from engine.promql.cursor import Cursor
from engine.promql.errors import PromQLError
from engine.promql.lexer import END, OPERATOR

CALLS: Final = ("step", "range", "min_of", "max_of")
_WHERE: Final = "duration"
_LEVELS: Final[Mapping[str, int]] = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_UNARY: Final = 3  # -2^2 is -(2^2), -2*3 is (-2)*3
_ZERO: Final[Mapping[str, str]] = {"/": "division by zero", "%": "modulo by zero"}


def whole(text: str, start: int) -> float:
    """Return the seconds of a range or step that is all of a text; NaN where it has no value.

    `start`: where the text stands in the query. Raises: PromQLError, also for a literal that is
    not positive.
    """
    try:
        cursor = Cursor(text)
        value, literal = _sum(cursor, 1)
        if cursor.kind != END:
            cursor.unexpected(_WHERE)
        if literal and not value > 0:
            refuse("duration must be greater than 0", (0, len(text)))
    except PromQLError as error:
        raise PromQLError(str(error), error.start + start, error.end + start) from None
    return value


def begins(cursor: Cursor) -> bool:
    """Say whether an offset that is more than a number is next."""
    signed = cursor.kind == OPERATOR and cursor.value in ("-", "+")
    value = cursor.following if signed else cursor.value
    return value == "(" or value.lower() in CALLS


def offset(cursor: Cursor) -> float:
    """Take an offset in parentheses or a call, with or without a sign; return its seconds."""
    if cursor.accept("-"):
        return -_one(cursor)[0]
    cursor.accept("+")
    return _one(cursor)[0]


def _sum(cursor: Cursor, level: int) -> tuple[float, bool]:
    """Take operators that bind at least so much; returns the value, and whether it is a literal."""
    if cursor.kind == OPERATOR and cursor.value in ("-", "+"):
        negative = cursor.take() == "-"
        value, literal = _sum(cursor, _UNARY)
        left = (-value if negative else value), literal
    else:
        left = _one(cursor)
    while cursor.kind == OPERATOR and (bound := _LEVELS.get(cursor.value, 0)) >= level:
        span = (cursor.start, cursor.start + 1)
        operator = cursor.take()
        right, literal = _sum(cursor, bound if operator == "^" else bound + 1)
        if literal and not right and operator in _ZERO:
            refuse(_ZERO[operator], span)
        left = _worked_out(operator, left[0], right), False
    return left


def _one(cursor: Cursor) -> tuple[float, bool]:
    if cursor.accept("("):
        value, _ = _sum(cursor, 1)
        cursor.expect(")", _WHERE)
        return value, False
    name = cursor.value.lower()
    if name in CALLS and cursor.following == "(":
        cursor.take()
        cursor.take()
        values = [0.0]
        if name in ("min_of", "max_of"):
            values = [_sum(cursor, 1)[0]]
            cursor.expect(",", _WHERE)
            values.append(_sum(cursor, 1)[0])
        cursor.expect(")", _WHERE)
        return (max(values) if name == "max_of" else min(values)), False
    found = cursor.number()
    if found is None:
        cursor.unexpected(_WHERE, "a number or a duration")
    return found[0], True


def _worked_out(operator: str, left: float, right: float) -> float:
    work: Mapping[str, Callable[[float, float], float]] = {
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
        "/": lambda a, b: a / b, "%": math.fmod, "^": math.pow,
    }  # fmt: skip
    try:
        return work[operator](left, right)
    except (ArithmeticError, ValueError):
        return math.nan  # of step() and range(), which are 0, or too large: no evaluation succeeds
