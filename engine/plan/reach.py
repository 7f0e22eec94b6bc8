"""How far back an expression reads the samples of each of its selectors."""

from collections.abc import Iterable, Iterator
from math import gcd
from typing import Final

from engine.plan.prom import DEFAULT_STEP_MS, LongRange
from engine.promql import (
    Call,
    Expr,
    MatrixSelector,
    Subquery,
    VectorSelector,
    children,
    walk,
)
from engine.series import Selector
from engine.window import LONG_FUNCTIONS, pane_ms_of

LOOKBACK_MS: Final = 300_000
ALL_MS: Final = 1 << 60
"""As far as there is anything: what `@` with a constant asks for."""


def reaches(
    expr: Expr, ring_ms_max: int, before_ms: int = 0
) -> Iterator[tuple[VectorSelector, int]]:
    """Yield every selector with how far before an evaluation its samples are read, in ms.

    A range over the ring limit counts as nothing: panes serve it, or else rings are made as much
    longer (`ring_reaches`).
    """
    for selector, reach, _ in _reads(expr, ring_ms_max, before_ms):
        yield selector, reach


def ring_reaches(
    expr: Expr, ring_ms_max: int, slack_ms: int
) -> Iterator[tuple[VectorSelector, int]]:
    """Yield every selector with how long its rings must be, in ms.

    That is at most the ring limit and, where a function needs all samples of a longer range, that
    range. `slack_ms`: how much later than its time an evaluation may be.
    """
    for selector, reach, whole_ms in _reads(expr, ring_ms_max, 0):
        yield selector, min(reach + slack_ms, ring_ms_max) + whole_ms


def _reads(
    expr: Expr, ring_ms_max: int, before_ms: int
) -> Iterator[tuple[VectorSelector, int, int]]:
    """Yield selectors, how far before an evaluation they are read, and longer ranges on top."""
    match expr:
        case VectorSelector():
            yield expr, _shifted(expr, before_ms + LOOKBACK_MS), 0
        case MatrixSelector() if expr.range_ms > ring_ms_max:
            yield expr.vector, _shifted(expr.vector, before_ms), expr.range_ms
        case MatrixSelector():
            yield expr.vector, _shifted(expr.vector, before_ms + expr.range_ms), 0
        case Subquery() if any(long_of(node, ring_ms_max) for node in walk(expr.expr)):
            # Panes know the newest windows only: each step is evaluated when it is now.
            for selector, _, whole_ms in _reads(expr.expr, ring_ms_max, 0):
                yield selector, ALL_MS, whole_ms
        case Subquery():
            step_ms = expr.step_ms or DEFAULT_STEP_MS
            below_ms = ALL_MS if expr.at is not None else before_ms + expr.offset_ms
            yield from _reads(expr.expr, ring_ms_max, below_ms + expr.range_ms + step_ms)
        case Call() if (long := long_of(expr, ring_ms_max)) is not None:
            yield long.vector, _shifted(long.vector, before_ms), 0
        case _:
            for child in children(expr):
                yield from _reads(child, ring_ms_max, before_ms)


def long_ranges(exprs: Iterable[tuple[str, Expr, int]], ring_ms_max: int) -> tuple[LongRange, ...]:
    """Return the ranges that panes serve, of expressions with their tenants and intervals.

    Panes are as wide as all that read them allow: edges fall on multiples of every interval.
    """
    found: dict[tuple[str, str, Selector, int], tuple[int, int]] = {}
    for tenant, expr, every_ms in exprs:
        for node in walk(expr):
            matrix = long_of(node, ring_ms_max)
            if matrix is None or not isinstance(node, Call):
                continue
            key = tenant, node.function, matrix.vector.selector, matrix.range_ms
            step_ms, offset_ms = found.get(key, (0, 0))
            offset_ms = gcd(offset_ms, abs(matrix.vector.offset_ms))
            found[key] = gcd(step_ms, every_ms), offset_ms
    return tuple(
        LongRange(tenant, function, selector, range_ms, pane_ms_of(range_ms, step_ms, offset_ms))
        for (tenant, function, selector, range_ms), (step_ms, offset_ms) in found.items()
    )


def reach_ms(expr: Expr, ring_ms_max: int) -> int:
    """Return how far back the expression reads at most."""
    return max((ms for _, ms in reaches(expr, ring_ms_max)), default=0)


def long_of(expr: Expr, ring_ms_max: int) -> MatrixSelector | None:
    """Return the range of a call that is too long for a ring and that panes can serve."""
    if not isinstance(expr, Call) or expr.function not in LONG_FUNCTIONS:
        return None
    for argument in expr.args:
        if isinstance(argument, MatrixSelector) and argument.range_ms > ring_ms_max:
            return argument
    return None


def _shifted(selector: VectorSelector, reach: int) -> int:
    return ALL_MS if selector.at is not None else max(0, reach + selector.offset_ms)
