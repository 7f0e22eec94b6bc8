"""Texts that people compare with Prometheus': annotations, positions, floats and label sets."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.promql import Span
from engine.vector.labels import LabelSet

SAME_LABELSET: Final = "vector cannot contain metrics with the same labelset"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def position(text: str, span: Span) -> str:
    """Return ` (line:column)` of a span's start, from 1, columns in bytes; empty without a text."""
    if not text:
        return ""
    before = text[: span[0]]
    line = before.count("\n") + 1
    column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "surrogatepass")) + 1
    return f" ({line}:{column})"


def go_float(value: float) -> str:
    """Return a float as Go's `%g` and `%v` print it: shortest digits, 1e-05 and 1e+06 with `e`."""
    if math.isnan(value) or math.isinf(value) or value == 0:
        return plain_float(value)
    digits, _, exponent = f"{abs(value):.16e}".partition("e")
    shortest = repr(abs(value)).partition("e")[0].replace(".", "").strip("0") or digits[0]
    size = int(exponent)
    if f"{abs(value):.0e}".startswith("1") and float(f"1e{size + 1}") == abs(value):
        size += 1  # 9.99…e5 in 17 digits is 1e6 in the shortest ones
    if -5 < size < 6:
        return plain_float(value)
    fraction = f".{shortest[1:]}" if shortest[1:] else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{shortest[0]}{fraction}e{'-' if size < 0 else '+'}{abs(size):02d}"


def plain_float(value: float) -> str:
    """Return a float without exponent, in the fewest digits that read back (count_values)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    if "e" not in text:
        return text.removesuffix(".0")
    digits, _, exponent = text.partition("e")
    sign = "-" if digits.startswith("-") else ""
    whole, _, fraction = digits.removeprefix("-").partition(".")
    point = len(whole) + int(exponent)
    every = whole + fraction
    if point <= 0:
        return f"{sign}0.{'0' * -point}{every}".rstrip("0")
    every = every.ljust(point, "0")
    rest = every[point:].rstrip("0")
    return sign + every[:point] + (f".{rest}" if rest else "")


def quoted(text: str) -> str:
    """Return a Go string literal."""
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"'


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    """Return `{a="b", c="d"}`."""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"


def metric_name(labels: LabelSet) -> str:
    """Return the value of `__name__`, or an empty text."""
    for name, value in labels:
        if name == "__name__":
            return value
        if name > "__name__":
            break
    return ""


def utc_text(at_ms: int) -> str:
    """Return an instant as RFC 3339 in whole seconds, cut towards 1970."""
    seconds = abs(at_ms) // 1000
    instant = _EPOCH + timedelta(seconds=seconds if at_ms >= 0 else -seconds)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def invalid_quantile(value: float, where: str) -> str:
    """Return the warning for a quantile outside 0 to 1."""
    return (
        "PromQL warning: quantile value should be between 0 and 1, "
        f"got {go_float(value)}{where}"
    )  # fmt: skip


def invalid_ratio(value: float, taken: float, where: str) -> str:
    """Return the warning for a ratio of limit_ratio outside -1 to 1."""
    return (
        "PromQL warning: ratio value should be between -1 and 1, "
        f"got {go_float(value)}, capping to {go_float(taken)}{where}"
    )


def _of_name(name: str) -> str:
    return f" for metric name {quoted(name)}" if name else ""


def bad_bucket(name: str, bound: str, where: str) -> str:
    """Return the warning for a bucket without a number in `le`."""
    return (
        'PromQL warning: bucket label "le" is missing or has a malformed value of '
        f"{quoted(bound)}{_of_name(name)}{where}"
    )


def possible_non_counter(name: str, where: str) -> str:
    """Return the info for rate() of something that is not named as a counter."""
    return (
        "PromQL info: metric might not be a counter, name does not end in "
        f"_total/_sum/_count/_bucket: {quoted(name)}{where}"
    )


def forced_monotonicity(
    name: str, least: float, most: float, diff: float, samples: int, first_ms: int, last_ms: int
) -> str:
    """Return the info for buckets whose counts had to be raised, without the position."""
    return (
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        f"{_of_name(name)}, from buckets {go_float(least)} to {go_float(most)}, with a max diff "
        f"of {diff:.2g}, over {samples} samples from {utc_text(first_ms)} to {utc_text(last_ms)}"
    )


def incompatible_types(operator: str, where: str) -> str:
    """Return the info for an operator that floats do not have."""
    return (
        "PromQL info: incompatible sample types encountered for binary operator "
        f"{quoted(operator)}: float {operator} float{where}"
    )


def ineffective_sort(where: str) -> str:
    """Return the warning for sort() in a range query."""
    return (
        "PromQL warning: sort is ineffective for range queries since results are always ordered "
        f"by labels{where}"
    )
