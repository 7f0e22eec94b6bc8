"""Rows made from rows: label work that is done once a row and kept, and the final names."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.vector.labels import Labels, LabelSet
from engine.vector.matrix import EvaluationError, Floats, Mask, Matrix
from engine.vector.wording import SAME_LABELSET, metric_name

Rows = npt.NDArray[np.int64]
METADATA: Final = frozenset({"__name__", "__type__", "__unit__"})
Relabel = Callable[[LabelSet, bool], tuple[LabelSet, bool]]


class Numbers:
    """A growing i64 column."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: Rows = np.zeros(0, np.int64)

    def extend(self, values: list[int]) -> None:
        """Append values."""
        self.array = np.concatenate([self.array, np.array(values, np.int64)])


class Unique:
    """Output rows, each label set and flag once."""

    __slots__ = ("labels", "row_of")

    def __init__(self) -> None:
        self.labels = Labels()
        self.row_of: dict[tuple[LabelSet, bool], int] = {}

    def row(self, labels: LabelSet, dropped: bool) -> int:
        """Return the row of a label set, a new one where there is none."""
        key = labels, dropped
        row = self.row_of.get(key)
        if row is None:
            row = self.row_of[key] = self.labels.add(labels, dropped)
        return row


class Relabelled:
    """Rows with other labels: row i of the input is row `targets[i]` of the output.

    Rows that get equal labels become one row; two of them present at one step are an error.
    """

    __slots__ = ("_make", "_out", "_source", "_straight", "_targets")

    def __init__(self, make: Relabel) -> None:
        self._make = make
        self._reset(None)

    def _reset(self, source: Labels | None) -> None:
        self._source = source
        self._out = Unique()
        self._targets = Numbers()
        self._straight = True  # row i is row i: nothing to move

    def __call__(self, matrix: Matrix, values: Floats | None = None) -> Matrix:
        """Return the matrix relabelled; `values`: instead of its own."""
        count = matrix.values.shape[0]
        targets = self.targets(matrix.labels, count)
        values = matrix.values if values is None else values
        labels = self._out.labels
        if self._straight:
            return Matrix(labels, values, matrix.mask, matrix.order)
        order = None if matrix.order is None else targets[matrix.order]
        merged, mask = gathered(targets, values, matrix.mask, len(labels))
        return Matrix(labels, merged, mask, order)

    def targets(self, labels: Labels, count: int) -> Rows:
        """Return the output rows of the first `count` rows, making those that are new."""
        if labels is not self._source:
            self._reset(labels)
        done = self._targets.array.size
        if count > done:
            fresh = []
            for at in range(done, count):
                row = self._out.row(*self._make(labels.sets[at], labels.dropped[at]))
                self._straight = self._straight and row == at
                fresh.append(row)
            self._targets.extend(fresh)
        return self._targets.array[:count]


def gathered(targets: Rows, values: Floats, mask: Mask, count: int) -> tuple[Floats, Mask]:
    """Move rows to their targets, several to one where their masks do not meet.

    Shapes: targets i64[n], values and mask [n, t] -> f64[count, t], bool[count, t].
    Raises: EvaluationError where two rows of one target are present at a step.
    """
    out = np.zeros((count, values.shape[1]))
    out_mask = np.zeros((count, values.shape[1]), np.bool_)
    rows, steps = np.nonzero(mask)
    at = targets[rows]
    out_mask[at, steps] = True
    if int(np.count_nonzero(out_mask)) != rows.size:
        raise EvaluationError(SAME_LABELSET)
    out[at, steps] = values[rows, steps]
    return out, out_mask


class NameLeaving:
    """Rows as they are, their metric names marked for removal at the end.

    The label sets are shared with the input's rows, not copied: both are append-only.
    """

    __slots__ = ("_done", "_mixed", "_out", "_source")

    def __init__(self) -> None:
        self._reset(None)

    def _reset(self, source: Labels | None) -> None:
        self._source = source
        self._done = 0
        self._out: Labels | None = None
        self._mixed: Relabelled | None = None

    def __call__(self, matrix: Matrix, values: Floats | None = None) -> Matrix:
        """Return the matrix with rows marked; `values`: instead of its own."""
        labels, count = matrix.labels, matrix.values.shape[0]
        if labels is not self._source:
            self._reset(labels)
        if count > self._done or self._out is None:
            self._extend(labels, count)
        if self._mixed is not None:
            return self._mixed(matrix, values)
        assert self._out is not None
        held = matrix.values if values is None else values
        return Matrix(self._out, held, matrix.mask, matrix.order)

    def _extend(self, labels: Labels, count: int) -> None:
        """Take in rows. Only where marked ones meet others can two rows become equal."""
        fresh = labels.dropped[self._done : count]
        if self._out is None:
            self._out = labels
            if not fresh or not fresh[0]:
                self._out = Labels()
                self._out.sets = labels.sets
        leaving = self._out is labels
        if (not leaving) in fresh and self._mixed is None:
            self._mixed = Relabelled(lambda row, _: (row, True))
        if not leaving:
            self._out.dropped.extend([True] * len(fresh))
        self._done = count


