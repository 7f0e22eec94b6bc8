"""From trees to operators: once an expression, so that operators can keep label work."""

from typing import Final

from engine.promql import (
    AGGREGATIONS,
    NATIVE_ONLY,
    NOWHERE,
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    Matching,
    MatrixSelector,
    Number,
    String,
    Subquery,
    Unary,
    VectorSelector,
)
from engine.vector.aggregate import Folded, Quantiles, Ranked, Spread, ValueCounts
from engine.vector.binary import ScalarBinary, VectorBinary, VectorScalar
from engine.vector.elementwise import (
    DATES,
    ELEMENTWISE,
    Absent,
    Clamped,
    Each,
    Negated,
    NegatedScalar,
    OnlyValue,
    Rounded,
    StepTimes,
    Vector,
)
from engine.vector.frame import OnceScalar, OnceVector, ScalarNode, VectorNode
from engine.vector.grouping import group_key
from engine.vector.histogram import HistogramFraction, HistogramQuantile, NoFloats
from engine.vector.invariance import Tree, bare, is_invariant, kind
from engine.vector.label_functions import (
    Failing,
    LabelFunction,
    Sorted,
    absent_labels,
    checked_label,
    joining,
    replacing,
)
from engine.vector.leaves import Constant, Ranged, Received, Selected, SelectedTimes, Time
from engine.vector.matrix import EvaluationError, Exchanged
from engine.vector.sampling import Limited, Sampled
from engine.vector.sets import Intersection, Union
from engine.vector.subquery import SubqueryRanged
from engine.vector.wording import position

_INFINITY: Final = float("inf")
_PI: Final = 3.141592653589793


