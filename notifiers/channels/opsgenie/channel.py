"""The Opsgenie channel: one alert a group, named by the hash of its group key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast
from urllib.parse import urlsplit

from notifiers import sender
from notifiers.channels.opsgenie import alert
from notifiers.channels.opsgenie.alert import DEFAULTS, Parts, Request, Step
from notifiers.channels.outline import remembered
from notifiers.channels.texts import FieldError, Texts, chosen, group_hash
from notifiers.channels.wire import Wire, destination, guarded
from notifiers.fields import Field, Report, Secret, Templated
from notifiers.notification import Drop, Global, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES

JSM_URL = "https://api.atlassian.com/jsm/ops/integration/"
"""Jira Service Management takes Opsgenie's requests and its keys here."""

FIELDS: Mapping[str, Field] = {**TYPES["opsgenie"].fields, "jsm": Field("bool")}


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of opsgenie_configs, understood."""

    key: Secret
    url: str  # ends in /
    parts: Parts
    texts: Mapping[str, Templated]
    wire: Wire


class Opsgenie:
    """Creates, updates and closes alerts of one integration."""

    fields: ClassVar[Mapping[str, Field]] = FIELDS
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=5.0, burst=10)
    """Opsgenie counts per account and plan; a storm of ours must leave room for other senders."""

    has_key = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = destination("opsgenie", settings.url, settings.key)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of opsgenie_configs; what is wrong is reported."""
        wire = Wire.of(values, global_, report)
        key = cast("Secret | None", values.get("api_key") or global_.opsgenie_api_key)
        if key is None or wire is None:
            return None  # without a key there is a finding of the rules of receiver_types
        url = str(values.get("api_url") or global_.opsgenie_api_url)
        if values.get("jsm") and url == Global().opsgenie_api_url:
            url = JSM_URL
        settings = Settings(
            key=key,
            url=url.rstrip("/") + "/",
            parts=_parts(values, url),
            texts=chosen(values, DEFAULTS, global_.templates),
            wire=wire,
        )
        return cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> tuple[Request, ...]:
        """Return what is to be sent, in order. Raises FieldError."""
        texts = Texts(self._settings.texts, notification, sent_ms)
        return alert.render(self._settings.parts, texts, sent_ms)

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once: all of its requests, which may all be repeated."""
        return await guarded(self._send(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.wire.close()

    async def _send(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        settings = self._settings
        texts = Texts(settings.texts, notification, watch.now_ms())
        key = texts.secret("api_key", settings.key)
        if not key:
            raise FieldError("api_key", "it is empty for this group")
        headers = {"Authorization": f"GenieKey {key}"}
        for request in self.render(notification, watch.now_ms()):
            url = settings.url + request.path
            answer = await settings.wire.send(
                url, request.body, method=request.method, headers=headers
            )
            if refusal := classify(request.step, answer, watch.now_ms()):
                return refusal
        far_id = {"alias": group_hash(notification), "told": remembered(notification)}
        return Sent(far_id, watch.now_ms())


def classify(step: Step, answer: sender.Answer, now_ms: int) -> Retry | Drop | None:
    """Say what an answer means; None where it is done.

    An alert that is not there needs no closing; one that is being created cannot be changed yet,
    and says the same already.
    """
    if answer.status == 404 and step != "create":
        return None
    return sender.classify_status(answer.status, answer.headers, answer.text, now_ms)


def _parts(values: Mapping[str, object], url: str) -> Parts:
    jsm = cast("bool | None", values.get("jsm"))
    entries = cast("tuple[Mapping[str, Templated | None], ...]", values.get("responders") or ())
    return Parts(
        details=cast("Mapping[str, Templated]", values.get("details") or {}),
        responders=tuple(
            {name: text for name, text in entry.items() if text is not None} for entry in entries
        ),
        update=bool(values.get("update_alerts")),
        jsm=urlsplit(url).hostname == urlsplit(JSM_URL).hostname if jsm is None else jsm,
    )
