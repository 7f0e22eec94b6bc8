"""Webhooks: Alertmanager's version 4 body, so that existing receivers notice no difference.

Beyond it go two things that no receiver trips over: the header Idempotency-Key, equal for every
attempt of one notification, and another attempt after 429.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, cast

import httpx
import msgspec

from notifiers import sender
from notifiers.channels.payloads import encoded
from notifiers.channels.texts import FieldError, Texts
from notifiers.channels.wire import destination, guarded
from notifiers.fields import Field, JsonTemplate, Report, TemplatedSecret
from notifiers.notification import (
    Global,
    Notification,
    NotifiedAlert,
    Outcome,
    Sent,
    common,
)
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES
from notifiers.templating import quote_meta
from notifiers.wording import go_time


@dataclass(frozen=True, slots=True)
class Request:
    """One POST; what http_config adds (credentials, its headers) comes on the way."""

    url: str = field(repr=False)  # as secret as the file's
    headers: Mapping[str, str]
    body: bytes


class BodyAlert(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One alert of a body, its keys in Alertmanager's order."""

    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: str
    ends_at: str
    generator_url: str = msgspec.field(name="generatorURL")
    fingerprint: str


class Body(msgspec.Struct, frozen=True, rename="camel"):
    """Alertmanager's body, its keys in Alertmanager's order."""

    receiver: str
    status: str
    alerts: list[BodyAlert]
    notification_reason: str = msgspec.field(name="notification_reason")
    group_labels: Mapping[str, str]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    route_labels: Mapping[str, str]
    external_url: str = msgspec.field(name="externalURL")
    version: str
    group_key: str
    truncated_alerts: int


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of webhook_configs, understood."""

    url: TemplatedSecret
    payload: JsonTemplate  # None: Alertmanager's body
    alerts_max: int  # 0: all
    client: httpx.AsyncClient
    public_client: httpx.AsyncClient  # for a host that a template makes


class Webhook:
    """Posts to one URL."""

    fields: ClassVar[Mapping[str, Field]] = TYPES["webhook"].fields
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=50.0, burst=50)

    has_key = False  # few receivers know Idempotency-Key, and none must

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = destination("webhook", settings.url)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of webhook_configs; what is wrong is reported."""
        http = cast("Mapping[str, object] | None", values.get("http_config") or global_.http_config)
        context = sender.checked_http(http, report)
        url = cast("TemplatedSecret | None", values.get("url"))
        if url is None:
            report("url", "webhook-url", "there is no url", "set url: https://host/path")
        if url is None or context is None:
            return None
        timeout_ms = cast("int", values.get("timeout") or 0) or sender.TIMEOUT_MS
        client, public = (
            sender.http_client(http, context, timeout_ms, global_.egress, templated_host=templated)
            for templated in (False, True)
        )
        payload = cast("JsonTemplate", values.get("payload"))
        alerts_max = cast("int", values.get("max_alerts") or 0)
        return cls(Settings(url, payload, alerts_max, client, public))

    def render(self, notification: Notification, now_ms: int) -> Request:
        """Return the request of a notification.

        Raises texts.FieldError, and OSError where the file of the URL cannot be read.
        """
        shown, omitted = fewer(notification, self._settings.alerts_max)
        texts = Texts({}, shown, now_ms)
        url = texts.secret("url", self._settings.url)
        if not url:
            raise FieldError("url", "there is nothing left of it after its template")
        key = hashlib.sha256(notification.key.encode()).hexdigest()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._settings.payload is None:
            return Request(url, headers, encoded(body(shown, omitted)))
        return Request(url, headers, encoded(texts.json("payload", self._settings.payload)))

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Post it once."""
        return await guarded(self._post(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.client.aclose()
        await self._settings.public_client.aclose()

    async def _post(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        settings = self._settings
        request = self.render(notification, watch.now_ms())
        is_templated = sender.host_is_templated(settings.url.read())
        client = settings.public_client if is_templated else settings.client
        status, headers, answer = await sender.post(
            client, request.url, request.headers, request.body
        )
        refusal = sender.classify_status(status, headers, answer, watch.now_ms())
        return refusal or Sent({}, watch.now_ms())


def fewer(notification: Notification, alerts_max: int) -> tuple[Notification, int]:
    """Return a notification of at most so many alerts (0: all), and how many are left out.

    What the alerts have in common is then what those that are left have, as in Alertmanager.
    """
    kept = notification.alerts[:alerts_max] if alerts_max else notification.alerts
    omitted = len(notification.alerts) - len(kept)
    if not omitted:
        return notification, 0
    shown = replace(
        notification,
        alerts=kept,
        status="firing" if any(alert.status == "firing" for alert in kept) else "resolved",
        common_labels=common([alert.labels for alert in kept]),
        common_annotations=common([alert.annotations for alert in kept]),
    )
    return shown, omitted


def body(notification: Notification, omitted: int = 0) -> Body:
    """Return the body as Alertmanager's webhook has it."""
    return Body(
        receiver=quote_meta(notification.receiver),
        status=notification.status,
        alerts=[_alert(alert) for alert in notification.alerts],
        notification_reason=notification.reason,
        group_labels=notification.group_labels,
        common_labels=notification.common_labels,
        common_annotations=notification.common_annotations,
        route_labels=notification.route_labels,
        external_url=notification.external_url,
        version="4",
        group_key=notification.group_key,
        truncated_alerts=omitted,
    )


def _alert(alert: NotifiedAlert) -> BodyAlert:
    return BodyAlert(
        alert.status,
        alert.labels,
        alert.annotations,
        go_time(alert.starts_at_ms),
        go_time(alert.ends_at_ms if alert.status == "resolved" else 0),
        alert.generator_url,
        alert.fingerprint,
    )
