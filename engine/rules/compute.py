"""Parse the entries of `compute`: `count()`, `quantile(0.99)`, `distinct(user_id)`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from engine.document import Problem, did_you_mean
from engine.rules.model import Compute, Function, InputKind

_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", re.DOTALL)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NO_FIELDS = frozenset({"timestamp", "labels", "message"})
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes: on metrics nothing but its parameter, on logs maybe a field."""

    parameter: bool  # a number first, of quantile
    kinds: tuple[InputKind, ...]
    field: bool  # on logs it needs a field
    text: str  # for people


FUNCTIONS: Mapping[str, Signature] = {
    "count": Signature(False, ("metrics", "logs"), False, "rows in the window"),
    "sum": Signature(False, ("metrics", "logs"), True, "sum of the values"),
    "avg": Signature(False, ("metrics", "logs"), True, "mean of the values"),
    "min": Signature(False, ("metrics", "logs"), True, "smallest value"),
    "max": Signature(False, ("metrics", "logs"), True, "largest value"),
    "last": Signature(False, ("metrics", "logs"), True, "value of the newest row"),
    "rate": Signature(False, ("metrics",), False, "per-second rise of counters"),
    "increase": Signature(False, ("metrics",), False, "rise of counters in the window"),
    "quantile": Signature(True, ("metrics", "logs"), True, "the value that a share is below"),
    "distinct": Signature(False, ("metrics", "logs"), True, "number of different values"),
}
"""Every function of `compute`."""


def parse_compute(name: str, text: str, kind: InputKind) -> tuple[Compute | None, list[Problem]]:
    """Return one computed column, or None and what is wrong with its text."""
    found = _CALL.fullmatch(text)
    if found is None:
        return None, [_unreadable(text, kind)]
    function = found[1]
    signature = FUNCTIONS.get(function)
    if signature is None:
        near = did_you_mean(function, FUNCTIONS)
        help_text = f"did you mean {near}()?" if near else f"known: {', '.join(FUNCTIONS)}"
        return None, [
            Problem(found.start(1), len(function), "compute", f"there is no function {function!r}",
                    help_text)
        ]  # fmt: skip
    start, length = found.start(1), found.end(2) + 1 - found.start(1)
    if kind not in signature.kinds:
        return None, [
            Problem(start, length, "compute", f"{function}() does not work on {kind}",
                    f"it works on {' and '.join(signature.kinds)}")
        ]  # fmt: skip
    arguments = [part.strip() for part in found[2].split(",")] if found[2].strip() else []
    problem = _check(function, signature, kind, arguments)
    if problem:
        return None, [Problem(start, length, "compute", problem, _example(function, kind))]
    parameter = float(arguments[0]) if signature.parameter else None
    field = arguments[-1] if len(arguments) > int(signature.parameter) else None
    return Compute(name, cast(Function, function), field, parameter), []


def _check(function: str, signature: Signature, kind: InputKind, arguments: list[str]) -> str:
    """Return what is wrong with the arguments, or ""."""
    rest = arguments
    if signature.parameter:
        if not arguments or not _NUMBER.fullmatch(arguments[0]):
            return f"{function}() needs a number first"
        if not 0.0 <= float(arguments[0]) <= 1.0:
            return f"{function}() takes a share from 0 to 1, this is {arguments[0]}"
        rest = arguments[1:]
    if len(rest) > 1:
        return f"{function}() takes fewer arguments"
    if rest and not _FIELD.fullmatch(rest[0]):
        return f"{rest[0]!r} is no name of a field"
    if rest and rest[0] in _NO_FIELDS:
        return f"{rest[0]} is no field: it is a part of every record"
    if function == "distinct":
        what = "field" if kind == "logs" else "label"
        return "" if rest else f"distinct() needs a {what}"
    if rest and kind == "metrics":
        return f"{function}() of a metric takes its values, not a field"
    if rest and not signature.field:
        return f"{function}() of logs counts lines, it takes no field"
    if not rest and signature.field and kind == "logs":
        return f"{function}() of logs needs a field"
    return ""


def _example(function: str, kind: InputKind) -> str:
    arguments = ["0.99"] if FUNCTIONS[function].parameter else []
    if function == "distinct":
        arguments.append("user_id" if kind == "logs" else "pod")
    elif kind == "logs" and FUNCTIONS[function].field:
        arguments.append("duration_ms")
    return f"write {function}({', '.join(arguments)})"


def _unreadable(text: str, kind: InputKind) -> Problem:
    example = "count()" if kind == "logs" else "rate()"
    help_text = f"write a call, for example {example}"
    if text.count("(") > text.count(")"):
        help_text = "quote it, or put each entry on its own line: YAML cuts {a: f(x, y)} at commas"
    elif text.strip() in FUNCTIONS:
        help_text = _example(text.strip(), kind)
    return Problem(0, max(len(text), 1), "compute", f"{text!r} is no function call", help_text)
