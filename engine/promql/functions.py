"""The functions and aggregations of PromQL: what they take and what they give.

Source: Prometheus 3.15, the tables of its parser; what its feature flags guard is in EXPERIMENTAL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.promql.ast import ValueType


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes; the last type stands for every argument beyond the list."""

    arguments: tuple[ValueType, ...]
    result: ValueType
    required: int
    most: int | None  # None: any number

    def argument(self, index: int) -> ValueType:
        """Return the type of the argument at an index from 0."""
        return self.arguments[min(index, len(self.arguments) - 1)]


def _signature(
    arguments: str, result: ValueType = "vector", *, optional: int = 0, repeated: bool = False
) -> Signature:
    types: tuple[ValueType, ...] = tuple(_TYPES[letter] for letter in arguments)
    required = len(types) - optional - repeated
    return Signature(types, result, required, None if repeated else len(types))


_TYPES: Final[Mapping[str, ValueType]] = {
    "v": "vector", "m": "matrix", "s": "scalar", "t": "string",
}  # fmt: skip

_OF_VECTOR = (
    "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg"
    " histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin"
    " sinh sort sort_desc sqrt tan tanh timestamp"
)
_OF_MATRIX = (
    "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta"
    " increase irate last_over_time max_over_time min_over_time present_over_time rate resets"
    " stddev_over_time stdvar_over_time sum_over_time"
)
_OF_TIME = "day_of_month day_of_week day_of_year days_in_month hour minute month year"

FUNCTIONS: Final[Mapping[str, Signature]] = MappingProxyType(
    {name: _signature("v") for name in _OF_VECTOR.split()}
    | {name: _signature("m") for name in _OF_MATRIX.split()}
    | {name: _signature("v", optional=1) for name in _OF_TIME.split()}
    | {
        "clamp": _signature("vss"),
        "clamp_max": _signature("vs"),
        "clamp_min": _signature("vs"),
        "histogram_fraction": _signature("ssv"),
        "histogram_quantile": _signature("sv"),
        "label_join": _signature("vttt", repeated=True),
        "label_replace": _signature("vtttt"),
        "pi": _signature("", "scalar"),
        "predict_linear": _signature("ms"),
        "quantile_over_time": _signature("sm"),
        "round": _signature("vs", optional=1),
        "scalar": _signature("v", "scalar"),
        "time": _signature("", "scalar"),
        "vector": _signature("s"),
    }
)
"""Every function that Prometheus knows without feature flags, by name."""

NATIVE_ONLY: Final = frozenset(
    {"histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum"}
)
"""Functions that say something of native histograms only: they parse; a loader refuses them."""

AGGREGATIONS: Final[Mapping[str, ValueType | None]] = MappingProxyType(
    dict.fromkeys(("avg", "count", "group", "max", "min", "stddev", "stdvar", "sum"))
    | dict.fromkeys(("bottomk", "limit_ratio", "limitk", "quantile", "topk"), "scalar")
    | {"count_values": "string"}
)
"""Every aggregation with the type of its parameter, if it has one.

limitk and limit_ratio are experimental in Prometheus, but plain enough to have.
"""

EXPERIMENTAL: Final = frozenset(
    {
        "double_exponential_smoothing", "end", "histogram_quantiles", "info", "integral",
        "mad_over_time", "max_of", "min_of", "range", "sort_by_label",
        "sort_by_label_desc", "start", "step", "ts_of_first_over_time", "ts_of_last_over_time",
        "ts_of_max_over_time", "ts_of_min_over_time",
    }
)  # fmt: skip
"""Functions that Prometheus has only behind a feature flag: refused by name."""

RENAMED: Final[Mapping[str, str]] = {"holt_winters": "double_exponential_smoothing"}
"""Names that an earlier Prometheus knew."""

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})

NAMES_OF_TYPES: Final[Mapping[ValueType, str]] = {
    "scalar": "scalar", "vector": "instant vector", "matrix": "range vector", "string": "string",
}  # fmt: skip
"""The types as users know them."""
