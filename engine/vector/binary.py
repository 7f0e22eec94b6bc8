"""Binary operators: numbers with numbers, vectors with scalars, vectors with vectors."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from engine.promql import Matching
from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.labelling import NameLeaving, gathered
from engine.vector.matching import Pairs
from engine.vector.matrix import EvaluationError, Floats, Mask, Matrix
from engine.vector.wording import incompatible_types, labels_text

ARITHMETIC: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.float_power,  # np.power takes a root for ^ 0.5: NaN of -Inf, where C's pow says +Inf
    "atan2": np.arctan2,
}
COMPARISON: Final[Mapping[str, Callable[[Floats, Floats], Mask]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
HISTOGRAM_ONLY: Final = frozenset({"</", ">/"})
"""Operators that floats do not have: no result and an info."""


class ScalarBinary:
    """Two scalars; comparisons are `bool` ones."""

    def __init__(self, operator: str, left: ScalarNode, right: ScalarNode) -> None:
        self._operator = operator
        self._left = left
        self._right = right

    def column(self, frame: Frame) -> Floats:
        """Return the numbers."""
        left, right = self._left.column(frame), self._right.column(frame)
        if self._operator in ARITHMETIC:
            return ARITHMETIC[self._operator](left, right)
        return COMPARISON[self._operator](left, right).astype(np.float64)


class VectorScalar:
    """A vector with a scalar; `swapped`: the scalar is on the left."""

    def __init__(
        self, operator: str, vector: VectorNode, scalar: ScalarNode, swapped: bool, as_bool: bool
    ) -> None:
        self._operator = operator
        self._vector = vector
        self._scalar = scalar
        self._swapped = swapped
        self._as_bool = as_bool
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return the rows with new values, or those that pass with their own."""
        matrix = self._vector.matrix(frame)
        scalar = self._scalar.column(frame)
        left, right = (scalar, matrix.values) if self._swapped else (matrix.values, scalar)
        if self._operator in ARITHMETIC:
            return self._relabelled(matrix, ARITHMETIC[self._operator](left, right))
        passed = COMPARISON[self._operator](left, right)
        if self._as_bool:
            return self._relabelled(matrix, passed.astype(np.float64))
        return Matrix(matrix.labels, matrix.values, matrix.mask & passed, matrix.order)


