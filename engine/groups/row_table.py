"""Rows by label set: numbers that stay, whatever an evaluator calls its rows."""

import numpy as np
import numpy.typing as npt

from engine.vector import Labels, LabelSet

Ints = npt.NDArray[np.int64]


class RowTable:
    """Numbers for label sets, from 0 on; an evaluator's rows are mapped to them once."""

    def __init__(self) -> None:
        self.labels = Labels()
        self._number: dict[tuple[LabelSet, bool], int] = {}
        self._of: Labels | None = None
        self._map: Ints = np.full(0, -1, np.int64)

    def number(self, labels: LabelSet, dropped: bool) -> int:
        """Return the number of a row, a new one where there is none."""
        known = self._number.get((labels, dropped))
        if known is None:
            known = self._number[labels, dropped] = self.labels.add(labels, dropped)
        return known

    def place(self, labels: Labels, rows: Ints) -> Ints:
        """Return the numbers of some rows of an evaluator's labels.

        New ones are numbered in the order of their labels: an evaluator that was made again may
        have its rows in another order.
        """
        if self._of is not labels:
            self._of, self._map = labels, np.full(len(labels), -1, np.int64)
        if self._map.size < len(labels):
            more = np.full(max(len(labels), 2 * self._map.size), -1, np.int64)
            more[: self._map.size] = self._map
            self._map = more
        new = rows[self._map[rows] < 0].tolist()
        for row in sorted(new, key=lambda row: (labels.sets[row], labels.dropped[row])):
            self._map[row] = self.number(labels.sets[row], labels.dropped[row])
        placed: Ints = self._map[rows]
        return placed

    def __len__(self) -> int:
        return len(self.labels)
