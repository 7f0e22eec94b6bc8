"""The Teams channels: Adaptive Cards to a Workflows URL, one message for each notification."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from notifiers import sender
from notifiers.channels.msteams import card
from notifiers.channels.outline import outline, remembered
from notifiers.channels.texts import Defaults, Texts, chosen
from notifiers.channels.wire import Wire, destination, guarded
from notifiers.fields import Field, Report, Secret, Templated
from notifiers.notification import Drop, Global, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES


class MsTeamsV2:
    """Posts to one channel or chat of Teams by a flow of Power Automate."""

    fields: ClassVar[Mapping[str, Field]] = TYPES["msteamsv2"].fields
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=2.0, burst=4)
    """Teams takes four requests a second; flows take fewer for long."""

    defaults: ClassVar[Defaults] = card.DEFAULTS_V2
    shares_proxy: ClassVar[bool] = True
    """Whether an http_config without a proxy has global's: of this kind Alertmanager says so."""

    has_key = False

    def __init__(self, url: Secret, texts: Mapping[str, Templated], wire: Wire) -> None:
        self._url = url
        self._texts = texts
        self._wire = wire
        self.destination = destination("msteams", url)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of its configs; what is wrong is reported."""
        wire = Wire.of(
            _with_proxy(values, global_) if cls.shares_proxy else values, global_, report
        )
        url = cast("Secret | None", values.get("webhook_url"))
        if url is None or wire is None:
            return None  # without a URL there is a finding of its field
        return cls(url, chosen(values, cls.defaults, global_.templates), wire)

    def render(self, notification: Notification, sent_ms: int) -> dict[str, Any]:
        """Return the message of a notification. Raises FieldError."""
        texts = Texts(self._texts, notification, sent_ms)
        return card.render(texts, outline(notification, sent_ms))

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Post it once."""
        return await guarded(self._send(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._wire.close()

    async def _send(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        body = self.render(notification, watch.now_ms())
        answer = await self._wire.send(self._url.read(), body)
        refusal = classify(answer, watch.now_ms())
        return refusal or Sent({"told": remembered(notification)}, watch.now_ms())


class MsTeams(MsTeamsV2):
    """msteams_configs, made for connectors, which are retired: the same card, with a summary."""

    fields: ClassVar[Mapping[str, Field]] = TYPES["msteams"].fields
    defaults: ClassVar[Defaults] = card.DEFAULTS_V1
    shares_proxy: ClassVar[bool] = False


def classify(answer: sender.Answer, now_ms: int) -> Retry | Drop | None:
    """Say what an answer means; None where it was taken.

    A connector says 200 with an error of Teams in its text; a flow whose owner has left, or that
    was switched off, says 404 or 410, one whose key was changed 401.
    """
    text = answer.text
    if answer.status == 200 and "HTTP error 429" in text:
        return Retry("rateLimited", None, f"Teams: {sender.excerpt(text)}")
    if answer.status == 200 and text.startswith("Webhook message delivery failed"):
        return Drop("clientError", f"Teams: {sender.excerpt(text)}")
    if answer.status in (404, 410):
        why = "the flow is gone or switched off; flows stop with the account that owns them"
        return Drop("clientError", f"Teams: HTTP {answer.status}: {why}")
    return sender.classify_status(answer.status, answer.headers, text, now_ms)


def _with_proxy(values: Mapping[str, object], global_: Global) -> Mapping[str, object]:
    own = cast("Mapping[str, object] | None", values.get("http_config"))
    shared = (global_.http_config or {}).get("proxy_url")
    if own is None or own.get("proxy_url") or not shared:
        return values
    return {**values, "http_config": {**own, "proxy_url": shared}}
