"""Set operators: and, unless, or. Rows stay as they are; their presence changes."""

import numpy as np

from engine.promql import Matching
from engine.vector.aggregate_kernels import presence
from engine.vector.frame import Frame, VectorNode
from engine.vector.labelling import Numbers, Rows, Unique
from engine.vector.labels import Labels
from engine.vector.matching import Side, Signatures
from engine.vector.matrix import Mask, Matrix


class SetNode:
    """What set operators share: the signatures of both sides."""

    def __init__(self, left: VectorNode, right: VectorNode, matching: Matching) -> None:
        self._left = left
        self._right = right
        self._matching = matching
        self._reset()

    def _reset(self) -> None:
        self._shared = Signatures(self._matching)
        self._sides = Side(self._shared), Side(self._shared)

    def _both(self, frame: Frame) -> tuple[Matrix, Matrix]:
        left, right = self._left.matrix(frame), self._right.matrix(frame)
        known = tuple(side.labels for side in self._sides)
        if known[0] not in (None, left.labels) or known[1] not in (None, right.labels):
            self._reset()
        for side, matrix in zip(self._sides, (left, right), strict=True):
            side.extend(matrix.labels, matrix.values.shape[0])
        return left, right

    def _present(self, side: int, matrix: Matrix) -> Mask:
        """Return which signatures a side has at each step: bool[signatures, t]."""
        rows = self._sides[side].array()[: matrix.mask.shape[0]]
        out: Mask = presence(rows, np.ascontiguousarray(matrix.mask), len(self._shared))
        return out

    def _seen(self, side: int, matrix: Matrix, present: Mask) -> Mask:
        """Return, for each row of a side, whether its signature is present: bool[n, t]."""
        return present[self._sides[side].array()[: matrix.mask.shape[0]]]


class Intersection(SetNode):
    """and, unless: rows of the left side by what the right side has."""

    def __init__(
        self, left: VectorNode, right: VectorNode, matching: Matching, unless: bool
    ) -> None:
        super().__init__(left, right, matching)
        self._unless = unless

    def matrix(self, frame: Frame) -> Matrix:
        """Return the left side with fewer rows present."""
        left, right = self._both(frame)
        seen = self._seen(0, left, self._present(1, right))
        mask = left.mask & (~seen if self._unless else seen)
        return Matrix(left.labels, left.values, mask, left.order)


class Union(SetNode):
    """or: the left side, and rows of the right side whose signature the left side has not."""

    def _reset(self) -> None:
        super()._reset()
        self._out = Unique()
        self._places = Numbers(), Numbers()

    def matrix(self, frame: Frame) -> Matrix:
        """Return rows of both sides."""
        left, right = self._both(frame)
        at = self._place(0, left.labels, left.mask.shape[0])
        added_at = self._place(1, right.labels, right.mask.shape[0])
        size = len(self._out.labels), frame.times.size
        values, mask = np.zeros(size), np.zeros(size, np.bool_)
        values[at] = left.values
        mask[at] = left.mask
        added = right.mask & ~self._seen(1, right, self._present(0, left))
        values[added_at] = np.where(added, right.values, values[added_at])
        mask[added_at] |= added
        return Matrix(self._out.labels, values, mask)

    def _place(self, side: int, labels: Labels, count: int) -> Rows:
        places = self._places[side]
        done = places.array.size
        if count > done:
            places.extend(
                [self._out.row(labels.sets[at], labels.dropped[at]) for at in range(done, count)]
            )
        return places.array[:count]
