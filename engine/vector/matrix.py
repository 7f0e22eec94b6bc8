"""Values of expressions: columns over series and over time steps.

An instant evaluation has one step. A row exists at a step where its mask says so: a filter clears
the mask and touches neither rows nor labels, so labels are worked on once and not at every tick.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import TocsinError
from engine.promql import NOWHERE, MatrixSelector, Span, VectorSelector
from engine.vector.labels import Labels

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class EvaluationError(TocsinError):
    """An expression cannot be evaluated at a step; the text is Prometheus' where it has one."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Vectors at steps. Shapes: values f64[n, t], mask bool[n, t]; n <= len(labels).

    `values` means nothing where the mask is False. `order` is set by sort() and friends: row
    numbers in the order wanted, for one-step results.
    """

    labels: Labels
    values: Floats
    mask: Mask
    order: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at each step: values f64[t]."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


Value = Matrix | Scalar | Text


class Annotations:
    """Warnings and infos of an evaluation, each text once, in order of appearance."""

    def __init__(self) -> None:
        self.warnings: dict[str, None] = {}
        self.infos: dict[str, None] = {}

    def warn(self, text: str) -> None:
        """Add a warning (`PromQL warning: …`, Prometheus' wording)."""
        self.warnings.setdefault(text)

    def info(self, text: str) -> None:
        """Add an info (`PromQL info: …`)."""
        self.infos.setdefault(text)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A subtree that other shards evaluated: a node of an owner's expression (engine.plan)."""

    id: str  # content hash of the subtree
    type: str = "vector"
    span: Span = field(default=NOWHERE, compare=False)  # of the subtree, for positions in texts


class Source(Protocol):
    """Where an evaluator finds series. `times` are absolute (offset and @ are applied), ms.

    Every method returns rows of an append-only `Labels` that belongs to (source, selector), names
    kept and `dropped` False, so that operators can keep what they derived from it.
    """

    def instant(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return the newest sample of each series in (t - look-back, t], none where it is stale."""

    def instant_times(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return those samples' own times in seconds, for timestamp()."""

    def over(
        self, function: str, selector: MatrixSelector, times: Times, parameters: tuple[Floats, ...]
    ) -> Matrix:
        """Return a range function over (t - range, t]; parameters f64[t] each.

        `function` is PromQL's name (rate, quantile_over_time, absent_over_time is not one of
        them: it is built from present_over_time). Parameters are the scalar arguments in order.
        """

    def exchanged(self, node: Exchanged, times: Times) -> Matrix:
        """Return what the shards sent of a subtree; EvaluationError where it is not an owner."""