class VectorBinary:
    """Two vectors: rows of the many side with the one row of the other side that matches."""

    def __init__(
        self,
        operator: str,
        left: VectorNode,
        right: VectorNode,
        matching: Matching,
        as_bool: bool,
        where: str,
    ) -> None:
        self._operator = operator
        self._left = left
        self._right = right
        self._swapped = matching.cardinality == "one-to-many"
        self._explicit = matching.cardinality != "one-to-one"
        self._as_bool = as_bool
        self._where = where
        self._pairs = Pairs(matching, operator in ARITHMETIC, as_bool)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per pair.

        Raises: EvaluationError where a match is not unique on the sides that have to be.
        """
        left, right = self._left.matrix(frame), self._right.matrix(frame)
        many, one = (right, left) if self._swapped else (left, right)
        pairs = self._pairs
        pairs.extend(many.labels, many.values.shape[0], one.labels, one.values.shape[0])
        if pairs.one_unique:
            return self._joined(frame, many, one, pairs.partners(), slice(None))
        parts = []
        for step in range(frame.times.size):
            partners = self._partners(many.mask[:, step], one.mask[:, step])
            parts.append(self._joined(frame, many, one, partners, slice(step, step + 1)))
        return _side_by_side(parts)

    def _partners(self, many: Mask, one: Mask) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the row of the one side for each of the many side at one step, -1: none."""
        pairs = self._pairs
        present = np.nonzero(one)[0]
        if not many.any() or not present.size:
            return np.full(many.size, -1, np.int64)
        signatures = pairs.one_signatures[present]
        row_of = np.full(pairs.signatures, -1, np.int64)
        row_of[signatures] = present
        twice = np.nonzero(row_of[signatures] != present)[0]
        if twice.size:
            first = int(present[twice[0]])
            second = int(row_of[signatures[twice[0]]])
            raise EvaluationError(self._duplicate(second, first))
        return row_of[pairs.many_signatures[: many.size]]

    def _duplicate(self, row: int, earlier: int) -> str:
        sets = self._pairs.one_labels.sets
        group = self._pairs.matched(sets[row])
        side = "left" if self._swapped else "right"
        return (
            f"found duplicate series for the match group {labels_text(group)} on the {side} "
            f"hand-side of the operation: [{labels_text(sets[row])}, {labels_text(sets[earlier])}]"
            ";many-to-many matching not allowed: matching labels must be unique on one side"
        )

    def _joined(
        self, frame: Frame, many: Matrix, one: Matrix,
        partners: np.ndarray[tuple[int], np.dtype[np.int64]], steps: slice,
    ) -> Matrix:  # fmt: skip
        count = many.values.shape[0]
        partners = partners[:count]
        found = (partners >= 0) & (partners < one.values.shape[0])
        values, mask = many.values[:, steps], many.mask[:, steps]
        if found.all():
            other, both = one.values[partners, steps], mask & one.mask[partners, steps]
        else:
            rows = np.nonzero(found)[0]
            partners = partners[rows]
            values = values[rows]
            other, both = one.values[partners, steps], mask[rows] & one.mask[partners, steps]
            return self._combined(frame, rows, partners, values, other, both)
        return self._combined(frame, np.arange(count), partners, values, other, both)

    def _combined(
        self, frame: Frame,
        rows: np.ndarray[tuple[int], np.dtype[np.int64]],
        partners: np.ndarray[tuple[int], np.dtype[np.int64]],
        values: Floats, other: Floats, both: Mask,
    ) -> Matrix:  # fmt: skip
        """Compute the pairs (rows[i], partners[i]) and put them into their output rows."""
        pairs = self._pairs
        self._check_many(rows, both)
        targets = pairs.targets(rows, partners)
        left, right = (other, values) if self._swapped else (values, other)
        if self._explicit and not pairs.straight:
            self._check_targets(rows, targets, both)
        if self._operator in ARITHMETIC:
            out = ARITHMETIC[self._operator](left, right)
        elif self._operator in COMPARISON:
            passed = COMPARISON[self._operator](left, right)
            if self._as_bool:
                out = passed.astype(np.float64)
            else:
                # Prometheus keeps the left side's value, whichever side is the many one.
                out, both = left, both & passed
        else:
            if both.any():
                frame.annotations.info(incompatible_types(self._operator, self._where))
            out, both = left, np.zeros_like(both)
        size = len(pairs.labels)
        if pairs.straight and rows.size == size:
            return Matrix(pairs.labels, out, both)
        return Matrix(pairs.labels, *gathered(targets, out, both, size))

    def _check_many(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]], both: Mask) -> None:
        pairs = self._pairs
        if self._explicit or pairs.many_unique:
            return
        at, steps = np.nonzero(both)
        seen = np.zeros((pairs.signatures, both.shape[1]), np.bool_)
        seen[pairs.many_signatures[rows[at]], steps] = True
        if int(np.count_nonzero(seen)) != at.size:
            raise EvaluationError(
                "multiple matches for labels: many-to-one matching must be explicit "
                "(group_left/group_right)"
            )

    def _check_targets(
        self,
        rows: np.ndarray[tuple[int], np.dtype[np.int64]],
        targets: np.ndarray[tuple[int], np.dtype[np.int64]],
        both: Mask,
    ) -> None:
        """Refuse two rows of one signature that get the same labels, filtered out or not."""
        signatures = self._pairs.many_signatures[rows]
        at, steps = np.nonzero(both)
        keys = np.stack([signatures[at], targets[at], steps])
        if np.unique(keys, axis=1).shape[1] != at.size:
            raise EvaluationError(
                "multiple matches for labels: grouping labels must ensure unique matches"
            )


def _side_by_side(parts: list[Matrix]) -> Matrix:
    """Put steps beside each other; labels grew while they were computed."""
    labels = parts[-1].labels
    values = np.zeros((len(labels), len(parts)))
    mask = np.zeros((len(labels), len(parts)), np.bool_)
    for step, part in enumerate(parts):
        count = part.values.shape[0]
        values[:count, step] = part.values[:, 0]
        mask[:count, step] = part.mask[:, 0]
    return Matrix(labels, values, mask)
