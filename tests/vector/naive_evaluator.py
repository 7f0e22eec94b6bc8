"""PromQL one sample at a time: a vector is a list of (labels, name goes, value) at one instant."""

import math
from collections import defaultdict

from engine.promql import (
    Aggregation,
    Binary,
    Call,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    type_of,
)
from engine.series import selects
from tests.vector.naive_functions import exact_sum, quantile, range_value
from tests.vector.naive_source import is_stale

COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


class RefusedError(Exception):
    """The expression has no value."""


def divided(a, b):
    if b:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1, b)


ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divided,
}


def final(vector):
    """Drop the names that are to go; each label set may be there once."""
    out = {}
    for labels, dropped, value in vector:
        key = tuple(p for p in labels if p[0] != "__name__") if dropped else labels
        if key in out:
            raise RefusedError("the same labelset")
        out[key] = value
    return out


class Naive:
    """Evaluates trees over a NaiveSource's series."""

    def __init__(self, source):
        self.source = source

    def vector(self, expr, t):
        match expr:
            case Paren():
                return self.vector(expr.expr, t)
            case VectorSelector():
                return self.selected(expr, t)
            case Unary():
                return [(n, True, -v) for n, _, v in self.vector(expr.expr, t)]
            case Call():
                return self.call(expr, t)
            case Aggregation():
                return self.aggregated(expr, t)
            case Binary():
                return self.binary(expr, t)
        raise AssertionError(expr)

    def selected(self, selector, t):
        t = (t if selector.at is None else selector.at) - selector.offset_ms
        out = []
        for series in self.source.series:
            if selects(selector.selector, dict(series)):
                found = self.source._newest(self.source.samples(series), t)
                if found:
                    out.append((series, False, found[1]))
        return out

    def windows(self, argument, t):
        """Return (labels, dropped, samples) of a range argument, and its window's end."""
        if isinstance(argument, MatrixSelector):
            selector = argument.vector
            end = (t if selector.at is None else selector.at) - selector.offset_ms
            held = {
                (series, False): [s for s in self.source.samples(series) if not is_stale(s[1])]
                for series in self.source.series
                if selects(selector.selector, dict(series))
            }
        else:
            end = (t if argument.at is None else argument.at) - argument.offset_ms
            held = defaultdict(list)
            step = argument.step_ms or 60_000
            for at in range((end - argument.range_ms) // step * step, end + 1, step):
                if at > end - argument.range_ms:
                    for labels, dropped, value in self.vector(argument.expr, at):
                        held[labels, dropped].append((at, value))
        inside = [
            (*key, [s for s in samples if end - argument.range_ms < s[0] <= end])
            for key, samples in held.items()
        ]
        return inside, end

    def call(self, expr, t):
        function, args = expr.function, expr.args
        ranged = [a for a in args if isinstance(a, MatrixSelector | Subquery)]
        if ranged:
            rows, end = self.windows(ranged[0], t)
            asked = "present_over_time" if function == "absent_over_time" else function
            out = [
                (labels, dropped or function not in ("first_over_time", "last_over_time"), value)
                for labels, dropped, samples in rows
                if (value := range_value(asked, samples, end, ranged[0].range_ms, ())) is not None
            ]
            if function == "absent_over_time":
                return [] if out else [((), True, 1.0)]
            return out
        if function == "vector":
            return [((), False, self.scalar(args[0], t))]
        vector = self.vector(args[0], t)
        if function == "label_replace":
            # Of the one form that the tests use: the target takes the source's value.
            target, source = args[1].value, args[3].value
            out = []
            for labels, dropped, value in vector:
                new = dict(labels) | {target: dict(labels).get(source, "")}
                row = tuple(sorted((n, v) for n, v in new.items() if v))
                dropped = dropped and target != "__name__"
                if any(have[:2] == (row, dropped) for have in out):
                    raise RefusedError("the same labelset")
                out.append((row, dropped, value))
            return out
        if function == "abs":
            return [(n, True, abs(v)) for n, _, v in vector]
        if function == "timestamp":
            return [(n, True, t / 1000) for n, _, v in vector]
        assert function == "absent", function
        return [] if vector else [((), False, 1.0)]

    def scalar(self, expr, t):
        match expr:
            case Number():
                return expr.value
            case Paren():
                return self.scalar(expr.expr, t)
            case Unary():
                return -self.scalar(expr.expr, t)
            case Call(function="time"):
                return t / 1000
            case Call(function="scalar"):
                vector = self.vector(expr.args[0], t)
                return vector[0][2] if len(vector) == 1 else math.nan
        raise AssertionError(expr)

    def aggregated(self, expr, t):
        groups = defaultdict(list)
        for labels, dropped, value in self.vector(expr.expr, t):
            if expr.without:
                key = tuple(p for p in labels if p[0] not in (*expr.labels, "__name__"))
            else:
                key = tuple(p for p in labels if p[0] in expr.labels)
            groups[key].append((dropped, value))
        return [
            (key, any(d for d, _ in rows) and "__name__" in dict(key), self.folded(expr, rows, t))
            for key, rows in groups.items()
        ]

    def folded(self, expr, rows, t):
        values = [value for _, value in rows]
        numbers = [v for v in values if not math.isnan(v)]
        match expr.operator:
            case "sum":
                return exact_sum(values)
            case "count":
                return float(len(values))
            case "group":
                return 1.0
            case "min":
                return min(numbers, default=math.nan)
            case "max":
                return max(numbers, default=math.nan)
            case "avg":
                return exact_sum(values) / len(values)
            case "quantile":
                return quantile(self.scalar(expr.parameter, t), values)
        raise AssertionError(expr)

    def binary(self, expr, t):
        kinds = type_of(expr.left), type_of(expr.right)
        if "scalar" in kinds:
            return self.with_scalar(expr, t, kinds[0] == "scalar")
        left, right = self.vector(expr.left, t), self.vector(expr.right, t)
        matching = expr.matching

        def signature(row):
            return tuple(
                p for p in row[0]
                if (p[0] in matching.labels if matching.on
                    else p[0] not in (*matching.labels, "__name__"))
            )  # fmt: skip

        have = {signature(row) for row in right}
        if expr.operator == "and":
            return [row for row in left if signature(row) in have]
        if expr.operator == "unless":
            return [row for row in left if signature(row) not in have]
        if expr.operator == "or":
            have = {signature(row) for row in left}
            return left + [row for row in right if signature(row) not in have]
        if not left or not right:
            return []
        return self.joined(expr, left, right, signature)

    def with_scalar(self, expr, t, swapped):
        vector = self.vector(expr.right if swapped else expr.left, t)
        number = self.scalar(expr.left if swapped else expr.right, t)
        out = []
        for labels, dropped, value in vector:
            a, b = (number, value) if swapped else (value, number)
            if expr.operator in ARITHMETIC:
                out.append((labels, True, ARITHMETIC[expr.operator](a, b)))
            elif expr.bool_modifier:
                out.append((labels, True, float(COMPARE[expr.operator](a, b))))
            elif COMPARE[expr.operator](a, b):
                out.append((labels, dropped, value))
        return out

    def joined(self, expr, left, right, signature):
        matching = expr.matching
        swapped = matching.cardinality == "one-to-many"
        many, one = (right, left) if swapped else (left, right)
        table = {}
        for row in one:
            if signature(row) in table:
                raise RefusedError("many-to-many")
            table[signature(row)] = row
        seen, out = set(), []
        for row in many:
            other = table.get(signature(row))
            if other is None:
                continue
            labels, dropped = dict(row[0]), row[1]
            if expr.operator in ARITHMETIC:
                labels.pop("__name__", None)
                dropped = False
            if matching.cardinality == "one-to-one":
                labels = {n: v for n, v in labels.items() if (n in matching.labels) == matching.on}
            for name in matching.include:
                labels[name] = dict(other[0]).get(name, "")
            result = tuple(sorted((n, v) for n, v in labels.items() if v))
            key = signature(row), None if matching.cardinality == "one-to-one" else result
            if key in seen:
                raise RefusedError("multiple matches")
            seen.add(key)
            a, b = (other[2], row[2]) if swapped else (row[2], other[2])
            if expr.operator in ARITHMETIC:
                out.append((result, dropped, ARITHMETIC[expr.operator](a, b)))
            elif expr.bool_modifier:
                out.append((result, True, float(COMPARE[expr.operator](a, b))))
            elif COMPARE[expr.operator](a, b):
                out.append((result, dropped, a))
        return out
