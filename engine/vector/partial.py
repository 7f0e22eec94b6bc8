"""Aggregations in two parts: what each shard sends of its rows, and what the owner makes of it.

A part has a row per group of its sender. Sums are double-doubles: they come out with the same bits
however rows are spread over senders, and are the very numbers that one place would have computed.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.promql import Aggregation
from engine.vector.aggregate_kernels import counts, extremes, merged, presence, summed
from engine.vector.grouping import Groups, group_key, solid
from engine.vector.labelling import Rows
from engine.vector.labels import Labels
from engine.vector.matrix import Floats, Mask, Matrix

PARTIAL: Final = frozenset({"avg", "count", "group", "max", "min", "sum"})
"""Aggregations whose parts can be merged."""
# avg adds at this scale, so that a sum beyond the greatest float still has a mean.
MEAN_SCALE: Final = 2.0**-32
_KEPT_PARTS: Final = 4

Columns = tuple[Floats, ...]
Part = tuple[Labels, Columns, Mask]
"""A row per group; the columns of the aggregation, f64[n, t] each; where there is anything."""


def memo_of(aggregation: Aggregation) -> Groups:
    """Return what `partial` keeps between calls."""
    return Groups(group_key(aggregation.labels, aggregation.without))


def folded(operator: str, groups: Groups, matrix: Matrix) -> tuple[Columns, Mask]:
    """Fold rows into their groups: the columns of a part."""
    of = groups.of(matrix.labels, matrix.values.shape[0])
    size = len(groups.labels)
    mask = solid_mask(matrix.mask)
    if operator == "group":
        return (), presence(of, mask, size)
    if operator == "count":
        number = counts(of, mask, size)
        return (number,), number > 0
    values = solid(matrix.values)
    if operator in ("max", "min"):
        out, present = extremes(of, values, mask, size, 1.0 if operator == "max" else -1.0)
        return (out,), present
    scale = 1.0 if operator == "sum" else MEAN_SCALE
    high, low, number = summed(of, values, mask, size, scale)
    return ((high, low) if operator == "sum" else (high, low, number)), number > 0


def solid_mask(mask: Mask) -> Mask:
    """Return a contiguous mask."""
    return np.ascontiguousarray(mask)


def _fold(operator: str, of: Rows, columns: Columns, mask: Mask, size: int) -> tuple[Columns, Mask]:
    """Fold rows of parts into their groups."""
    present = presence(of, mask, size)
    if operator == "group":
        return (), present
    if operator in ("max", "min"):
        sign = 1.0 if operator == "max" else -1.0
        return (extremes(of, columns[0], mask, size, sign)[0],), present
    if operator == "count":
        return (_added(of, columns[0], mask, size),), present
    high, low = merged(of, columns[0], columns[1], mask, size)
    if operator == "sum":
        return (high, low), present
    return (high, low, _added(of, columns[2], mask, size)), present


def _added(of: Rows, number: Floats, mask: Mask, size: int) -> Floats:
    """Add whole numbers."""
    total: Floats = summed(of, number, mask, size, 1.0)[0]
    return total


def result(operator: str, columns: Columns, mask: Mask) -> Floats:
    """Return the values that columns stand for."""
    if operator == "group":
        return np.ones(mask.shape)
    if operator == "sum":
        return columns[0] + columns[1]
    if operator == "avg":
        return (columns[0] / columns[2] + columns[1] / columns[2]) / MEAN_SCALE
    return columns[0]


def partial(aggregation: Aggregation, matrix: Matrix, memo: Groups) -> Part:
    """Return what a shard sends of its rows. `memo`: memo_of(aggregation), kept by the caller.

    Columns by operator: sum (high, low); avg (high, low, count), scaled; count (count,);
    min, max (value,); group (). The first two add up as double-doubles.
    """
    with np.errstate(all="ignore"):
        columns, mask = folded(aggregation.operator, memo, matrix)
    return memo.labels, columns, mask


class PartialMerge:
    """Merges the parts of all senders; keeps which rows of theirs are one group."""

    def __init__(self, aggregation: Aggregation) -> None:
        self._operator = aggregation.operator
        self._forget()

    def _forget(self) -> None:
        self._groups = Groups(lambda labels: labels)
        self._rows = Labels()
        self._known: dict[int, tuple[Labels, list[int]]] = {}

    def __call__(self, parts: Sequence[Part]) -> Matrix:
        """Return the aggregation over all senders' rows. Rows of a part may repeat a group."""
        if len(self._known) > _KEPT_PARTS * (len(parts) + 1):
            self._forget()  # senders that began anew have new Labels
        if not parts:
            return Matrix(self._groups.labels, np.zeros((0, 1)), np.zeros((0, 1), np.bool_))
        at = np.concatenate([self._place(labels, mask.shape[0]) for labels, _, mask in parts])
        mask = np.concatenate([mask for _, _, mask in parts])
        columns = tuple(
            solid(np.concatenate([columns[column] for _, columns, _ in parts]))
            for column in range(len(parts[0][1]))
        )
        of = self._groups.of(self._rows, len(self._rows))[at]
        with np.errstate(all="ignore"):
            folds, present = _fold(self._operator, of, columns, mask, len(self._groups.labels))
            out = Matrix(self._groups.labels, result(self._operator, folds, present), present)
        return self._groups.settle(out, mask, of, np.array(self._rows.dropped, np.bool_)[at])

    def _place(self, labels: Labels, count: int) -> Rows:
        """Return the rows of a sender's labels among all rows."""
        known = self._known.get(id(labels))
        if known is None or known[0] is not labels:
            known = self._known[id(labels)] = (labels, [])
        rows = known[1]
        for at in range(len(rows), count):
            rows.append(self._rows.add(labels.sets[at], labels.dropped[at]))
        return np.array(rows[:count], np.int64)


def merge_partials(aggregation: Aggregation, parts: Sequence[Part]) -> Matrix:
    """Return the aggregation over the rows of all parts. PartialMerge keeps its label work."""
    return PartialMerge(aggregation)(parts)
