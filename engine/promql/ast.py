"""The syntax tree of PromQL: frozen values; spans are offsets in the text and no part of equality.

Equal expressions are equal values with equal hashes, wherever and however they were written.
Durations are integer milliseconds.
"""

from dataclasses import dataclass, field
from typing import Literal

from engine.series import METRIC_NAME, Selector

Span = tuple[int, int]
"""Start and end (exclusive) in characters of the expression's text."""
NOWHERE: Span = (0, 0)

ValueType = Literal["scalar", "vector", "matrix", "string"]
At = int | Literal["start", "end"]
"""`@ 1609746000` as milliseconds since the epoch, `@ start()`, `@ end()`."""
Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; `duration` where it was written as one (`5m`)."""

    value: float
    span: Span = field(default=NOWHERE, compare=False)
    duration: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class String:
    """A string literal, unquoted."""

    value: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """`name{matchers} offset 5m @ t`; the name is the matcher `__name__="name"`, first."""

    selector: Selector
    offset_ms: int = 0
    at: At | None = None
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def name(self) -> str | None:
        """Return the metric name where one equality matcher fixes it."""
        for matcher in self.selector:
            if matcher.name == METRIC_NAME and matcher.operator == "=":
                return matcher.value
        return None


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """`vector[range]`; offset and @ are those of the vector."""

    vector: VectorSelector
    range_ms: int
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step] offset d @ t`; step_ms 0: the default step."""

    expr: "Expr"
    range_ms: int
    step_ms: int = 0
    offset_ms: int = 0
    at: At | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; optional arguments that were left out are not in `args`."""

    function: str
    args: tuple["Expr", ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`op by (labels) (param, expr)`; the operator in lower case; labels as written."""

    operator: str
    expr: "Expr"
    parameter: "Expr | None" = None
    labels: tuple[str, ...] = ()
    without: bool = False
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-expr` or `+expr`."""

    operator: Literal["-", "+"]
    expr: "Expr"
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """How the rows of two vectors find each other."""

    cardinality: Cardinality = "one-to-one"
    on: bool = False  # True: match on `labels` only; False: ignoring them
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()  # of group_left, group_right


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op [bool] [matching] right`; operators in lower case: + - * / % ^ atan2 == … and."""

    operator: str
    left: "Expr"
    right: "Expr"
    bool_modifier: bool = False
    matching: Matching | None = None  # None: a side is a scalar
    span: Span = field(default=NOWHERE, compare=False)
    operator_span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Paren:
    """`(expr)`: kept for printing and positions."""

    expr: "Expr"
    span: Span = field(default=NOWHERE, compare=False)


Expr = (
    Number
    | String
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | Unary
    | Binary
    | Paren
)