class Compiler:
    """Compiles the trees of one text."""

    def __init__(self, text: str, default_step_ms: int) -> None:
        self._text = text
        self._default_step_ms = default_step_ms

    def _where(self, expr: Tree) -> str:
        return position(self._text, getattr(expr, "span", NOWHERE))

    def vector(self, expr: Tree) -> VectorNode:
        """Compile an expression of type vector."""
        expr = bare(expr)
        node = self._vector(expr)
        once = is_invariant(expr) and not isinstance(expr, Exchanged)
        return OnceVector(node) if once else node

    def scalar(self, expr: Tree) -> ScalarNode:
        """Compile an expression of type scalar."""
        expr = bare(expr)
        node = self._scalar(expr)
        return OnceScalar(node) if is_invariant(expr) and not isinstance(expr, Number) else node

    def _vector(self, expr: Tree) -> VectorNode:
        match expr:
            case VectorSelector():
                return Selected(expr)
            case Call():
                return self._call(expr)
            case Aggregation():
                return self._aggregation(expr)
            case Binary():
                return self._binary(expr)
            case Unary():
                node = self.vector(expr.expr)
                return Negated(node) if expr.operator == "-" else node
            case Exchanged():
                return Received(expr)
        raise EvaluationError(f"{type(expr).__name__} is not an instant vector")

    def _scalar(self, expr: Tree) -> ScalarNode:
        match expr:
            case Number():
                return Constant(expr.value)
            case Call(function="time"):
                return Time()
            case Call(function="pi"):
                return Constant(_PI)
            case Call(function="scalar", args=(argument,)):
                return OnlyValue(self.vector(argument))
            case Binary():
                return ScalarBinary(expr.operator, self.scalar(expr.left), self.scalar(expr.right))
            case Unary():
                node = self.scalar(expr.expr)
                return NegatedScalar(node) if expr.operator == "-" else node
            case Exchanged():
                return Received(expr)
        raise EvaluationError(f"{type(expr).__name__} is not a scalar")

    def _binary(self, expr: Binary) -> VectorNode:
        operator, as_bool = expr.operator, expr.bool_modifier
        if kind(expr.left) == "scalar":
            vector, scalar = self.vector(expr.right), self.scalar(expr.left)
            return VectorScalar(operator, vector, scalar, True, as_bool)
        if kind(expr.right) == "scalar":
            vector, scalar = self.vector(expr.left), self.scalar(expr.right)
            return VectorScalar(operator, vector, scalar, False, as_bool)
        left, right = self.vector(expr.left), self.vector(expr.right)
        matching = expr.matching or Matching()
        if operator in SET_OPERATORS:
            if operator == "or":
                return Union(left, right, matching)
            return Intersection(left, right, matching, operator == "unless")
        return VectorBinary(operator, left, right, matching, as_bool, self._where(expr))

    def _aggregation(self, expr: Aggregation) -> VectorNode:
        operator, parameter = expr.operator, expr.parameter
        node = self.vector(expr.expr)
        if operator == "count_values":
            return self._count_values(expr, node)
        key = group_key(expr.labels, expr.without)
        if operator in ("stddev", "stdvar"):
            return Spread(operator, key, node)
        if parameter is None:
            if operator not in AGGREGATIONS:
                raise EvaluationError(f"unknown aggregation {operator}")
            return Folded(operator, key, node)
        wanted = self.scalar(parameter)
        if operator == "quantile":
            return Quantiles(key, wanted, node, self._where(bare(parameter)))
        if operator in ("topk", "bottomk"):
            return Ranked(operator, key, wanted, node)
        if operator == "limitk":
            return Limited(key, wanted, node)
        if operator == "limit_ratio":
            return Sampled(wanted, node, self._where(bare(parameter)))
        raise EvaluationError(f"unknown aggregation {operator}")

    def _count_values(self, expr: Aggregation, node: VectorNode) -> VectorNode:
        parameter = None if expr.parameter is None else bare(expr.parameter)
        assert isinstance(parameter, String), parameter
        try:
            name = checked_label(parameter.value, f'invalid label name "{parameter.value}"')
        except EvaluationError as error:
            return Failing(error)
        labels = expr.labels if expr.without else (*expr.labels, name)
        return ValueCounts(group_key(labels, expr.without), name, node)

    def _call(self, expr: Call) -> VectorNode:
        function, args = expr.function, tuple(bare(argument) for argument in expr.args)
        ranges = [at for at, arg in enumerate(args) if isinstance(arg, MatrixSelector | Subquery)]
        if ranges:
            return self._ranged(function, args, ranges[0])
        if not args:
            if function in DATES:
                return Each(DATES[function], Vector(Time()))
            raise EvaluationError(f"unknown function {function}")
        if function == "vector":
            return Vector(self.scalar(args[0]))
        if function == "timestamp" and isinstance(args[0], VectorSelector):
            return SelectedTimes(args[0])
        if function in ("histogram_quantile", "histogram_fraction"):
            return self._histogram(function, args)
        node = self.vector(args[0])
        if function in ELEMENTWISE:
            return Each(ELEMENTWISE[function], node)
        if function in ("label_replace", "label_join"):
            return self._labels(function, args[1:], node)
        if function in ("sort", "sort_desc"):
            return Sorted(node, function == "sort_desc", self._where(expr))
        return self._with_scalars(function, args, node)

    def _with_scalars(self, function: str, args: tuple[Tree, ...], node: VectorNode) -> VectorNode:
        numbers = [self.scalar(argument) for argument in args[1:]]
        match function:
            case "absent":
                return Absent(node, absent_labels(args[0]))
            case "timestamp":
                return StepTimes(node)
            case "round":
                return Rounded(node, numbers[0] if numbers else Constant(1.0))
            case "clamp":
                return Clamped(node, numbers[0], numbers[1])
            case "clamp_min":
                return Clamped(node, numbers[0], Constant(_INFINITY))
            case "clamp_max":
                return Clamped(node, Constant(-_INFINITY), numbers[0])
        if function in NATIVE_ONLY:
            return NoFloats(node)
        raise EvaluationError(f"unknown function {function}")

    def _ranged(self, function: str, args: tuple[Tree, ...], at: int) -> VectorNode:
        parameters = tuple(self.scalar(arg) for place, arg in enumerate(args) if place != at)
        inner, absent = args[at], function == "absent_over_time"
        asked = "present_over_time" if absent else function
        where = self._where(args[0])
        node: VectorNode
        if isinstance(inner, Subquery):
            step_ms = inner.step_ms or self._default_step_ms
            node = SubqueryRanged(asked, inner, step_ms, self.vector(inner.expr), parameters, where)
        else:
            assert isinstance(inner, MatrixSelector), inner
            node = Ranged(asked, inner, parameters, where)
        return Absent(node, absent_labels(inner)) if absent else node

    def _histogram(self, function: str, args: tuple[Tree, ...]) -> VectorNode:
        node, where = self.vector(args[-1]), self._where(args[-1])
        first = self.scalar(args[0])
        if function == "histogram_quantile":
            return HistogramQuantile(first, node, self._where(args[0]), where)
        return HistogramFraction(first, self.scalar(args[1]), node, where)

    def _labels(self, function: str, args: tuple[Tree, ...], node: VectorNode) -> VectorNode:
        texts = []
        for argument in args:
            assert isinstance(argument, String), argument
            texts.append(argument.value)
        try:
            if function == "label_replace":
                return LabelFunction(replacing(*texts), node)
            return LabelFunction(joining(texts[0], texts[1], tuple(texts[2:])), node)
        except EvaluationError as error:
            return Failing(error)
