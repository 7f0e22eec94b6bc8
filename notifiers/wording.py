"""How numbers, times and lengths read in a message, the same on every channel."""

import functools
import math
from datetime import UTC, datetime, timedelta

from engine.alerts import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FRACTIONS = ("", *(f".{left_ms:03d}".rstrip("0") for left_ms in range(1, 1_000)))

INSTANT = "less than 1 s"

_PARTS_S = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def number(value: Value) -> str:
    """Return a value as people read it: `1,250`, `0.0731`, `NaN`."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1_000 and abs(value) < 1e9:
        return f"{value:,.1f}"
    return f"{value:.4g}"


def duration(length_ms: int) -> str:
    """Return a length of time in its two largest units: `850 ms`, `5 min 3 s`, `2 d 4 h`."""
    if length_ms < 1_000:
        return f"{max(0, length_ms)} ms"
    left_s, parts = length_ms // 1_000, []
    for unit, size_s in _PARTS_S:
        count, left_s = divmod(left_s, size_s)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def span(since_ms: int, until_ms: int) -> str:
    """Return how long it is between two times that are both shown in whole seconds."""
    seconds = until_ms // 1_000 - since_ms // 1_000
    return duration(seconds * 1_000) if seconds > 0 else INSTANT


def step(length_ms: int) -> str:
    """Return the time between two stages: `+3 ms`, `+1.24 s`, `+5 min 3 s`, `-40 ms`."""
    sign, length_ms = ("-", -length_ms) if length_ms < 0 else ("+", length_ms)
    if length_ms < 1_000:
        return f"{sign}{length_ms} ms"
    if length_ms < 60_000:
        return f"{sign}{length_ms / 1_000:.2f} s"
    return f"{sign}{duration(length_ms)}"


def utc(time_ms: int) -> datetime:
    """Return a time as a datetime in UTC. Out of its range it is clamped, never an error."""
    try:
        return _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if time_ms > 0 else _EPOCH


def clock_time(time_ms: int) -> str:
    """Return `14:03:05.120 UTC`."""
    return f"{utc(time_ms):%H:%M:%S}.{time_ms % 1_000:03d} UTC"


def minute(time_ms: int, now_ms: int) -> str:
    """Return `14:03 UTC`, with its date where that is not today's."""
    time = utc(time_ms)
    day = "" if time.date() == utc(now_ms).date() else f"{time:%Y-%m-%d} "
    return f"{day}{time:%H:%M} UTC"


def date_time(time_ms: int) -> str:
    """Return `2026-11-21 14:03:05 UTC`."""
    return f"{utc(time_ms):%Y-%m-%d %H:%M:%S} UTC"


def go_time(time_ms: int) -> str:
    """Return RFC 3339 as Go prints it: no trailing zeros; 0 is Go's zero time, the year 1."""
    if time_ms <= 0:
        return "0001-01-01T00:00:00Z"
    seconds, left_ms = divmod(time_ms, 1_000)
    return f"{_go_second(seconds)}{_FRACTIONS[left_ms]}Z"


@functools.lru_cache(maxsize=10_000)
def _go_second(seconds: int) -> str:
    return f"{utc(seconds * 1_000):%Y-%m-%dT%H:%M:%S}"


def cut(text: str, characters_max: int) -> str:
    """Return a text of at most that many characters; a cut one ends in `…`."""
    if len(text) <= characters_max:
        return text
    return text[: max(0, characters_max - 1)].rstrip() + "…"


def more(omitted: int, noun: str = "") -> str:
    """Return the line that stands for what was left out: `+3 more alerts`."""
    plural = f" {noun}{'' if omitted == 1 else 's'}" if noun else ""
    return f"+{omitted:,} more{plural}"


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters."""
    if text.isprintable():  # nearly all are, and some are long
        return " ".join(text.split())
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def printable(text: str) -> str:
    """Return a text without control characters; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
