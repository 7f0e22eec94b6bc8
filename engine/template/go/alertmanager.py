"""The functions that Alertmanager adds to Go's own, by its documentation and its behaviour.

`now` and `since` find `now_ms` in the context of their run.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.template.go import expressions, humanize, words
from engine.template.go.errors import Failure
from engine.template.go.json_text import json_text
from engine.template.go.layouts import parse_time
from engine.template.go.moments import ZERO_NS, Duration, Time
from engine.template.go.values import HTML, URL, Function, GoObject, Value, as_bytes, as_text

if TYPE_CHECKING:
    from engine.template.go.run import Run

_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")


class TextList(list[str], GoObject):
    """[]string: what stringSlice gives."""

    __slots__ = ()
    go_type = "[]string"
    go_kind = "slice"


def joined(run: "Run", separator: str, texts: Sequence[str]) -> str:
    """Return texts with a separator between. Raises SecurityError where that is too long."""
    run.budget.fits(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _text(call: Callable[[str], Value]) -> Function:
    return Function(lambda _run, text: call(text), ("string",))


def _url_unescape(text: str) -> str:
    wrong = _ESCAPE.search(text)
    if wrong:
        raise Failure(f"invalid URL escape {wrong.group()[:3]!r}")
    return as_text(unquote_to_bytes(as_bytes(text.replace("+", " "))))


def _base64_encode(text: str) -> str:
    return base64.urlsafe_b64encode(as_bytes(text)).decode()


def _base64_decode(text: str) -> str:
    # Go ignores line breaks and nothing else.
    packed = text.replace("\r", "").replace("\n", "")
    try:
        if not packed.isascii() or "+" in packed or "/" in packed:
            raise Failure("illegal base64 data")
        data = base64.b64decode(packed, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Failure("illegal base64 data") from None
    return as_text(data)


def _now(run: "Run") -> Time:
    return Time(run.context.now_ms * 1_000_000)


def _since(run: "Run", time: Time) -> Duration:
    return Duration(run.context.now_ms * 1_000_000 - time.nanoseconds)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Local"):
        return UTC
    if not _ZONE.fullmatch(name):
        raise Failure("time: invalid location name")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise Failure(f"unknown time zone {name}") from None


def _in_zone(_run: "Run", name: str, time: Time) -> Time:
    return Time(time.nanoseconds, _zone(name))


def _to_date(_run: "Run", layout: str, text: str) -> Time:
    try:
        return parse_time(layout, text)
    except Failure:
        return Time(ZERO_NS)


def _list(run: "Run", *values: Value) -> list[Value]:
    run.budget.spend(len(values))
    return list(values)


def _append(run: "Run", items: Value, *values: Value) -> list[Value]:
    run.budget.spend(len(items or ()) + len(values))
    return [*(items or ()), *values]


def _dict(run: "Run", *values: Value) -> dict[str, Value]:
    run.budget.spend(len(values))
    if len(values) % 2:
        raise Failure("dict expects an even number of arguments")
    if any(type(key) is not str for key in values[::2]):
        raise Failure("dict keys must be strings")
    return dict(zip(values[::2], values[1::2], strict=True))


ALERTMANAGER: Mapping[str, Function] = {
    "append": Function(_append, ("[]interface {}",), "any"),
    "base64decode": _text(_base64_decode),
    "base64encode": _text(_base64_encode),
    "date": Function(lambda _run, layout, time: time.format(layout), ("string", "time.Time")),
    "dict": Function(_dict, (), "any"),
    "humanizeDuration": Function(lambda _run, value: humanize.humanize_duration(value), ("any",)),
    "join": Function(lambda run, by, texts: joined(run, by, texts or ()), ("string", "[]string")),
    "list": Function(_list, (), "any"),
    "match": Function(
        lambda run, pattern, text: expressions.find(pattern, text, run.budget),
        ("string", "string"),
    ),
    "mustToDate": Function(
        lambda _run, layout, text: parse_time(layout, text), ("string", "string")
    ),
    "now": Function(_now),
    "reReplaceAll": Function(
        lambda run, pattern, by, text: expressions.replace(pattern, by, text, run.budget),
        ("string", "string", "string"),
    ),
    "safeHtml": _text(HTML),
    "safeUrl": _text(URL),
    "since": Function(_since, ("time.Time",)),
    "stringSlice": Function(lambda _run, *texts: TextList(texts), (), "string"),
    "title": _text(words.cased_title),
    "toDate": Function(_to_date, ("string", "string")),
    "toJson": Function(lambda run, value: json_text(value, run.budget), ("any",)),
    "toLower": _text(words.lower),
    "toUpper": _text(words.upper),
    "trimSpace": _text(lambda text: text.strip(words.SPACES)),
    "tz": Function(_in_zone, ("string", "time.Time")),
    "urlUnescape": _text(_url_unescape),
}
"""Alertmanager's functions by name, but for routeLabels, which needs its data."""
