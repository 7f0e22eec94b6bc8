"""The filters of templates: Prometheus's `humanize` family, and a bounded choice of Jinja2's."""

import math
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from datetime import UTC, datetime
from typing import Any

from jinja2 import Undefined
from jinja2 import filters as jinja_filters
from jinja2.exceptions import SecurityError

from engine.template.budget import current, fits

_LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def number_text(value: float) -> str:
    """Return a number as people read it: 12 for 12.0, six significant digits, NaN, +Inf."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if 1e6 <= abs(value) < 1e15:
        return f"{value:.1f}"
    return f"{value:.6g}"


def _number(value: object) -> float:
    if isinstance(value, str):
        return float({"+Inf": "inf", "-Inf": "-inf"}.get(value, value))
    if isinstance(value, int | float):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no number")


def _short(value: float, unit: str) -> str:
    return f"{value:.4g}{unit}"


def humanize(value: object) -> str:
    """1234567 -> 1.235M, 0.00123 -> 1.23m (Prometheus's humanize)."""
    number = _number(value)
    if number == 0 or not math.isfinite(number):
        return number_text(number)
    if abs(number) >= 1:
        return _scaled(number, 1000.0, _LARGE)
    step = 0
    while abs(number) < 1 and step + 1 < len(_SMALL):
        number, step = number * 1000.0, step + 1
    return _short(number, _SMALL[step])


def humanize1024(value: object) -> str:
    """1048576 -> 1Mi (Prometheus's humanize1024)."""
    number = _number(value)
    if abs(number) <= 1 or not math.isfinite(number):
        return number_text(number) if not math.isfinite(number) else _short(number, "")
    return _scaled(number, 1024.0, _BINARY)


def _scaled(number: float, base: float, units: tuple[str, ...]) -> str:
    step = 0
    while abs(number) >= base and step + 1 < len(units):
        number, step = number / base, step + 1
    return _short(number, units[step])


def humanize_percentage(value: object) -> str:
    """0.0512 -> 5.12%."""
    return f"{_number(value) * 100:.4g}%"


def humanize_duration(value: object) -> str:
    """Seconds for people: 3725 -> 1h 2m 5s, 0.25 -> 250ms (Prometheus's humanizeDuration)."""
    seconds = _number(value)
    if not math.isfinite(seconds):
        return number_text(seconds)
    if seconds == 0:
        return "0s"
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    if seconds < 1:
        return sign + humanize(seconds) + "s"
    if seconds < 60:
        return f"{sign}{seconds:.4g}s"
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    while parts[0][0] == 0:
        parts.pop(0)
    return sign + " ".join(f"{count}{unit}" for count, unit in parts)


def humanize_timestamp(value: object) -> str:
    """Seconds since the epoch as 2026-01-31 08:00:00 UTC (Prometheus's humanizeTimestamp)."""
    number = _number(value)
    if not math.isfinite(number):
        return number_text(number)
    try:
        moment = datetime.fromtimestamp(number, UTC)
    except (OverflowError, ValueError, OSError):
        return number_text(number)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def join(values: Any, separator: str = "") -> str:
    """Join a list to one text."""
    parts = [as_text(value) for value in values]
    fits(sum(map(len, parts)) + len(str(separator)) * len(parts))
    return str(separator).join(parts)


def replace(text: object, old: str, new: str, count: int = -1) -> str:
    """Replace every occurrence of a text."""
    whole = as_text(text)
    found = whole.count(str(old))
    fits(len(whole) + found * len(str(new)))
    return whole.replace(str(old), str(new), count)


def as_text(value: object) -> str:
    """Return what `{{ value }}` shows. Raises SecurityError for what is no plain value.

    Python's own text of a function or object holds its address, which differs in every process.
    """
    current().spend(1)
    if isinstance(value, str | bool | int | Undefined):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "{" + _listed(f"{as_text(k)}: {as_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple | range | KeysView | ValuesView | ItemsView):
        return "[" + _listed(as_text(part) for part in value) + "]"
    raise SecurityError(f"a {type(value).__name__} cannot be shown")


def _listed(parts: Iterable[str]) -> str:
    shown = list(parts)
    fits(sum(map(len, shown)) + 2 * len(shown))
    return ", ".join(shown)


def _charged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take a price by size off the budget before a filter runs."""

    def charge(value: Any, *rest: Any, **named: Any) -> Any:
        size = len(value) if isinstance(value, str | list | tuple | Mapping) else 1
        current().spend(1 + size // 16)
        return function(value, *rest, **named)

    charge.__doc__ = function.__doc__
    return charge


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *rest, **named: function(as_text(value), *rest, **named)


_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(_number(value)),
    "capitalize": _of_text(jinja_filters.do_capitalize),
    "default": jinja_filters.do_default,
    "float": jinja_filters.do_float,
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanize_duration": humanize_duration,
    "humanize_percentage": humanize_percentage,
    "humanize_timestamp": humanize_timestamp,
    "int": jinja_filters.do_int,
    "items": lambda value: list(value.items()),
    "join": join,
    "length": len,
    "list": list,
    "lower": _of_text(jinja_filters.do_lower),
    "replace": replace,
    "reverse": lambda value: list(reversed(value)),
    "round": lambda value, *rest: jinja_filters.do_round(_number(value), *rest),
    "sort": sorted,
    "string": as_text,
    "title": _of_text(jinja_filters.do_title),
    "trim": _of_text(jinja_filters.do_trim),
    "upper": _of_text(jinja_filters.do_upper),
}

FILTERS: Mapping[str, Callable[..., Any]] = {
    name: _charged(function) for name, function in _PLAIN.items()
}
"""Every filter by name. All take time and memory in proportion to what they are given."""
