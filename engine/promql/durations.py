"""Durations and numbers as PromQL writes them."""

import math
import re

from engine.document import format_duration as _format
from engine.document import parse_duration as _parse

_HEX = re.compile(r"0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")
_OCTAL = re.compile(r"0(?:_?[0-7]+)+")
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_DECIMAL = re.compile(rf"(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_INT64_MAX = 2**63 - 1


def parse_duration_ms(text: str) -> int | None:
    """Return milliseconds, or None where the text is no duration: `5m`, `1h30m`, `-5m`."""
    if text.startswith("-"):
        positive = _parse(text[1:])
        return None if positive is None else -positive
    return _parse(text)


def format_duration(duration_ms: int) -> str:
    """Return the text that `parse_duration_ms` reads back."""
    return f"-{_format(-duration_ms)}" if duration_ms < 0 else _format(duration_ms)


def parse_number(text: str) -> float | None:
    """Return the value of an unsigned number literal, or None where the text is none.

    Decimal, hexadecimal and, as Go reads them, octal with a leading zero; underscores between
    digits. Too large for a float is none.
    """
    if _DECIMAL.fullmatch(text):
        if _OCTAL.fullmatch(text) and (octal := int(text.replace("_", ""), 8)) <= _INT64_MAX:
            return float(octal)
        value = float(text.replace("_", ""))
        return None if math.isinf(value) else value
    if _HEX.fullmatch(text):
        value = int(text.replace("_", ""), 16)
        return float(value) if value <= _INT64_MAX else None
    return None


def milliseconds(seconds: float) -> int | None:
    """Return seconds as whole milliseconds, cut towards zero; None beyond 292 years (Go)."""
    if not abs(seconds) < 2**63 / 1e9:
        return None
    nanoseconds = round(abs(seconds) * 1e9)
    whole = nanoseconds // 1_000_000
    return -whole if seconds < 0 else whole
