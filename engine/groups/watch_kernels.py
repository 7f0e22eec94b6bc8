"""Kernels of watching: which rows pass which thresholds, and which rules that is news for."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]

ABOVE, AT_LEAST, BELOW, AT_MOST, EQUAL, UNEQUAL = range(6)
OPERATORS: Final = {
    ">": ABOVE, ">=": AT_LEAST, "<": BELOW, "<=": AT_MOST, "==": EQUAL, "!=": UNEQUAL,
}  # fmt: skip


@jit
def first_not_below(thresholds: Array, lo: int, hi: int, value: float, beyond: bool) -> Any:
    """Return the first place in thresholds[lo:hi], rising, that is >= value; beyond: > value."""
    while lo < hi:
        middle = (lo + hi) >> 1
        if thresholds[middle] < value or (beyond and thresholds[middle] == value):
            lo = middle + 1
        else:
            hi = middle
    return lo


@jit
def passed(
    code: int, thresholds: Array, lo: int, hi: int, value: float
) -> tuple[Any, Any, Any, Any]:
    """Return two runs of thresholds[lo:hi] (rising, no NaN) that a value passes."""
    if np.isnan(value):
        return (lo, hi, hi, hi) if code == UNEQUAL else (lo, lo, lo, lo)
    if code == ABOVE:
        return lo, first_not_below(thresholds, lo, hi, value, False), hi, hi
    if code == AT_LEAST:
        return lo, first_not_below(thresholds, lo, hi, value, True), hi, hi
    if code == BELOW:
        return first_not_below(thresholds, lo, hi, value, True), hi, hi, hi
    left = first_not_below(thresholds, lo, hi, value, False)
    if code == AT_MOST:
        return left, hi, hi, hi
    right = first_not_below(thresholds, lo, hi, value, True)
    return (left, right, hi, hi) if code == EQUAL else (lo, left, right, hi)


@jit
def counted(
    leaf: Array, code: Array, edges: Array, thresholds: Array, rule: Array, starts: Array,
    values: Array, mask: Array, counts: Array,
) -> None:  # fmt: skip
    """Add to counts i64[rules] how many rows of its leaf pass each rule.

    Shapes: a board is a leaf, an operator and thresholds[edges[b]:edges[b + 1]] of rules `rule`;
    leaf and code i64[boards]; rows of leaf l are values and mask [starts[l]:starts[l + 1]].
    """
    for board in range(leaf.size):
        lo, hi = edges[board], edges[board + 1]
        for row in range(starts[leaf[board]], starts[leaf[board] + 1]):
            if not mask[row]:
                continue
            a, b, c, d = passed(code[board], thresholds, lo, hi, values[row])
            for k in range(a, b):
                counts[rule[k]] += 1
            for k in range(c, d):
                counts[rule[k]] += 1


@jit
def filled(
    leaf: Array, code: Array, edges: Array, thresholds: Array, rule: Array, starts: Array,
    values: Array, mask: Array, place: Array, rows: Array, held: Array,
) -> None:  # fmt: skip
    """Write rows (of their leaf, rising) and values that pass each rule from place[rule] on."""
    for board in range(leaf.size):
        lo, hi = edges[board], edges[board + 1]
        first = starts[leaf[board]]
        for row in range(first, starts[leaf[board] + 1]):
            if not mask[row]:
                continue
            a, b, c, d = passed(code[board], thresholds, lo, hi, values[row])
            for run in range(2):
                for k in range(a if run == 0 else c, b if run == 0 else d):
                    at = place[rule[k]]
                    rows[at] = row - first
                    held[at] = values[row]
                    place[rule[k]] = at + 1


@jit
def changed(edges: Array, rows: Array, old_edges: Array, old_rows: Array, out: Array) -> None:
    """Say for each rule whether its rows are others than before: out bool[rules]."""
    for rule in range(out.size):
        size = edges[rule + 1] - edges[rule]
        other = size != old_edges[rule + 1] - old_edges[rule]
        if not other:
            for k in range(size):
                if rows[edges[rule] + k] != old_rows[old_edges[rule] + k]:
                    other = True
                    break
        out[rule] = other
