"""Values as JSON, byte for byte as Go's encoding/json writes them."""

import json
import math
import re
from decimal import Decimal

from engine.template.budget import Budget
from engine.template.go.errors import Failure
from engine.template.go.moments import Time
from engine.template.go.values import GoObject, Value, kind_of, type_of

_DEPTH_MAX = 40
_SPECIAL = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def json_text(value: Value, budget: Budget) -> str:
    """Return a value as JSON. Raises Failure for what JSON cannot say."""
    text = "".join(_parts(value, budget, 0))
    budget.fits(len(text))
    return text


def _parts(value: Value, budget: Budget, depth: int) -> list[str]:
    budget.spend(1)
    if depth > _DEPTH_MAX:
        raise Failure(f"nested deeper than {_DEPTH_MAX}")
    if value is None or (isinstance(value, GoObject) and value.go_is_nil()):
        return ["null"]
    if isinstance(value, Time):
        return [_moment(value)]
    kind = kind_of(value)
    if kind == "bool":
        return ["true" if value else "false"]
    if kind in ("int", "uint"):
        return [str(int(value))]
    if kind == "float":
        return [_number(value)]
    if kind == "string":
        budget.fits(len(value))
        return [_string(value)]
    if kind == "slice":
        parts = [_parts(each, budget, depth + 1) for each in value]
        return ["[", *_between(parts), "]"]
    if kind == "complex":
        raise Failure(f"json: unsupported type: {type_of(value)}")
    return ["{", *_between(_members(value, kind, budget, depth)), "}"]


def _members(value: Value, kind: str, budget: Budget, depth: int) -> list[list[str]]:
    """Return the entries of a map by name, or the fields of a struct as they are declared."""
    entries = value.go_parts() if isinstance(value, GoObject) else value
    named = [(str(name), each) for name, each in entries.items()]
    if kind == "map":
        named.sort()
    elif isinstance(value, GoObject):
        # What begins with a small letter is Go's own affair.
        named = [(value.go_tags.get(k, k), each) for k, each in named if not k[0].islower()]
    return [[_string(name), ":", *_parts(each, budget, depth + 1)] for name, each in named]


def _between(parts: list[list[str]]) -> list[str]:
    joined: list[str] = []
    for each in parts:
        if joined:
            joined.append(",")
        joined += each
    return joined


def _string(text: str) -> str:
    quoted = json.dumps(str(text), ensure_ascii=False)
    return _SPECIAL.sub(_escaped, quoted) if _SPECIAL.search(quoted) else quoted


def _escaped(match: re.Match[str]) -> str:
    # What is no UTF-8 is shown as the replacement character, in its escaped form.
    code = ord(match.group())
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise Failure("json: unsupported value: NaN or an infinity")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    mantissa, exponent = repr(value).split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"


def _moment(time: Time) -> str:
    return f'"{time.format("2006-01-02T15:04:05.999999999Z07:00")}"'
