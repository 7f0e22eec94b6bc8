"""What a rule file says, once it has been read: frozen values, times in milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.plan import Expression, PromGroup
from engine.series import Selector

INTERVAL_MS = 60_000
"""How often groups without `interval` are evaluated, where the configuration says nothing."""

InputKind = Literal["metrics", "logs"]
WindowKind = Literal["tumbling", "sliding"]
Evaluate = Literal["tick", "arrival"]
NoData = Literal["ok", "keep"]
Function = Literal[
    "count", "sum", "avg", "min", "max", "last", "rate", "increase", "quantile", "distinct"
]


@dataclass(frozen=True, slots=True)
class LineFilter:
    """One condition on a log line: contains, contains not, matches, matches not (RE2-like)."""

    operator: Literal["|=", "!=", "|~", "!~"]
    text: str


@dataclass(frozen=True, slots=True)
class Input:
    """What a rule reads."""

    kind: InputKind
    selector: Selector
    line_filters: tuple[LineFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A run of panes that ends at a multiple of `every_ms`: (end - width_ms, end]."""

    kind: WindowKind
    width_ms: int
    every_ms: int  # equal to width_ms where tumbling; divides width_ms


@dataclass(frozen=True, slots=True)
class Compute:
    """One computed column, e.g. `p99: quantile(0.99, duration_ms)`."""

    name: str
    function: Function
    field: str | None = None  # a log record's field; None: the sample's value, or the row
    parameter: float | None = None  # of quantile: 0..1


@dataclass(frozen=True, slots=True)
class Level:
    """A condition and the severity that it means; levels rise in the order written."""

    name: str  # "" where `when:` is one expression: severity from labels
    condition: Expression


@dataclass(frozen=True, slots=True)
class NativeRule:
    """A windowed rule on metrics or logs."""

    tenant: str
    group: str  # the rule group's name
    name: str  # alert name
    identity: str  # `id:` of the rule, else "<group>/<name>"; unique in a set
    version: str  # hex digest of the rule's meaning
    file: str  # as given, relative to the configuration file
    line: int
    input: Input
    window: Window
    by: tuple[str, ...]
    compute: tuple[Compute, ...]
    levels: tuple[Level, ...]
    recover: Expression | None
    for_ms: int
    keep_firing_for_ms: int
    evaluate: Evaluate
    no_data: NoData
    labels: Mapping[str, str]  # Jinja2 sources; group labels merged in
    annotations: Mapping[str, str]  # Jinja2 sources


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of one load."""

    digest: str  # hex digest over the files' paths and texts
    files: Mapping[str, str]  # path -> text, as published on `control`
    rules: tuple[NativeRule, ...]
    prom: tuple[PromGroup, ...] = ()  # groups with Prometheus rules, with those rules only
    interval_ms: int = INTERVAL_MS  # of the groups that name none

    @property
    def size(self) -> int:
        """The number of rules of both kinds."""
        return len(self.rules) + sum(len(group.rules) for group in self.prom)
