"""Which group a row belongs to: worked out once a row and kept."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.vector.labelling import Numbers, Rows
from engine.vector.labels import Labels, LabelSet
from engine.vector.matrix import Floats, Mask, Matrix

GroupKey = Callable[[LabelSet], LabelSet]
_NAME: Final = "__name__"


def group_key(labels: tuple[str, ...], without: bool) -> GroupKey:
    """Return what makes the labels of a row's group."""
    if without:
        gone = frozenset((*labels, _NAME))
        return lambda row: tuple(pair for pair in row if pair[0] not in gone)
    if not labels:
        return lambda _: ()
    kept = frozenset(labels)
    return lambda row: tuple(pair for pair in row if pair[0] in kept)


class Groups:
    """The groups of the rows of one Labels: `of` gives i64[n], `labels` has a row each.

    A group whose labels hold the metric name can have members whose name is to go and others:
    its result loses the name at the steps where one of the former is present. Such a group has a
    second row, `twins[group]`.
    """

    def __init__(self, key: GroupKey) -> None:
        self._key = key
        self._forget(None)

    def _forget(self, source: Labels | None) -> None:
        self.source = source
        self.labels = Labels()
        self.twins: dict[int, int] = {}
        self._group_of: dict[LabelSet, int] = {}
        self._groups = Numbers()
        self._sorted: tuple[Rows, Rows] | None = None

    def of(self, labels: Labels, count: int) -> Rows:
        """Return the groups of the first `count` rows, taking in those that are new."""
        if labels is not self.source:
            self._forget(labels)
        done = self._groups.array.size
        if count > done:
            self._sorted = None
            self._groups.extend(
                [self._enter(labels.sets[at], labels.dropped[at]) for at in range(done, count)]
            )
        return self._groups.array[:count]

    def sorted(self, count: int) -> tuple[Rows, Rows]:
        """Return by_group of the first `count` rows."""
        if self._sorted is None or self._sorted[0].size != count:
            self._sorted = by_group(self._groups.array[:count], len(self.labels))
        return self._sorted

    def _enter(self, row: LabelSet, dropped: bool) -> int:
        key = self._key(row)
        named = any(name == _NAME for name, _ in key)
        group = self._group_of.get(key)
        if group is None:
            group = self._group_of[key] = self.labels.add(key, dropped and named)
        elif named and dropped != self.labels.dropped[group] and group not in self.twins:
            self.twins[group] = self.labels.add(key, dropped)
        return group

    def settle(self, out: Matrix, mask: Mask, groups: Rows, dropped: Mask) -> Matrix:
        """Move results of mixed groups to the row whose name goes, where that is right.

        Shapes: mask bool[n, t] of the rows that were grouped, groups i64[n], dropped bool[n].
        """
        if not self.twins:
            return out
        values, present = out.values.copy(), out.mask.copy()
        for group, twin in self.twins.items():
            going = mask[(groups == group) & dropped].any(axis=0)
            to_twin = going if self.labels.dropped[twin] else ~going
            values[twin] = values[group]
            present[twin] = present[group] & to_twin
            present[group] &= ~to_twin
        return Matrix(out.labels, values, present)


def by_group(groups: Rows, count: int) -> tuple[Rows, Rows]:
    """Return rows in order of their groups, and where each group starts: i64[n], i64[count + 1]."""
    order = np.argsort(groups, kind="stable")
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(groups, minlength=count), out=starts[1:])
    return order, starts


def solid(values: npt.NDArray[np.float64]) -> Floats:
    """Return an array that kernels take: contiguous, so that one compiled form is enough."""
    return np.ascontiguousarray(values)
