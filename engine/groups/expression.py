"""A rule's expression at a tick: the rows that are there, and their values."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.errors import TocsinError
from engine.groups.owner_source import OwnerSource
from engine.promql import Expr, parse
from engine.template import go
from engine.vector import (
    Annotations,
    EvaluationError,
    Evaluator,
    Floats,
    Labels,
    LabelSet,
    Matrix,
    Scalar,
    Source,
    Text,
    Value,
    rows,
)

_QUERIES_MAX: Final = 256  # expressions of templates that are kept compiled


@dataclass(frozen=True, slots=True)
class Vector:
    """What an expression gave at one time: rows i64[k] of `labels`, values f64[k]."""

    labels: Labels
    rows: npt.NDArray[np.int64]
    values: Floats


def _alone() -> Labels:
    labels = Labels()
    labels.add(())
    return labels


_ALONE: Final = _alone()
"""The one row of a scalar."""


class Expression:
    """An expression, compiled once: label work is kept between ticks."""

    def __init__(self, expr: Expr, text: str = "") -> None:
        """`text`: what it was read from. What cannot be compiled fails when it is evaluated."""
        self._expr, self._text = expr, text
        self._error: EvaluationError | None = None
        self._evaluator: Evaluator | None = None  # compiled when it is first asked

    def value(self, source: Source, at_ms: int, annotations: Annotations) -> Value:
        """Evaluate at one time, names removed. Raises EvaluationError."""
        evaluator = self._compiled()
        if isinstance(source, OwnerSource):
            source.annotations = annotations  # shards have evaluated a part of the expression
        times = np.array([at_ms], np.int64)
        value = evaluator.evaluate(source, times, annotations, start_ms=at_ms, end_ms=at_ms)
        return evaluator.finish(value) if isinstance(value, Matrix) else value

    def _compiled(self) -> Evaluator:
        if self._error is not None:
            raise EvaluationError(str(self._error))
        if self._evaluator is None:
            try:
                self._evaluator = Evaluator(self._expr, text=self._text)
            except EvaluationError as error:
                self._error = error
                raise
        return self._evaluator

    def vector(self, source: Source, at_ms: int, annotations: Annotations) -> Vector:
        """Evaluate a rule's expression. Raises EvaluationError."""
        value = self.value(source, at_ms, annotations)
        match value:
            case Matrix():
                present = np.flatnonzero(value.mask[:, 0])
                return Vector(value.labels, present, value.values[present, 0])
            case Scalar():
                return Vector(_ALONE, np.zeros(1, np.int64), value.values)
            case Text():
                raise EvaluationError("rule result is not a vector or scalar")


class Queries:
    """What templates ask with `query`: expressions over the source of the tick."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[str, Expression] = OrderedDict()
        self._source: Source | None = None
        self.at_ms = 0  # the last tick

    def use(self, source: Source, at_ms: int) -> None:
        """Answer from this source, as of a tick, from here on."""
        self._source, self.at_ms = source, at_ms

    def query(self, text: str) -> list[tuple[dict[str, str], float]]:
        """Return the rows of an expression. Raises QueryFailure."""
        try:
            return [(dict(labels), value) for labels, value in self._rows(text)]
        except TocsinError as error:
            raise go.QueryFailure(str(error)) from None

    def _rows(self, text: str) -> list[tuple[LabelSet, float]]:
        if self._source is None:
            raise EvaluationError("nothing was evaluated yet")
        expression = self._compiled.get(text)
        if expression is None:
            expression = self._compiled[text] = Expression(parse(text), text)
            while len(self._compiled) > _QUERIES_MAX:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(text)
        value = expression.value(self._source, self.at_ms, Annotations())
        match value:
            case Matrix():
                return rows(value, 0)
            case Scalar():
                return [((), float(value.values[0]))]
            case Text():
                raise EvaluationError("query result is not a vector or scalar")
