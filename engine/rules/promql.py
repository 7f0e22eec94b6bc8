"""Read the PromQL of rules: parse each text once, and say what cannot be evaluated here."""

import re
from dataclasses import dataclass
from typing import Final

from engine.document import Problem, format_duration
from engine.limits import Limits
from engine.promql import (
    NATIVE_ONLY,
    Call,
    Expr,
    MatrixSelector,
    PromQLError,
    Subquery,
    parse,
    to_text,
    type_of,
    walk,
)
from engine.window import LONG_FUNCTIONS

_METRICSQL: Final = re.compile(
    r"\b(?:(?:range|running|rollup|smooth|vmrange|hoeffding_bound|topk|bottomk|outliers)_\w+|"
    r"label_(?!replace|join)\w+|(?:count|share|sum)_(?:eq|ne|le|gt|values)_over_time|"
    r"(?:aggr|ascent|descent|decreases|increases|distinct|duration|geomean|histogram|median|mode|"
    r"quantiles|stale_samples|sum2|tfirst|tlast|tlast_change|tmax|tmin|zscore)_over_time|"
    r"(?:increase|rate)_(?:pure|prometheus|over_sum)|sort_by_label_\w+|limit_offset|buckets_limit|"
    r"drop_(?:common_labels|empty_series)|keep_(?:last|next)_value|prometheus_buckets|rollup|any|"
    r"alias|default_rollup|distinct|geomean|integrate|interpolate|lag|lifetime|median|mode|now|"
    r"outliersk|quantiles|rand|remove_resets|ru|scrape_interval|share|sum2|timestamp_with_name|"
    r"timezone_offset|union|zscore)\s*\("
    r"|\b(?:keep_metric_names|if|ifnot|default)\b|^\s*with\s*\(",
    re.IGNORECASE,
)
"""Words that MetricsQL has and PromQL has not; looked for where PromQL does not parse."""
_LOGQL: Final = re.compile(
    r"\}\s*(?:\|=|\|~|!=\s*[\"`]|!~\s*[\"`]|\|\s*(?:json|logfmt|pattern|regexp|line_format)\b)"
    r"|\b(?:bytes_rate|bytes_over_time)\s*\("
)
_LOGSQL: Final = re.compile(r"\|\s*(?:stats|filter|fields|extract|math)\b")

_SAMPLE_BYTES: Final = 12  # of a ring
_USUAL_GAP_MS: Final = 15_000
_STRING: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expression:
    """One text, read: its tree, or what is wrong with it."""

    tree: Expr | None
    canonical: str  # as Prometheus prints it; equal for equal trees
    problems: tuple[Problem, ...]


class Expressions:
    """Reads expressions and keeps them: rule files say the same thing many times."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[str, Expression] = {}

    def read(self, text: str) -> Expression:
        """Return what a text says."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._read(text)
        return found

    def _read(self, text: str) -> Expression:
        try:
            tree = parse(text)
        except PromQLError as error:
            return Expression(None, "", (_refused(text, error),))
        problems = _unusable(tree, text)
        for node in walk(tree):
            if isinstance(node, Call):
                problems += _native_only(node) + _too_long(node, self._limits)
            elif isinstance(node, MatrixSelector | Subquery) and not node.range_ms:
                start, end = node.span
                problems.append(
                    Problem(start, end - start, "promql-range", "this range is never positive",
                            "step() and range() are 0 in a rule: write the duration out",
                            "Prometheus loads it, and every evaluation fails")
                )  # fmt: skip
        return Expression(tree, to_text(tree), tuple(problems))


def _refused(text: str, error: PromQLError) -> Problem:
    length = max(error.end - error.start, 0)
    bare = _STRING.sub(lambda found: '"' + " " * (len(found[0]) - 2) + '"', text)
    for pattern, language in ((_LOGSQL, "LogsQL"), (_LOGQL, "LogQL"), (_METRICSQL, "MetricsQL")):
        found = pattern.search(bare)
        if found is not None and not _is_flagged(error):
            word = found[0].strip(" (\n\t")
            help_text = "only PromQL is understood: write it without this"
            if language != "MetricsQL":
                help_text = "write a native rule on logs: logs:, window:, compute:, when:"
            return Problem(found.start(), len(found[0].rstrip(" (")), "rule-language",
                           f"this is {language}, not PromQL: {word}", help_text,
                           note=error.message)  # fmt: skip
    # Where it ends too early, what is shown is the place behind what is there.
    start = min(error.start, len(text.rstrip()))
    return Problem(start, length, "promql", error.message, _help(text, error))


def _is_flagged(error: PromQLError) -> bool:
    """Say whether Prometheus knows it behind a feature flag."""
    return "experimental" in error.message or "not enabled" in error.message


def _help(text: str, error: PromQLError) -> str:
    message = error.message
    if _is_flagged(error):
        return "it needs a feature flag in Prometheus and is not supported here"
    if "{{" in text:
        return "templates work in labels and annotations, not in expressions"
    if "unexpected end" in message or "unclosed" in message:
        return "the expression ends too early: complete it"
    return "correct the expression; Prometheus refuses it too"


def _unusable(tree: Expr, text: str) -> list[Problem]:
    kind = type_of(tree)
    if kind in ("vector", "scalar"):
        return []
    what = "a range of samples" if kind == "matrix" else "a text"
    example = "put a function around it, such as rate(…) or last_over_time(…)"
    if kind == "string":
        example = "write an expression that gives numbers"
    return [Problem(0, len(text), "promql-type", f"this expression gives {what}", example,
                    "Prometheus loads it, and every evaluation fails")]  # fmt: skip


def _native_only(call: Call) -> list[Problem]:
    if call.function not in NATIVE_ONLY:
        return []
    return [Problem(call.span[0], len(call.function), "promql-native-histogram",
                    f"{call.function}() reads native histograms, which are not supported",
                    "read the classic histogram: its _bucket, _count and _sum series")]  # fmt: skip


def _too_long(call: Call, limits: Limits) -> list[Problem]:
    """Warn of ranges whose samples are all kept, refuse those beyond the limit."""
    if call.function in LONG_FUNCTIONS or call.function == "absent_over_time":
        return []
    problems = []
    for argument in call.args:
        if not isinstance(argument, MatrixSelector) or argument.range_ms <= limits.ring_ms_max:
            continue
        start, end = argument.span
        most_ms = max(limits.ring_ms_max, limits.ring_long_ms_max)
        what = f"{call.function}() needs every sample of the last "
        what += format_duration(argument.range_ms)
        if argument.range_ms > most_ms:
            problems.append(
                Problem(start, end - start, "promql-range",
                        f"{what}, kept are at most {format_duration(most_ms)}",
                        "raise limits.ring_long_ms_max, or use a subquery: […:1m] reads one value"
                        " a minute")
            )  # fmt: skip
            continue
        size = _SAMPLE_BYTES * (argument.range_ms // _USUAL_GAP_MS)
        problems.append(
            Problem(start, end - start, "promql-range-cost",
                    f"{what}: {size:,} bytes a series, if there is one every 15s",
                    "a subquery keeps less: […:1m] reads one value a minute", severity="warning")
        )  # fmt: skip
    return problems
