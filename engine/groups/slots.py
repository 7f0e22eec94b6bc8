"""Label sets of one rule's results by small number, and which rows of a matrix mean which.

A row's label set never changes, so what a rule makes of it is worked out when the row is first
present, and found again by the row's number from then on.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.vector import EvaluationError, Labels, LabelSet, Mask

Rows = npt.NDArray[np.int64]
Make = Callable[[int], LabelSet]
"""Returns what the rule makes of the k-th of the rows asked for."""

_COMPACT_MIN: Final = 1_024


class Slots:
    """One rule's label sets. A slot is its number; `keep` gives numbers anew."""

    def __init__(self, duplicates: str) -> None:
        """`duplicates`: the error where two rows of a result become one label set."""
        self.duplicates = duplicates
        self.sets: list[LabelSet] = []
        self.numbers: dict[LabelSet, int] = {}
        self._labels: Labels | None = None
        self._of_row: Rows = np.empty(0, np.int64)
        self._shared = False  # whether two rows of `_labels` have one slot
        self._compact_at = _COMPACT_MIN

    def __len__(self) -> int:
        return len(self.sets)

    def slot(self, labels: LabelSet) -> int:
        """Return the slot of a label set, a new one where it has none."""
        number = self.numbers.get(labels)
        if number is None:
            number = self.numbers[labels] = len(self.sets)
            self.sets.append(labels)
        return number

    def find(self, labels: Labels, rows: Rows, make: Make) -> Rows:
        """Return the slot of each row of a result, for rows whose label sets say everything.

        Cost: one gather where every row has been present before.
        Raises: EvaluationError where two rows have one slot.
        """
        if labels is not self._labels:
            self._labels, self._shared = labels, False
            self._of_row = np.full(len(labels), -1, np.int64)
        elif self._of_row.size < len(labels):
            more = np.full(max(len(labels), 2 * self._of_row.size), -1, np.int64)
            more[: self._of_row.size] = self._of_row
            self._of_row = more
        slots = self._of_row[rows]
        unknown = np.flatnonzero(slots < 0)
        if unknown.size:
            # In the order of labels: an evaluator made anew may have its rows in another order.
            for labels_of, place in sorted((make(place), place) for place in unknown.tolist()):
                slots[place] = self.slot(labels_of)
            self._of_row[rows] = slots
            known = self._of_row[self._of_row >= 0]
            self._shared = np.unique(known).size < known.size
        if self._shared:
            self._distinct(slots)
        return slots

    def find_each(self, rows: Rows, make: Make) -> Rows:
        """Return the slot of each row of a result, made anew: values decide, too."""
        sets = [make(place) for place in range(rows.size)]
        for labels in sorted(sets):
            self.slot(labels)
        slots = np.array([self.numbers[labels] for labels in sets], np.int64)
        self._distinct(slots)
        return slots

    def _distinct(self, slots: Rows) -> None:
        if np.unique(slots).size < slots.size:
            raise EvaluationError(self.duplicates)

    @property
    def crowded(self) -> bool:
        """Whether it is time to `keep` only what is in use."""
        return len(self.sets) >= self._compact_at

    def keep(self, wanted: Mask) -> Rows:
        """Forget the slots that are not wanted; returns the old numbers in their new order."""
        kept = np.flatnonzero(wanted)
        self.sets = [self.sets[slot] for slot in kept.tolist()]
        self.numbers = {labels: number for number, labels in enumerate(self.sets)}
        self._labels = None
        self._compact_at = max(_COMPACT_MIN, 2 * len(self.sets))
        return kept
