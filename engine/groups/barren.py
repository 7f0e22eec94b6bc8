"""Expressions that give nothing where their series are none, and say nothing of it.

Most rules of a large set read what this shard has no series of: they need not be evaluated.
"""

from collections.abc import Iterator, Sized
from typing import Final

from engine.groups.owner_source import OwnerSource
from engine.groups.ring_source import RingSource
from engine.promql import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from engine.vector import Exchanged, Source, Tree
from engine.window import PARAMETERS, RANGE_FUNCTIONS

Leaf = VectorSelector | Exchanged

_EACH: Final = frozenset(
    {
        "abs", "ceil", "deg", "exp", "floor", "ln", "log10", "log2", "rad", "sgn", "sort",
        "sort_desc", "sqrt", "timestamp",
    }
)  # fmt: skip
_RANGED: Final = frozenset(RANGE_FUNCTIONS) - frozenset(PARAMETERS)
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "^"})


def leaves_of(expr: Tree) -> list[Leaf] | None:
    """Return what an expression reads, if it gives nothing where all of that is empty.

    None: it may give something (absent, vector), fail or remark upon something all the same.
    """
    try:
        return list(_leaves(expr))
    except _FertileError:
        return None


class Idleness:
    """Whether an expression has anything to read in a source."""

    def __init__(self, expr: Tree) -> None:
        self._leaves = leaves_of(expr)
        self._source: Source | None = None
        self._read: list[Sized] | None = None

    def __call__(self, source: Source) -> bool:
        """Say whether it surely gives nothing now. Cost: a look at the size of what it reads."""
        if self._leaves is None:
            return False
        if source is not self._source:
            self._source, self._read = source, _read(self._leaves, source)
        return self._read is not None and not any(map(len, self._read))


def _read(leaves: list[Leaf], source: Source) -> list[Sized] | None:
    found: list[Sized] = []
    rings = source.recorded if isinstance(source, OwnerSource) else source
    for leaf in leaves:
        if isinstance(leaf, Exchanged):
            if not isinstance(source, OwnerSource) or leaf.id not in source.histories:
                return None
            found.append(source.histories[leaf.id].steps)
        elif isinstance(rings, RingSource):
            found.append(rings.index.find(leaf.selector).series)
        else:
            return None
    return found


class _FertileError(Exception):
    """Not known to give nothing."""


def _leaves(expr: Tree) -> Iterator[Leaf]:
    match expr:
        case VectorSelector():
            yield expr
        case Exchanged(type="vector"):
            yield expr
        case MatrixSelector():
            yield expr.vector
        case Paren() | Unary() | Subquery():
            yield from _leaves(expr.expr)
        case Aggregation(parameter=None):
            yield from _leaves(expr.expr)
        case Call(args=(argument,)) if expr.function in _RANGED | _EACH:
            yield from _leaves(argument)
        case Binary():
            yield from _of_binary(expr)
        case _:
            raise _FertileError


def _of_binary(expr: Binary) -> Iterator[Leaf]:
    if expr.operator not in _ARITHMETIC | COMPARISONS | SET_OPERATORS:
        raise _FertileError
    sides = [side for side in (expr.left, expr.right) if not _is_plain(side)]
    if not sides:
        raise _FertileError
    for side in sides:
        yield from _leaves(side)


def _is_plain(expr: Tree) -> bool:
    """Say whether it is a scalar that reads nothing."""
    match expr:
        case Number():
            return True
        case Call(function="time" | "pi"):
            return True
        case Paren() | Unary():
            return _is_plain(expr.expr)
        case Binary():
            return _is_plain(expr.left) and _is_plain(expr.right)
    return False
