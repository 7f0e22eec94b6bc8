"""PromQL: text to checked trees and back, as Prometheus 3.15 reads it without feature flags.

Of what needs a flag there, limitk and limit_ratio are known.

`parse` gives the tree or the first mistake with its place; `to_text` the canonical text, which
parses to an equal tree. Equal expressions are equal values: matchers are put in one order, spans
are no part of equality. `walk`, `children` and `transform` go through trees, `type_of` tells what
one evaluates to. Matchers' regular expressions are RE2, translated in engine.series.

**Invariant:** whatever the text, `parse` returns a tree that type-checks or raises PromQLError.
A tree is at most HEIGHT_MAX levels high, so that whoever walks it may recurse.
Absent: values and time (engine.vector), files (engine.rules), native histograms, MetricsQL.
"""

from engine.promql.ast import (
    NOWHERE,
    Aggregation,
    At,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    Span,
    String,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from engine.promql.durations import format_duration, parse_duration_ms
from engine.promql.errors import PromQLError
from engine.promql.functions import (
    AGGREGATIONS,
    COMPARISONS,
    EXPERIMENTAL,
    FUNCTIONS,
    NATIVE_ONLY,
    SET_OPERATORS,
    Signature,
)
from engine.promql.parser import HEIGHT_MAX, NESTING_MAX, parse
from engine.promql.printer import quote, to_text
from engine.promql.tree import children, transform, type_of, walk, with_default_step

__all__ = [
    "AGGREGATIONS",
    "COMPARISONS",
    "EXPERIMENTAL",
    "FUNCTIONS",
    "HEIGHT_MAX",
    "NATIVE_ONLY",
    "NESTING_MAX",
    "NOWHERE",
    "SET_OPERATORS",
    "Aggregation",
    "At",
    "Binary",
    "Call",
    "Cardinality",
    "Expr",
    "Matching",
    "MatrixSelector",
    "Number",
    "Paren",
    "PromQLError",
    "Signature",
    "Span",
    "String",
    "Subquery",
    "Unary",
    "ValueType",
    "VectorSelector",
    "children",
    "format_duration",
    "parse",
    "parse_duration_ms",
    "quote",
    "to_text",
    "transform",
    "type_of",
    "walk",
    "with_default_step",
]
