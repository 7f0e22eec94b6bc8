"""Operators that read: selectors, range functions, what shards sent; and the constant ones."""

from typing import Final

import numpy as np

from engine.promql import MatrixSelector, VectorSelector
from engine.vector.frame import Frame, ScalarNode
from engine.vector.labelling import NameLeaving
from engine.vector.labels import Labels
from engine.vector.matrix import Exchanged, Floats, Matrix
from engine.vector.wording import invalid_quantile, metric_name, possible_non_counter

NAME_KEEPING: Final = frozenset({"last_over_time", "first_over_time"})
COUNTER_FUNCTIONS: Final = frozenset({"rate", "increase"})
COUNTER_SUFFIXES: Final = ("_total", "_sum", "_count", "_bucket")


class Constant:
    """A number literal, or pi()."""

    def __init__(self, value: float) -> None:
        self._value = value
        self._one = np.array([value])

    def column(self, frame: Frame) -> Floats:
        """Return the number at every step."""
        steps = frame.times.size
        return self._one if steps == 1 else np.full(steps, self._value)


class Time:
    """time(): the step's own time in seconds."""

    def column(self, frame: Frame) -> Floats:
        """Return the times in seconds."""
        return frame.times / 1000.0


class Selected:
    """An instant vector selector."""

    def __init__(self, selector: VectorSelector) -> None:
        self._selector = selector

    def matrix(self, frame: Frame) -> Matrix:
        """Return the newest samples."""
        times = frame.resolved(self._selector.at, self._selector.offset_ms)
        return frame.source.instant(self._selector, times)


class SelectedTimes:
    """timestamp() of a selector: the samples' own times."""

    def __init__(self, selector: VectorSelector) -> None:
        self._selector = selector
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return the times of the newest samples, in seconds."""
        times = frame.resolved(self._selector.at, self._selector.offset_ms)
        return self._relabelled(frame.source.instant_times(self._selector, times))


class Received:
    """A subtree that other shards evaluated."""

    def __init__(self, node: Exchanged) -> None:
        self._node = node

    def matrix(self, frame: Frame) -> Matrix:
        """Return what they sent."""
        return frame.source.exchanged(self._node, frame.times)

    def column(self, frame: Frame) -> Floats:
        """Return what they sent, of type scalar: its one row, NaN where there is none."""
        matrix = self.matrix(frame)
        if not matrix.values.shape[0]:
            return np.full(frame.times.size, np.nan)
        return np.where(matrix.mask[0], matrix.values[0], np.nan)


class RangeNotes:
    """What Prometheus remarks about the use of a range function."""

    def __init__(self, function: str, where: str) -> None:
        self._function = function
        self._where = where  # of the first argument
        self._labels: Labels | None = None
        self._infos: list[str] = []  # by row; empty where there is nothing to say
        self._said = 0

    def note(self, frame: Frame, matrix: Matrix, parameters: tuple[Floats, ...]) -> None:
        """Add annotations for rows that have a result."""
        if self._function in COUNTER_FUNCTIONS:
            self._counters(frame, matrix)
        elif self._function == "quantile_over_time":
            self._quantiles(frame, matrix, parameters[0])

    def _counters(self, frame: Frame, matrix: Matrix) -> None:
        if matrix.labels is not self._labels:
            self._labels, self._infos, self._said = matrix.labels, [], 0
        for at in range(len(self._infos), matrix.values.shape[0]):
            name = metric_name(matrix.labels.sets[at])
            quiet = not name or name.endswith(COUNTER_SUFFIXES)
            self._infos.append("" if quiet else possible_non_counter(name, self._where))
            self._said += not quiet
        if self._said:
            for at in np.nonzero(matrix.mask.any(axis=1))[0].tolist():
                if self._infos[at]:
                    frame.annotations.info(self._infos[at])

    def _quantiles(self, frame: Frame, matrix: Matrix, wanted: Floats) -> None:
        wrong = ~((wanted >= 0) & (wanted <= 1))
        if wrong.any():
            for step in np.nonzero(wrong & matrix.mask.any(axis=0))[0]:
                frame.annotations.warn(invalid_quantile(float(wanted[step]), self._where))


class Ranged:
    """A range function over a range selector."""

    def __init__(
        self,
        function: str,
        selector: MatrixSelector,
        parameters: tuple[ScalarNode, ...],
        where: str,
    ) -> None:
        self._function = function
        self._selector = selector
        self._parameters = parameters
        self._relabelled = None if function in NAME_KEEPING else NameLeaving()
        self._notes = RangeNotes(function, where)

    def matrix(self, frame: Frame) -> Matrix:
        """Return the function's values; rows keep their names for the end to drop."""
        vector = self._selector.vector
        times = frame.resolved(vector.at, vector.offset_ms)
        parameters = tuple(parameter.column(frame) for parameter in self._parameters)
        if self._function == "predict_linear":
            # Prometheus predicts from the evaluation's time, whatever the window's own end is.
            parameters = (parameters[0] + (frame.times - times) / 1000.0,)
        matrix = frame.source.over(self._function, self._selector, times, parameters)
        self._notes.note(frame, matrix, parameters)
        return matrix if self._relabelled is None else self._relabelled(matrix)
