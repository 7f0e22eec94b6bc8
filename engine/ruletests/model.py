"""What a rule test file says, once it has been read; times in milliseconds from its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.document import Span
from engine.promql import Expr
from engine.vector import LabelSet

StepValue = float | Literal["missing", "stale"]


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series and its values, one an interval from the start on."""

    labels: LabelSet
    values: tuple[StepValue, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class InputLog:
    """Log lines of one stream: `count` of them, `every_ms` apart."""

    labels: LabelSet
    message: str
    at_ms: int
    every_ms: int
    count: int
    fields: Mapping[str, str | int | float | bool | None]
    span: Span


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """An alert that must fire, with its labels (`alertname` among them) and annotations."""

    labels: LabelSet
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AlertTest:
    """All alerts of one name that must fire at a time."""

    at_ms: int
    name: str
    alerts: tuple[ExpectedAlert, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ExpectedSample:
    """A row of an expression's result."""

    labels: LabelSet
    value: float


@dataclass(frozen=True, slots=True)
class ExpressionTest:
    """The whole result of an expression at a time."""

    at_ms: int
    text: str
    expr: Expr
    samples: tuple[ExpectedSample, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TestGroup:
    """Series, and what the rules must say of them."""

    __test__ = False  # not one of pytest's

    name: str
    span: Span
    interval_ms: int
    start_ms: int
    series: tuple[InputSeries, ...]
    logs: tuple[InputLog, ...]
    alerts: tuple[AlertTest, ...]
    expressions: tuple[ExpressionTest, ...]
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""

    @property
    def end_ms(self) -> int:
        """The latest time that is asked about."""
        times = [test.at_ms for test in self.alerts] + [test.at_ms for test in self.expressions]
        return max(times, default=0)


@dataclass(frozen=True, slots=True)
class TestFile:
    """One file of rule tests."""

    __test__ = False

    path: str
    rule_files: tuple[tuple[str, Span], ...]  # patterns as written
    evaluation_interval_ms: int
    group_order: tuple[str, ...]
    fuzzy_compare: bool
    groups: tuple[TestGroup, ...]
