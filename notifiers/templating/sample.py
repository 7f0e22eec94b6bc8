"""Made-up data to try templates with: one alert that fires, one that has ended."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_MINUTE_MS = 60_000
_LABELS = {"commonlabelkey1": "commonlabelvalue1", "commonlabelkey2": "commonlabelvalue2"}
_ANNOTATIONS = {
    "commonannotationkey1": "commonannotationvalue1",
    "commonannotationkey2": "commonannotationvalue2",
}


def sample(
    now_ms: int, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    """Return data as JSON has it: amtool's, or of one alert with these labels and annotations."""
    if not labels and not annotations:
        return _as_amtool(now_ms)
    alert = _alert("firing", labels, annotations, now_ms, now_ms - 5 * _MINUTE_MS, "")
    name = labels.get("alertname")
    return {
        "receiver": "receiver",
        "status": "firing",
        "alerts": [alert],
        "notification_reason": "first notification",
        "groupLabels": {"alertname": name} if name else {},
        "commonLabels": dict(labels),
        "commonAnnotations": dict(annotations),
        "externalURL": "https://example.com",
    }


def _as_amtool(now_ms: int) -> dict[str, Any]:
    """Return the data that amtool renders with where it is given none."""
    end_ms = now_ms + 5 * _MINUTE_MS
    firing = {"label1": "value1", "label2": "value2", "instance": "foo.bar:1234"}
    ended = {"foo": "bar", "baz": "qux"}
    return {
        "receiver": "receiver",
        "status": "alertstatus",
        "alerts": [
            _alert("firing", {**_LABELS, **firing},
                   {**_ANNOTATIONS, "annotation1": "value1", "annotation2": "value2"},
                   end_ms, now_ms - 5 * _MINUTE_MS, "fingerprint1"),
            _alert("resolved", {**_LABELS, **ended},
                   {**_ANNOTATIONS, "aaa": "bbb", "ccc": "ddd"},
                   end_ms, now_ms - 10 * _MINUTE_MS, "fingerprint2"),
        ],
        "groupLabels": {"grouplabelkey1": "grouplabelvalue1", "grouplabelkey2": "grouplabelvalue2"},
        "commonLabels": _LABELS,
        "commonAnnotations": _ANNOTATIONS,
        "externalURL": "https://example.com",
    }  # fmt: skip


def _alert(
    status: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    end_ms: int,
    start_ms: int,
    fingerprint: str,
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": dict(labels),
        "annotations": dict(annotations),
        "startsAt": _time(start_ms),
        "endsAt": _time(end_ms),
        "generatorURL": "https://generatorurl.com",
        "fingerprint": fingerprint,
    }


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
