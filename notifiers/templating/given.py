"""Data of templates from JSON, as `amtool template render --template.data` reads it."""

from collections.abc import Mapping
from typing import Any

from engine.errors import TocsinError
from engine.template import go
from notifiers.templating.model import KV, Alert, Alerts, Data

_MAPS = ("GroupLabels", "CommonLabels", "CommonAnnotations", "RouteLabels")
_RFC3339 = "2006-01-02T15:04:05Z07:00"


class DataError(TocsinError):
    """JSON that is no data for templates; the message says where."""


def data_from(value: object) -> Data:
    """Return parsed JSON as the data of a notification. Raises DataError.

    Names are matched without regard to case and unknown ones ignored, as Go reads JSON; what is
    missing is empty.
    """
    given = _fields(value, "the data")
    parts: dict[str, go.Value] = {
        "Receiver": _text(given, "Receiver"),
        "Status": _text(given, "Status"),
        "Alerts": _alerts(given.get("alerts")),
        "NotificationReason": _text(given, "Notification_Reason"),
        **{name: _labels(given, name) for name in _MAPS},
        "ExternalURL": _text(given, "ExternalURL"),
    }
    return Data(parts)


def _fields(value: object, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError(f"{where} must be an object of JSON")
    return {str(name).lower(): each for name, each in value.items()}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name.lower())
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{name} must be a text")
    return value


def _labels(given: Mapping[str, Any], name: str) -> KV:
    value = given.get(name.lower())
    if value is None:
        return KV(None)
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise DataError(f"{name} must be an object whose values are texts")
    return KV({str(key): str(each) for key, each in value.items()})


def _alerts(value: object) -> Alerts:
    if value is None:
        return Alerts(None)
    if not isinstance(value, list):
        raise DataError("Alerts must be a list")
    return Alerts(_alert(_fields(each, "an alert")) for each in value)


def _alert(given: Mapping[str, Any]) -> Alert:
    return Alert({
        "Status": _text(given, "Status"),
        "Labels": _labels(given, "Labels"),
        "Annotations": _labels(given, "Annotations"),
        "StartsAt": _time(given, "StartsAt"),
        "EndsAt": _time(given, "EndsAt"),
        "GeneratorURL": _text(given, "GeneratorURL"),
        "Fingerprint": _text(given, "Fingerprint"),
    })  # fmt: skip


def _time(given: Mapping[str, Any], name: str) -> go.Time:
    text = _text(given, name)
    if not text:
        return go.Time(go.ZERO_NS)
    try:
        return go.parse_time(_RFC3339, text)
    except go.Failure:
        raise DataError(f"{name} must be a time such as 2026-01-31T08:00:00Z") from None
