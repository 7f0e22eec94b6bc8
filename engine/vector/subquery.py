"""Subqueries: an expression at its own steps, and a range function over them."""

import numpy as np

from engine.promql import Subquery
from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.labelling import NameLeaving
from engine.vector.leaves import NAME_KEEPING, RangeNotes
from engine.vector.matrix import Matrix, Times
from engine.window import over_columns


def steps_of(times: Times, range_ms: int, step_ms: int) -> Times:
    """Return the multiples of a step in the windows (t - range, t] of rising times."""
    if not times.size:
        return times
    first = (int(times[0]) - range_ms) // step_ms + 1
    last = int(times[-1]) // step_ms
    steps = np.arange(first, last + 1, dtype=np.int64) * step_ms
    if times.size == 1:
        return steps
    # Windows of steps far apart have gaps between them.
    at = np.minimum(np.searchsorted(times, steps, side="left"), times.size - 1)
    return steps[(steps > times[at] - range_ms) & (steps <= times[at])]


class SubqueryRanged:
    """A range function over a subquery."""

    def __init__(
        self,
        function: str,
        subquery: Subquery,
        step_ms: int,
        node: VectorNode,
        parameters: tuple[ScalarNode, ...],
        where: str,
    ) -> None:
        self._function = function
        self._subquery = subquery
        self._step_ms = step_ms
        self._node = node
        self._parameters = parameters
        self._relabelled = None if function in NAME_KEEPING else NameLeaving()
        self._notes = RangeNotes(function, where)

    def matrix(self, frame: Frame) -> Matrix:
        """Return the function's values over the inner vectors."""
        subquery = self._subquery
        times = frame.resolved(subquery.at, subquery.offset_ms)
        parameters = tuple(parameter.column(frame) for parameter in self._parameters)
        if self._function == "predict_linear":
            parameters = (parameters[0] + (frame.times - times) / 1000.0,)
        steps = steps_of(times, subquery.range_ms, self._step_ms)
        inner = self._node.matrix(frame.at(steps))
        values, mask = over_columns(
            self._function, steps, np.ascontiguousarray(inner.values),
            np.ascontiguousarray(inner.mask), times, subquery.range_ms, parameters,
        )  # fmt: skip
        matrix = Matrix(inner.labels, values, mask)
        self._notes.note(frame, matrix, parameters)
        return matrix if self._relabelled is None else self._relabelled(matrix)
