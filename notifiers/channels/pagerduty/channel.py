"""The PagerDuty channel: one incident a group, named by the hash of its group key."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from notifiers import sender
from notifiers.channels.outline import remembered
from notifiers.channels.pagerduty import event
from notifiers.channels.pagerduty.settings import FIELDS, Settings, read
from notifiers.channels.texts import FieldError, Texts, group_hash
from notifiers.channels.wire import decode, destination, guarded
from notifiers.fields import Field, Report
from notifiers.notification import Drop, Global, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace


class PagerDuty:
    """Sends to one service by Events API v2, or v1 where there is a service key."""

    fields: ClassVar[Mapping[str, Field]] = FIELDS
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=1.5, burst=30)
    """PagerDuty's: 120 events a minute and integration key."""

    has_key = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = destination("pagerduty", settings.url, settings.key)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of pagerduty_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> dict[str, Any]:
        """Return the event of a notification. Raises FieldError, and OSError for a key's file."""
        settings = self._settings
        texts = Texts(settings.texts, notification, sent_ms)
        key = texts.secret("routing_key", settings.key)
        if not key:
            raise FieldError("routing_key", "it is empty for this group")
        return event.render(settings.parts, texts, key, sent_ms)

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once."""
        return await guarded(self._send(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.wire.close()

    async def _send(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        body = self.render(notification, watch.now_ms())
        answer = await self._settings.wire.send(self._settings.url, body)
        refusal = classify(answer, self._settings.parts.version, watch.now_ms())
        far_id = {"dedup_key": group_hash(notification), "told": remembered(notification)}
        return refusal or Sent(far_id, watch.now_ms())


def classify(answer: sender.Answer, version: event.Version, now_ms: int) -> Retry | Drop | None:
    """Say what an answer means; None where the event was taken.

    v1 says 403 where it is asked too often; 400 names what is wrong with the event.
    """
    if version == 1 and answer.status == 403:
        after_ms = sender.retry_after_ms(answer.headers, now_ms)
        return Retry("rateLimited", after_ms, "PagerDuty: HTTP 403: too many events")
    if answer.status == 400 and (said := decode(answer.text)):
        errors = said.get("errors")
        named = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
        text = sender.excerpt(f"{said.get('message', '')}: {named}".strip(": "))
        return Drop("clientError", f"PagerDuty: {text}")
    return sender.classify_status(answer.status, answer.headers, answer.text, now_ms)
