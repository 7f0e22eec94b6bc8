"""Conditions over computed columns: the tree, its evaluation, and what it says of each part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
Arithmetic = Literal["+", "-", "*", "/", "%"]
Logic = Literal["and", "or"]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:g}" if float(f"{self.value:g}") == self.value else repr(self.value)


@dataclass(frozen=True, slots=True)
class Name:
    """A computed column, by the name that `compute:` gave it."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Negate:
    """Arithmetic minus."""

    operand: "Expression"

    def __str__(self) -> str:
        return f"-{_unit(self.operand)}"


@dataclass(frozen=True, slots=True)
class Not:
    """Logical not."""

    operand: "Expression"

    def __str__(self) -> str:
        return f"not {_unit(self.operand)}"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, a comparison, or `and` / `or`."""

    operator: Arithmetic | Comparison | Logic
    left: "Expression"
    right: "Expression"

    def __str__(self) -> str:
        return f"{_bracket(self.left, self)} {self.operator} {_bracket(self.right, self)}"


Expression = Number | Name | Negate | Not | Binary

PRECEDENCE: dict[str, int] = {
    "or": 1, "and": 2,
    "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
"""Binding of the binary operators; `not` is 3, unary minus 7. Comparisons do not chain."""


def _unit(inner: Expression) -> str:
    return f"({inner})" if isinstance(inner, Binary) else str(inner)


def _bracket(inner: Expression, outer: Binary) -> str:
    if isinstance(inner, Binary) and PRECEDENCE[inner.operator] <= PRECEDENCE[outer.operator]:
        return f"({inner})"
    return str(inner)


_COMPARE = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip
_ARITHMETIC = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod,
}  # fmt: skip


def evaluate(expression: Expression, columns: Mapping[str, Column], size: int) -> Column:
    """Evaluate over n groups at once.

    Shapes: every column f64[size]; the result f64[size], truth values as 0.0 and 1.0.
    NaN (a column without a value) makes every comparison false, `!=` too.
    """
    match expression:
        case Number(value):
            return np.full(size, value)
        case Name(name):
            return columns[name]
        case Negate(operand):
            return -evaluate(operand, columns, size)
        case Not(operand):
            return np.asarray(evaluate(operand, columns, size) == 0.0, np.float64)
        case Binary(operator, left, right):
            a = evaluate(left, columns, size)
            b = evaluate(right, columns, size)
            if operator == "and":
                return np.asarray((a != 0.0) & (b != 0.0), np.float64)
            if operator == "or":
                return np.asarray((a != 0.0) | (b != 0.0), np.float64)
            with np.errstate(all="ignore"):
                if operator in _COMPARE:
                    held = _COMPARE[operator](a, b) & ~np.isnan(a) & ~np.isnan(b)
                    return np.asarray(held, np.float64)
                return np.asarray(_ARITHMETIC[operator](a, b), np.float64)


def names(expression: Expression) -> Iterator[str]:
    """Yield every column that an expression reads, with repeats."""
    match expression:
        case Name(name):
            yield name
        case Negate(operand) | Not(operand):
            yield from names(operand)
        case Binary(_, left, right):
            yield from names(left)
            yield from names(right)
        case Number():
            return


def comparisons(expression: Expression) -> Iterator[Binary]:
    """Yield the comparisons of a condition from left to right: the parts that evidence shows."""
    match expression:
        case Binary(operator, left, right):
            if operator in _COMPARE:
                yield expression
            else:
                yield from comparisons(left)
                yield from comparisons(right)
        case Negate(operand) | Not(operand):
            yield from comparisons(operand)
        case Number() | Name():
            return