def _final(labels: LabelSet, dropped: bool) -> LabelSet:
    return without_metadata(labels) if dropped else labels


def without_metadata(labels: LabelSet) -> LabelSet:
    """Return labels without the metric name and what belongs to it."""
    return tuple(pair for pair in labels if pair[0] not in METADATA)


class Finisher:
    """Delayed name removal and the check for equal label sets; keeps its label work.

    The output has only rows that were present at some evaluation: a filter that lets few series
    pass costs nothing for the others.
    """

    __slots__ = ("_joined", "_out", "_source", "_targets")

    def __init__(self) -> None:
        self._reset(None)

    def _reset(self, source: Labels | None) -> None:
        self._source = source
        self._out = Unique()
        self._targets: Rows = np.zeros(0, np.int64)  # -1: never present yet
        self._joined = False  # two rows are one output row

    def __call__(self, matrix: Matrix) -> Matrix:
        """Return the matrix with final labels. Raises EvaluationError for equal label sets."""
        if matrix.labels is not self._source:
            self._reset(matrix.labels)
        count, steps = matrix.mask.shape
        if count > self._targets.size:
            more = np.full(count - self._targets.size, -1, np.int64)
            self._targets = np.concatenate([self._targets, more])
        present: Mask = matrix.mask[:, 0] if steps == 1 else np.logical_or.reduce(matrix.mask, 1)
        rows = np.nonzero(present)[0]
        if not rows.size:
            shape = len(self._out.labels), steps
            return Matrix(self._out.labels, np.zeros(shape), np.zeros(shape, np.bool_))
        targets = self._targets[rows]
        if targets.min() < 0:
            self._meet(matrix.labels, rows[targets < 0].tolist())
            targets = self._targets[rows]
        values, mask = matrix.values[rows], matrix.mask[rows]
        size = len(self._out.labels)
        order = None
        if matrix.order is not None:
            order = self._targets[matrix.order[present[matrix.order]]]
        if self._joined:
            values, mask = gathered(targets, values, mask, size)
            return Matrix(self._out.labels, values, mask, order)
        out, out_mask = np.zeros((size, steps)), np.zeros((size, steps), np.bool_)
        out[targets] = values
        out_mask[targets] = mask
        return Matrix(self._out.labels, out, out_mask, order)

    def _meet(self, labels: Labels, rows: list[int]) -> None:
        for row in rows:
            final = _final(labels.sets[row], labels.dropped[row])
            known = len(self._out.labels)
            target = self._out.row(final, False)
            self._joined = self._joined or target < known
            self._targets[row] = target


def finish(matrix: Matrix) -> Matrix:
    """Return a matrix with final labels: names gone where they were to go, each label set once.

    Raises: EvaluationError where two rows with one label set are present at a step.
    """
    return Finisher()(matrix)


def rows(matrix: Matrix, step: int = 0) -> list[tuple[LabelSet, float]]:
    """Return the rows that are present at a step, in the order that sort() wants if it does."""
    mask = matrix.mask[:, step]
    at: npt.NDArray[Any] = np.nonzero(mask)[0]
    if matrix.order is not None:
        at = matrix.order[mask[matrix.order]]
    sets = matrix.labels.sets
    values = matrix.values[at, step].tolist()
    return [(sets[row], value) for row, value in zip(at.tolist(), values, strict=True)]


def with_label(labels: LabelSet, name: str, value: str) -> LabelSet:
    """Return labels with one set, or removed where the value is empty."""
    kept = [pair for pair in labels if pair[0] != name]
    if value:
        kept.append((name, value))
        kept.sort()
    return tuple(kept)


def label(labels: LabelSet, name: str) -> str:
    """Return a label's value; empty where there is none."""
    if name == "__name__":
        return metric_name(labels)
    for have, value in labels:
        if have == name:
            return value
    return ""
