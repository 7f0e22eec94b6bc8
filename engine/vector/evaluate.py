"""The evaluator: an expression compiled once, evaluated at every tick over columns."""

from typing import Final

import numpy as np

from engine.promql import String
from engine.vector.compiling import Compiler
from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.invariance import Tree, bare, kind
from engine.vector.labelling import Finisher
from engine.vector.matrix import (
    Annotations,
    EvaluationError,
    Matrix,
    Scalar,
    Source,
    Text,
    Times,
    Value,
)

DEFAULT_STEP_MS: Final = 60_000


class Evaluator:
    """One expression. It keeps the label work of its operators between calls.

    One evaluator is used with one source at a time: another source's rows are worked on anew.
    """

    def __init__(
        self, expr: Tree, *, default_step_ms: int = DEFAULT_STEP_MS, text: str = ""
    ) -> None:
        """Compile an expression.

        Args:
            expr: a checked tree (engine.promql.parse), with or without Exchanged in it.
            default_step_ms: the step of subqueries that name none.
            text: what the tree was read from, for the positions in annotations.

        What Prometheus refuses at evaluation (a regular expression or a label name that is none)
        is refused by `evaluate` here too.
        """
        compiler = Compiler(text, default_step_ms)
        inner = bare(expr)
        self._finisher = Finisher()
        self._vector: VectorNode | None = None
        self._scalar: ScalarNode | None = None
        self._text: Text | None = None
        match kind(inner):
            case "vector":
                self._vector = compiler.vector(inner)
            case "scalar":
                self._scalar = compiler.scalar(inner)
            case "string":
                assert isinstance(inner, String), inner
                self._text = Text(inner.value)
            case _:
                raise EvaluationError("a range vector has no value of its own")

    def evaluate(
        self, source: Source, times: Times, annotations: Annotations, *, start_ms: int, end_ms: int
    ) -> Value:
        """Return the expression's value at rising times (ms): names are not yet gone.

        `start_ms`, `end_ms`: of the whole query, for `@ start()` and `@ end()`; equal for an
        instant evaluation. The result may share memory with the source's arrays: do not write.
        Raises: EvaluationError in Prometheus' words.
        """
        frame = Frame(source, times, annotations, start_ms, end_ms)
        with np.errstate(all="ignore"):
            if self._vector is not None:
                return self._vector.matrix(frame)
            if self._scalar is not None:
                return Scalar(self._scalar.column(frame))
        assert self._text is not None
        return self._text

    def finish(self, matrix: Matrix) -> Matrix:
        """Return a result of `evaluate` with final labels, as `finish` does; keeps label work."""
        return self._finisher(matrix)
