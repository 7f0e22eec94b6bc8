"""Trees to text as Prometheus prints them; `parse` reads the text back as the same tree."""

import math
import re
from decimal import Decimal
from typing import Final

from engine.promql.ast import (
    Aggregation,
    At,
    Binary,
    Call,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
)
from engine.promql.durations import format_duration
from engine.series import METRIC_NAME, Matcher, Selector

_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
NOT_BEFORE_BRACES: Final = frozenset(
    {"atan2", "bool", "group_left", "group_right", "ignoring", "inf", "nan", "on"}
)
"""Words that are never read as a metric's name."""

_ESCAPES: Final = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
_ASCII_END: Final = 0x80
_BMP_END: Final = 0x10000


def to_text(expr: Expr) -> str:
    """Return the canonical text of an expression that `parse` could have returned."""
    match expr:
        case VectorSelector():
            return _selector(expr.selector) + _modifiers(expr.at, expr.offset_ms)
        case Binary():
            return _binary(expr)
        case Call():
            return f"{expr.function}({', '.join(map(to_text, expr.args))})"
        case Aggregation():
            return _aggregation(expr)
        case MatrixSelector():
            vector = expr.vector
            brackets = f"[{_range(expr.range_ms)}]"
            return _selector(vector.selector) + brackets + _modifiers(vector.at, vector.offset_ms)
        case Subquery():
            step = format_duration(expr.step_ms) if expr.step_ms else ""
            brackets = f"[{_range(expr.range_ms)}:{step}]"
            return to_text(expr.expr) + brackets + _modifiers(expr.at, expr.offset_ms)
        case Number():
            return _number(expr)
        case Paren():
            return f"({to_text(expr.expr)})"
        case Unary():
            return expr.operator + to_text(expr.expr)
        case _:
            return _leaf(expr)


def _leaf(leaf: object) -> str:
    # A leaf of another room (engine.vector.Exchanged) prints for people only.
    return quote(leaf.value) if isinstance(leaf, String) else str(leaf)


def quote(text: str) -> str:
    """Return a double-quoted literal as Go writes it."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if found := _ESCAPES.get(character):
        return found
    if character.isprintable():
        return character
    code = ord(character)
    if code < _ASCII_END:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BMP_END else f"\\U{code:08x}"


def _selector(selector: Selector) -> str:
    name, rest = "", selector
    first = selector[0]
    if (
        first.name == METRIC_NAME
        and first.operator == "="
        and _METRIC.fullmatch(first.value)
        and first.value.lower() not in NOT_BEFORE_BRACES
        and all(other.name != METRIC_NAME for other in selector[1:])
    ):
        name, rest = first.value, selector[1:]
    return f"{name}{{{','.join(map(_matcher, rest))}}}" if rest else name


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.operator}{quote(matcher.value)}"


def _label(name: str) -> str:
    return name if _LABEL.fullmatch(name) else quote(name)


def _grouping_label(name: str) -> str:
    return quote(name) if name.lower() in ("inf", "nan") else _label(name)


def _labels(names: tuple[str, ...]) -> str:
    return f"({', '.join(map(_grouping_label, names))})"


def _modifiers(at: At | None, offset_ms: int) -> str:
    text = ""
    if isinstance(at, int):
        sign, whole = "-" if at < 0 else "", abs(at)
        text = f" @ {sign}{whole // 1000}.{whole % 1000:03d}"
    elif at is not None:
        text = f" @ {at}()"
    return f"{text} offset {format_duration(offset_ms)}" if offset_ms else text


def _number(number: Number) -> str:
    value = number.value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if number.duration:
        return format_duration(round(value * 1000))
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0")


def _aggregation(expr: Aggregation) -> str:
    grouping = ""
    if expr.without or expr.labels:
        grouping = f" {'without' if expr.without else 'by'} {_labels(expr.labels)} "
    parameter = "" if expr.parameter is None else f"{to_text(expr.parameter)}, "
    return f"{expr.operator}{grouping}({parameter}{to_text(expr.expr)})"


def _binary(expr: Binary) -> str:
    returns_bool = " bool" if expr.bool_modifier else ""
    matching = "" if expr.matching is None else _matching(expr.matching)
    left = to_text(expr.left)
    if expr.operator == "^" and left == "+Inf":
        left = "Inf"  # a sign binds less than ^
    return f"{left} {expr.operator}{returns_bool}{matching} {to_text(expr.right)}"


def _matching(matching: Matching) -> str:
    grouped = matching.cardinality in ("many-to-one", "one-to-many")
    text = ""
    if matching.labels or matching.on or grouped:
        text = f" {'on' if matching.on else 'ignoring'} {_labels(matching.labels)}"
    if grouped:
        side = "left" if matching.cardinality == "many-to-one" else "right"
        text += f" group_{side} {_labels(matching.include)}"
    return text


def _range(range_ms: int) -> str:
    # No range is 0 as a literal; worked out, it can be: step() is 0 in a rule.
    return format_duration(range_ms) if range_ms else "step()"
