"""Numbers for people: Prometheus's humanize family, digit for digit."""

import math
import re

from engine.template.go.errors import Failure
from engine.template.go.floats import general
from engine.template.go.moments import Duration, TimePointer
from engine.template.go.values import TYPES, Value, type_of

_LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)")
_HEX = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f]*p[+-]?[0-9]+")
_UNITS_MS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000,
             "m": 60_000, "s": 1_000, "ms": 1}  # fmt: skip
_DURATION = re.compile(
    r"(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?"
    r"(?:([0-9]+)ms)?"
)


def number(value: Value) -> float:
    """Return a number, or a text that is one, as float64. Raises Failure."""
    if type(value) is str:
        return parsed(value)
    if isinstance(value, Duration):
        return value.nanoseconds / 1e9
    if TYPES.get(type(value), ("", ""))[0] in ("int", "uint", "float"):
        return float(value)
    given = "nothing" if value is None else f"a {type_of(value)}"
    raise Failure(f"{given} is no number")


def parsed(text: str) -> float:
    """Read a number as Go's ParseFloat does. Raises Failure."""
    lowered = text.lower()
    try:
        if _NUMBER.fullmatch(lowered):
            value = float(lowered)
        elif _HEX.fullmatch(lowered):
            value = float.fromhex(lowered.replace("_", ""))
        else:
            raise Failure(f"{text[:40]!r} is no number")
    except (ValueError, OverflowError):
        raise Failure(f"{text[:40]!r} is no number") from None
    if math.isinf(value) and "inf" not in lowered:
        raise Failure(f"{text[:40]!r} is out of range")
    return value


def _short(value: float) -> str:
    return general(value, 4)


def humanize(value: Value) -> str:
    """1234567 -> 1.235M, 0.00123 -> 1.23m."""
    v = number(value)
    if v == 0 or not math.isfinite(v):
        return _short(v)
    return _grown(v, 1000.0, _LARGE) if abs(v) >= 1 else _shrunk(v)


def humanize1024(value: Value) -> str:
    """1048576 -> 1Mi."""
    v = number(value)
    if abs(v) <= 1 or not math.isfinite(v):
        return _short(v)
    return _grown(v, 1024.0, _BINARY)


def _grown(v: float, base: float, units: tuple[str, ...]) -> str:
    step = 0
    while abs(v) >= base and step + 1 < len(units):
        v, step = v / base, step + 1
    return _short(v) + units[step]


def _shrunk(v: float) -> str:
    step = 0
    while abs(v) < 1 and step + 1 < len(_SMALL):
        v, step = v * 1000.0, step + 1
    return _short(v) + _SMALL[step]


def humanize_percentage(value: Value) -> str:
    """0.0512 -> 5.12%."""
    return f"{_short(number(value) * 100)}%"


def humanize_duration(value: Value) -> str:
    """Seconds: 3725 -> 1h 2m 5s, 0.25 -> 250ms."""
    v = number(value)
    if not math.isfinite(v):
        return _short(v)
    if v == 0:
        return _short(v) + "s"
    if abs(v) < 1:
        return _shrunk(v) + "s"
    sign = "-" if v < 0 else ""
    v = abs(v)
    # Go's conversion of what no int64 holds gives the least int64.
    whole = int(v) if v < 2.0**63 else -(2**63)
    days, hours, minutes = _whole(whole, 86_400), _whole(whole, 3_600), _whole(whole, 60)
    counts = [(days, "d"), (_rest(hours, 24), "h"), (_rest(minutes, 60), "m")]
    while counts and not counts[0][0]:
        counts.pop(0)
    if not counts:
        return f"{sign}{_short(v)}s"
    counts.append((_rest(whole, 60), "s"))
    return sign + " ".join(f"{count}{unit}" for count, unit in counts)


def _whole(value: int, by: int) -> int:
    return value // by if value >= 0 else -(-value // by)


def _rest(value: int, by: int) -> int:
    return value - _whole(value, by) * by


def humanize_timestamp(value: Value) -> str:
    """Seconds since 1970: 1435065584.128 -> 2015-06-23 13:19:44.128 +0000 UTC."""
    v = number(value)
    return str(to_time(v)) if math.isfinite(v) else _short(v)


def to_time(value: Value) -> TimePointer:
    """Return seconds since 1970 as a time, cut to milliseconds. Raises Failure."""
    v = number(value)
    if not math.isfinite(v):
        raise Failure("value is NaN or Inf")
    nanoseconds = v * 1e9
    if not -(2.0**63) <= nanoseconds < 2.0**63:
        raise Failure(f"{_short(v)} is no time that nanoseconds in an int64 can tell")
    return TimePointer(_whole(int(nanoseconds), 1_000_000) * 1_000_000)


def to_duration(value: Value) -> Duration:
    """Return seconds as a duration. Raises Failure."""
    nanoseconds = number(value) * 1e9
    if not -(2.0**63) <= nanoseconds < 2.0**63:
        return Duration(-(2**63))
    return Duration(int(nanoseconds))


def parse_duration(text: str) -> float:
    """Return "1h30m" as seconds; -1h is allowed. Raises Failure."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    if body == "0":
        return 0.0
    match = _DURATION.fullmatch(body)
    if not body or match is None:
        raise Failure(f"{text[:40]!r} is no duration (30s, 5m, 1h30m, 2d)")
    total_ms = sum(
        int(count) * unit_ms
        for count, unit_ms in zip(match.groups(), _UNITS_MS.values(), strict=True)
        if count
    )
    if total_ms * 1_000_000 >= 2**63:
        raise Failure(f"the duration {text[:40]!r} is out of range")
    return sign * (total_ms * 1_000_000) / 1e9
