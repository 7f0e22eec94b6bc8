"""Recording rules: results under another name, with the rule's labels, in recorded series."""

from typing import Final

import numpy as np

from engine.groups.expression import Vector
from engine.groups.recorded import Recorded, Series, Written
from engine.groups.slots import Slots
from engine.plan import PromRule
from engine.series import METRIC_NAME
from engine.vector import EvaluationError, LabelSet, label_set

_DUPLICATES: Final = "vector contains metrics with the same labelset after applying rule labels"
_UNASKED: Final = -2  # a slot whose series was not asked for yet


class Recording:
    """The results of one recording rule."""

    def __init__(self, rule: PromRule, recorded: Recorded) -> None:
        self.rule, self.recorded = rule, recorded
        self.slots = Slots(_DUPLICATES)
        self.written = Written(recorded)
        self._series: Series = np.empty(0, np.int64)  # by slot
        self._read = recorded.read(rule.name)

    def record(self, at_ms: int, vector: Vector, limit: int) -> None:
        """Write an evaluation's results at `at_ms` (the query offset is taken off).

        Raises: EvaluationError where two results get the same labels, or there are too many.
        """
        sets = vector.labels.sets
        slots = self.slots.find(
            vector.labels, vector.rows, lambda place: self._named(sets[vector.rows[place]])
        )
        if 0 < limit < slots.size:
            raise EvaluationError(f"exceeded limit of {limit} with {slots.size} series")
        if self._read or self.written.series.size:
            self.written.write(self._series_of(slots), at_ms, vector.values)
        if self.slots.crowded:
            wanted = np.zeros(len(self.slots), np.bool_)
            wanted[slots] = True
            self._series = self._grown()[self.slots.keep(wanted)]

    def _named(self, metric: LabelSet) -> LabelSet:
        return label_set({**dict(metric), METRIC_NAME: self.rule.name, **self.rule.labels})

    def _series_of(self, slots: Series) -> Series:
        self._series = self._grown()
        found = self._series[slots]
        unasked = np.flatnonzero(found == _UNASKED)
        if unasked.size:
            for place in unasked.tolist():
                found[place] = self.recorded.series(self.slots.sets[slots[place]])
            self._series[slots] = found
        return found

    def _grown(self) -> Series:
        size = len(self.slots)
        if self._series.size >= size:
            return self._series
        more = np.full(max(size, 2 * self._series.size), _UNASKED, np.int64)
        more[: self._series.size] = self._series
        return more
