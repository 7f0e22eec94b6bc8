"""Webhooks: Alertmanager's version 4 body, so that existing receivers notice no difference.

Beyond it go two things that no receiver trips over: the header Idempotency-Key, equal for every
attempt of one notification, and another attempt after 429.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, ClassVar, Self, cast
from urllib.parse import urlsplit

import httpx

from notifiers import sender
from notifiers.fields import HTTP_CONFIG, Field, Report, Secret
from notifiers.notification import Global, Notification, NotifiedAlert, Outcome, Sent
from notifiers.pacing import Pace
from notifiers.wording import go_time

ANSWER_BYTES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Request:
    """One POST without its address and credentials, which are secrets."""

    headers: Mapping[str, str]
    body: bytes


class Webhook:
    """Posts to one URL."""

    fields: ClassVar[Mapping[str, Field]] = {
        "url": Field("secret_url", required=True),
        "http_config": HTTP_CONFIG,
        "max_alerts": Field("int", default=0),
        "timeout": Field("duration", default=0),
    }
    refused: ClassVar[Mapping[str, str]] = {
        "payload": "remove it: the body is Alertmanager's until Go templates are supported",
    }
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=50.0, burst=50)

    has_key = False  # few receivers know Idempotency-Key, and none must

    def __init__(
        self,
        url: Secret,
        http: Mapping[str, object] | None,
        client: httpx.AsyncClient,
        alerts_max: int,
    ) -> None:
        self._url = url
        self._http = http
        self._client = client
        self._alerts_max = alerts_max
        self.destination = _destination(url)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of webhook_configs; what is wrong is reported."""
        http = cast("Mapping[str, object] | None", values.get("http_config") or global_.http_config)
        context = sender.checked_http(http, report)
        url = cast("Secret | None", values.get("url"))
        if url is None:
            report("url", "webhook-url", "there is no url", "set url: https://host/path")
        if url is None or context is None:
            return None
        if not url.from_file and "{{" in url.read():
            report("url", "template", "templates in url are not supported yet", "write it out")
            return None
        timeout_ms = cast("int", values.get("timeout")) or sender.TIMEOUT_MS
        client = sender.http_client(http, context, timeout_ms)
        return cls(url, http, client, cast("int", values.get("max_alerts") or 0))

    def render(self, notification: Notification) -> Request:
        """Return the request of a notification."""
        key = hashlib.sha256(notification.key.encode()).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tocsin",
            "Idempotency-Key": key,
        }
        body = json.dumps(payload(notification, self._alerts_max), ensure_ascii=False)
        return Request(headers, body.encode("utf-8", "replace"))

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Post it once."""
        watch = sender.Stopwatch(now_ms)
        request = self.render(notification)
        try:
            headers = dict(request.headers)
            if credentials := sender.authorization(self._http):
                headers["Authorization"] = credentials
            response, answer = await self._post(headers, request.body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return sender.classify_error(error)
        refusal = sender.classify_status(
            response.status_code, response.headers, answer, watch.now_ms()
        )
        return refusal or Sent({}, watch.now_ms())

    async def close(self) -> None:
        """Give connections back."""
        await self._client.aclose()

    async def _post(self, headers: Mapping[str, str], body: bytes) -> tuple[httpx.Response, str]:
        """Post and read only the start of the answer: it may be endless."""
        url = self._url.read()
        async with self._client.stream("POST", url, headers=headers, content=body) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) >= ANSWER_BYTES_MAX:
                    break
            return response, answer[:ANSWER_BYTES_MAX].decode("utf-8", "replace")


def payload(notification: Notification, alerts_max: int = 0) -> dict[str, Any]:
    """Return the body as Alertmanager's webhook has it."""
    alerts = sorted(notification.alerts, key=cmp_to_key(compare))
    kept = alerts[:alerts_max] if alerts_max else alerts
    return {
        "receiver": notification.receiver,
        "status": notification.status,
        "alerts": [_alert(alert) for alert in kept],
        "groupLabels": _sorted(notification.group_labels),
        "commonLabels": _sorted(notification.common_labels),
        "commonAnnotations": _sorted(notification.common_annotations),
        "externalURL": notification.external_url,
        "routeLabels": _sorted(notification.route_labels),
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": len(alerts) - len(kept),
        "notification_reason": notification.reason,
    }


def compare(one: NotifiedAlert, other: NotifiedAlert) -> int:
    """Order alerts as Alertmanager does: by job, by instance, then by fewer and lesser labels."""
    for name in ("job", "instance"):
        a, b = one.labels.get(name), other.labels.get(name)
        if a == b:
            continue
        if a is None or b is None:
            return 1 if a is None else -1
        return -1 if a < b else 1
    return _compare_labels(one.labels, other.labels)


def _compare_labels(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    if len(one) != len(other):
        return -1 if len(one) < len(other) else 1
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if a == b:
            continue
        if a is None or b is None:
            return -1 if a is None else 1
        return -1 if a < b else 1
    return 0


def _alert(alert: NotifiedAlert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": _sorted(alert.labels),
        "annotations": _sorted(alert.annotations),
        "startsAt": go_time(alert.starts_at_ms),
        "endsAt": go_time(alert.ends_at_ms if alert.status == "resolved" else 0),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _sorted(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels in Go's order of a map's keys."""
    return dict(sorted(labels.items()))


def _destination(url: Secret) -> str:
    """Name the far side by host; its path may hold a token, so only a short hash of it is shown."""
    try:
        text = url.read()
    except OSError:
        return "webhook:unread"
    short = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"webhook:{urlsplit(text).hostname}/{short}"
