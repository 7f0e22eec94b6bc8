"""What an expression is evaluated in: times, a source, and where annotations go."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from engine.promql import At
from engine.vector.matrix import Annotations, Floats, Matrix, Source, Times


@dataclass(frozen=True, slots=True)
class Frame:
    """One evaluation, or the steps of a subquery in it. Times in ms, rising."""

    source: Source
    times: Times
    annotations: Annotations
    start_ms: int  # of the whole query: `@ start()`, in subqueries too
    end_ms: int

    def at(self, times: Times) -> "Frame":
        """Return the same evaluation at other times."""
        return replace(self, times=times)

    def resolved(self, at: At | None, offset_ms: int) -> Times:
        """Return the times that a selector with `@` and offset reads."""
        if at is None:
            return self.times - offset_ms if offset_ms else self.times
        if at == "start":
            at = self.start_ms
        elif at == "end":
            at = self.end_ms
        return np.full(self.times.size, at - offset_ms, np.int64)


class VectorNode(Protocol):
    """A compiled expression of type vector. It keeps label work between evaluations."""

    def matrix(self, frame: Frame) -> Matrix:
        """Return the vectors at the frame's times."""


class ScalarNode(Protocol):
    """A compiled expression of type scalar."""

    def column(self, frame: Frame) -> Floats:
        """Return the numbers at the frame's times, f64[t]."""


class OnceVector:
    """A subtree that is the same at all steps: evaluated at the first one."""

    def __init__(self, node: VectorNode) -> None:
        self._node = node

    def matrix(self, frame: Frame) -> Matrix:
        """Return the first step's vector at every step."""
        steps = frame.times.size
        if steps <= 1:
            return self._node.matrix(frame)
        one = self._node.matrix(frame.at(frame.times[:1]))
        shape = one.values.shape[0], steps
        return Matrix(
            one.labels, np.broadcast_to(one.values, shape), np.broadcast_to(one.mask, shape)
        )


class OnceScalar:
    """A scalar subtree that is the same at all steps."""

    def __init__(self, node: ScalarNode) -> None:
        self._node = node

    def column(self, frame: Frame) -> Floats:
        """Return the first step's number at every step."""
        if frame.times.size <= 1:
            return self._node.column(frame)
        one = self._node.column(frame.at(frame.times[:1]))
        return np.broadcast_to(one, (frame.times.size,))
