"""Aggregations: rows folded into groups, rows picked from groups, values counted."""

from typing import Final

import numpy as np

from engine.vector.aggregate_kernels import presence, quantiles, ranked, spreads, summed
from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.grouping import GroupKey, Groups, solid
from engine.vector.labelling import Rows, Unique, with_label
from engine.vector.labels import Labels
from engine.vector.matrix import Floats, Mask, Matrix
from engine.vector.partial import MEAN_SCALE, folded, result, solid_mask
from engine.vector.sampling import whole_limits
from engine.vector.wording import invalid_quantile, plain_float

_TABLE_SPARE: Final = 4_096  # rows of count_values that may be out of use before it begins anew


def _settled(groups: Groups, matrix: Matrix, of: Rows, values: Floats, mask: Mask) -> Matrix:
    out = Matrix(groups.labels, values, mask)
    if not groups.twins:
        return out
    dropped = np.array(matrix.labels.dropped[: of.size], np.bool_)
    return groups.settle(out, matrix.mask, of, dropped)


class Folded:
    """sum, avg, count, min, max, group."""

    def __init__(self, operator: str, key: GroupKey, node: VectorNode) -> None:
        self._operator = operator
        self._node = node
        self._groups = Groups(key)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per group."""
        matrix = self._node.matrix(frame)
        columns, mask = folded(self._operator, self._groups, matrix)
        of = self._groups.of(matrix.labels, matrix.values.shape[0])
        values = result(self._operator, columns, mask)
        return _settled(self._groups, matrix, of, values, mask)


class Spread:
    """stddev, stdvar: from the mean, in two passes."""

    def __init__(self, operator: str, key: GroupKey, node: VectorNode) -> None:
        self._root = operator == "stddev"
        self._node = node
        self._groups = Groups(key)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per group."""
        matrix = self._node.matrix(frame)
        of = self._groups.of(matrix.labels, matrix.values.shape[0])
        size = len(self._groups.labels)
        values, mask = solid(matrix.values), solid_mask(matrix.mask)
        high, low, number = summed(of, values, mask, size, MEAN_SCALE)
        means = (high / number + low / number) / MEAN_SCALE
        out = spreads(of, values, mask, means, size) / number
        out = np.sqrt(out) if self._root else out
        return _settled(self._groups, matrix, of, out, number > 0)


class Quantiles:
    """quantile(q, v)."""

    def __init__(self, key: GroupKey, wanted: ScalarNode, node: VectorNode, where: str) -> None:
        self._wanted = wanted
        self._node = node
        self._where = where
        self._groups = Groups(key)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per group."""
        wanted = solid(self._wanted.column(frame))
        self._warn(frame, wanted)
        matrix = self._node.matrix(frame)
        of = self._groups.of(matrix.labels, matrix.values.shape[0])
        size = len(self._groups.labels)
        mask = solid_mask(matrix.mask)
        order, starts = self._groups.sorted(of.size)
        values = quantiles(order, starts, solid(matrix.values), mask, wanted)
        present = presence(of, mask, size)
        return _settled(self._groups, matrix, of, values, present)

    def _warn(self, frame: Frame, wanted: Floats) -> None:
        if np.isnan(wanted).any():
            frame.annotations.warn(invalid_quantile(np.nan, self._where))
        most, least = np.fmax.reduce(wanted, initial=0.5), np.fmin.reduce(wanted, initial=0.5)
        if most > 1:
            frame.annotations.warn(invalid_quantile(float(most), self._where))
        if least < 0:
            frame.annotations.warn(invalid_quantile(float(least), self._where))


class Ranked:
    """topk, bottomk: rows as they are, but for those that do not rank."""

    def __init__(self, operator: str, key: GroupKey, wanted: ScalarNode, node: VectorNode) -> None:
        self._sign = 1.0 if operator == "topk" else -1.0
        self._wanted = wanted
        self._node = node
        self._groups = Groups(key)

    def matrix(self, frame: Frame) -> Matrix:
        """Return the input with fewer rows present; ordered where there is one step."""
        wanted = whole_limits(self._wanted.column(frame))
        matrix = self._node.matrix(frame)
        of = self._groups.of(matrix.labels, matrix.values.shape[0])
        order, starts = self._groups.sorted(of.size)
        values, mask = solid(matrix.values), solid_mask(matrix.mask)
        kept = ranked(order, starts, values, mask, wanted, self._sign)
        ranks = None
        if kept.shape[1] == 1:
            held = np.nonzero(kept[:, 0])[0]
            ranks = held[np.lexsort((-self._sign * values[held, 0], of[held]))]
        return Matrix(matrix.labels, matrix.values, kept, ranks)


class ValueCounts:
    """count_values(label, v): a row for each value that rows of a group have."""

    def __init__(self, key: GroupKey, name: str, node: VectorNode) -> None:
        self._key = key
        self._name = name
        self._node = node
        self._forget(None)

    def _forget(self, source: Labels | None) -> None:
        self._source = source
        self._out = Unique()
        self._known: dict[tuple[int, str], int] = {}

    def matrix(self, frame: Frame) -> Matrix:
        """Return how many rows have each value."""
        matrix = self._node.matrix(frame)
        rows, steps = np.nonzero(matrix.mask)
        full = len(self._known) > 2 * rows.size + _TABLE_SPARE
        if matrix.labels is not self._source or full:
            self._forget(matrix.labels)
        at = np.array(
            [
                self._row(row, plain_float(value))
                for row, value in zip(
                    rows.tolist(), matrix.values[rows, steps].tolist(), strict=True
                )
            ],
            np.int64,
        )
        number = np.zeros((len(self._out.labels), frame.times.size))
        np.add.at(number, (at, steps), 1.0)
        return Matrix(self._out.labels, number, number > 0)

    def _row(self, row: int, value: str) -> int:
        known = self._known.get((row, value))
        if known is None:
            assert self._source is not None
            labels = with_label(self._source.sets[row], self._name, value)
            known = self._known[row, value] = self._out.row(self._key(labels), False)
        return known
