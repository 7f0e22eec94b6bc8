"""How rows of two vectors find each other: signatures and result labels, once a row or pair."""

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.promql import Matching
from engine.vector.labelling import METADATA, Numbers, Rows, Unique, label, with_label
from engine.vector.labels import Labels, LabelSet

Signature = Callable[[LabelSet], LabelSet]
_NAME: Final = "__name__"


def signature(matching: Matching) -> Signature:
    """Return what two rows must have in common to match."""
    if matching.on:
        kept = frozenset(matching.labels)
        return lambda row: tuple(pair for pair in row if pair[0] in kept)
    gone = frozenset((*matching.labels, _NAME))
    return lambda row: tuple(pair for pair in row if pair[0] not in gone)


class Signatures:
    """Numbers of signatures, shared by the two sides of an operator."""

    def __init__(self, matching: Matching) -> None:
        self.of = signature(matching)
        self._numbers: dict[LabelSet, int] = {}

    def number(self, row: LabelSet) -> int:
        """Return the number of a row's signature."""
        return self._numbers.setdefault(self.of(row), len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)


class Side:
    """The signatures of one side's rows."""

    def __init__(self, shared: Signatures) -> None:
        self._shared = shared
        self._numbers = Numbers()
        self._row_of: dict[int, int] = {}
        self.labels: Labels | None = None
        self.unique = True  # no two rows of one signature

    def extend(self, labels: Labels, count: int) -> bool:
        """Take in rows; returns whether there were new ones."""
        self.labels = labels
        done = self._numbers.array.size
        if count <= done:
            return False
        fresh = [self._shared.number(labels.sets[at]) for at in range(done, count)]
        for at, number in enumerate(fresh, done):
            self.unique = self.unique and number not in self._row_of
            self._row_of[number] = at
        self._numbers.extend(fresh)
        return True

    def array(self) -> Rows:
        """Return i64[n]."""
        return self._numbers.array


class Pairs:
    """Rows of the many side, their partners on the one side, and the rows that pairs become."""

    def __init__(self, matching: Matching, arithmetic: bool, as_bool: bool) -> None:
        self._matching = matching
        self._arithmetic = arithmetic
        self._as_bool = as_bool
        self._reset()

    def _reset(self) -> None:
        self._shared = Signatures(self._matching)
        self._many = Side(self._shared)
        self._one = Side(self._shared)
        self._out = Unique()
        self._partners: Rows = np.zeros(0, np.int64)
        self._known_partner: Rows = np.zeros(0, np.int64)  # the partner that `_targets` is of
        self._targets: Rows = np.zeros(0, np.int64)
        self.straight = True  # row i of the many side is output row i

    def extend(self, many: Labels, many_count: int, one: Labels, one_count: int) -> None:
        """Take in the rows of both sides; begins anew where the labels are other ones."""
        known = self._many.labels, self._one.labels
        if known[0] not in (None, many) or known[1] not in (None, one):
            self._reset()
        grown = self._many.extend(many, many_count)
        if grown:
            more = np.full(many_count - self._targets.size, -1, np.int64)
            self._targets = np.concatenate([self._targets, more])
            self._known_partner = np.concatenate([self._known_partner, more])
        if self._one.extend(one, one_count) or grown:
            row_of = np.full(len(self._shared), -1, np.int64)
            signatures = self._one.array()
            row_of[signatures] = np.arange(signatures.size)
            self._partners = row_of[self._many.array()]

    @property
    def labels(self) -> Labels:
        """Return the output's rows."""
        return self._out.labels

    @property
    def one_labels(self) -> Labels:
        """Return the one side's rows."""
        assert self._one.labels is not None
        return self._one.labels

    @property
    def signatures(self) -> int:
        """Return how many signatures there are."""
        return len(self._shared)

    @property
    def many_signatures(self) -> Rows:
        """Return the signature of each row of the many side."""
        return self._many.array()

    @property
    def one_signatures(self) -> Rows:
        """Return the signature of each row of the one side."""
        return self._one.array()

    @property
    def many_unique(self) -> bool:
        """Say whether no two rows of the many side share a signature."""
        return self._many.unique

    @property
    def one_unique(self) -> bool:
        """Say whether no two rows of the one side share a signature."""
        return self._one.unique

    def partners(self) -> Rows:
        """Return the one side's row for each row of the many side, -1: none (one_unique)."""
        return self._partners

    def matched(self, row: LabelSet) -> LabelSet:
        """Return the labels that are matched on."""
        return self._shared.of(row)

    def targets(self, rows: Rows, partners: Rows) -> Rows:
        """Return the output rows of pairs, making those that are new."""
        fresh = np.nonzero(self._known_partner[rows] != partners)[0]
        if fresh.size:
            self._meet(rows[fresh].tolist(), partners[fresh].tolist())
        return self._targets[rows]

    def _meet(self, rows: list[int], partners: list[int]) -> None:
        assert self._many.labels is not None
        many, one = self._many.labels, self.one_labels
        for row, partner in zip(rows, partners, strict=True):
            labels, dropped = self._result(many.sets[row], many.dropped[row], one.sets[partner])
            target = self._out.row(labels, dropped)
            self.straight = self.straight and target == row
            self._targets[row] = target
            self._known_partner[row] = partner

    def _result(self, many: LabelSet, dropped: bool, one: LabelSet) -> tuple[LabelSet, bool]:
        """Return the labels of a pair, and whether its name goes at the end."""
        matching = self._matching
        if self._arithmetic:
            many = tuple(pair for pair in many if pair[0] not in METADATA)
            dropped = False
        if matching.cardinality == "one-to-one":
            listed = matching.labels
            many = tuple(pair for pair in many if (pair[0] in listed) == matching.on)
        for name in matching.include:
            many = with_label(many, name, label(one, name))
            dropped = dropped and name != _NAME
        return many, dropped or self._as_bool
