"""The Telegram channel: one message a group, edited in place, and its changes as answers to it.

An edit notifies nobody. What must be heard answers the message aloud, what calms answers silently.
Where the file has a `message` of its own, each notification is a message, as with Alertmanager.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from engine import metrics
from notifiers import sender
from notifiers.channels.outline import Outline, needs_a_look, outline, remembered
from notifiers.channels.telegram import answers, text
from notifiers.channels.telegram.settings import FIELDS, Settings, read
from notifiers.channels.texts import FieldError, Texts, cut_units, units
from notifiers.channels.wire import destination, guarded
from notifiers.fields import Field, Report, Secret
from notifiers.notification import Global, Notification, Outcome, Sent
from notifiers.pacing import Pace

_NO_PREVIEW: Mapping[str, Any] = {"link_preview_options": {"is_disabled": True}}

_PLAIN = metrics.counter(
    "tocsin_telegram_plain_total", "Messages whose markup Telegram refused; sent as text.", []
)

PACE_GROUP = Pace(per_second=0.25, burst=5)
"""Telegram's: 20 messages a minute and group."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, without the bot's token."""

    method: Literal["sendMessage", "editMessageText"]
    body: Mapping[str, Any]


class Telegram:
    """Sends as a bot to one chat."""

    fields: ClassVar[Mapping[str, Field]] = FIELDS
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True

    has_key = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        chat = settings.chat if isinstance(settings.chat, Secret) else str(settings.chat)
        self.destination = destination("telegram", settings.url, chat)
        self.pace = Pace(per_second=1.0, burst=1) if settings.is_private else PACE_GROUP

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of telegram_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> tuple[Request, ...]:
        """Return what is to be sent, in order: a message, or an edit and an answer to it.

        Raises FieldError, and OSError for the file of the chat's id.
        """
        settings = self._settings
        read = outline(notification, sent_ms)
        body = self._body(Texts({}, notification, sent_ms), read)
        message = (notification.previous or {}).get("message_id", "")
        place = {"chat_id": settings.chat_id()}
        if not (settings.update and message.isdecimal()):
            return (Request("sendMessage", {**place, **self._options(), **body}),)
        edit = {**place, "message_id": int(message), **body, **_NO_PREVIEW}
        requests = [Request("editMessageText", edit)]
        aloud = needs_a_look(notification)
        if aloud is not None:
            options = self._options(silent=not aloud)
            reply = {"message_id": int(message), "allow_sending_without_reply": True}
            answer = {"text": text.line(read), "parse_mode": "HTML", "reply_parameters": reply}
            requests.append(Request("sendMessage", {**place, **options, **answer}))
        return tuple(requests)

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once: edits in place where it can, sends anew where the message is gone."""
        return await guarded(self._send_all(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.wire.close()

    async def _send_all(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        first, *later = self.render(notification, watch.now_ms())
        answer = await self._send(first)
        if first.method == "editMessageText" and answers.is_gone(answer):
            anew = replace(notification, previous=None)
            (first,), later = self.render(anew, watch.now_ms()), []
            answer = await self._send(first)
        if refusal := answers.classify(answer, watch.now_ms()):
            return refusal
        edited = first.method == "editMessageText"
        number = str(first.body["message_id"]) if edited else answers.message_id(answer)
        for request in later:
            # The edit is idempotent: if its answer is refused, both are sent again.
            if refusal := answers.classify(await self._send(request), watch.now_ms()):
                return refusal
        far_id = {"message_id": number, "told": remembered(notification)}
        return Sent(far_id, watch.now_ms(), edited=edited)

    async def _send(self, request: Request) -> sender.Answer:
        """Send one request; what Telegram can work round is sent once more."""
        answer = await self._post(request)
        if (chat := answers.moved_to(answer)) is not None:
            request = replace(request, body={**request.body, "chat_id": chat})
            answer = await self._post(request)
        if answers.is_markup(answer) and request.body.get("parse_mode"):
            _PLAIN.inc()
            body = dict(request.body)
            mode = body.pop("parse_mode")
            body["text"] = text.plain(body["text"]) if mode == "HTML" else body["text"]
            answer = await self._post(replace(request, body=body))
        return answer

    async def _post(self, request: Request) -> sender.Answer:
        settings = self._settings
        return await settings.wire.send(settings.method_url(request.method), request.body)

    def _body(self, texts: Texts, read: Outline) -> dict[str, Any]:
        settings = self._settings
        if settings.message is None:
            return {"text": text.render(read), "parse_mode": "HTML"}
        shown = texts.expand("message", settings.message)
        if not shown.strip():
            raise FieldError("message", "the template says nothing for this group")
        if settings.mode == "HTML" and units(shown) > text.TEXT_UNITS_MAX:
            return {"text": text.plain(shown)}  # cut markup would be refused
        shown = cut_units(shown, text.TEXT_UNITS_MAX)
        return {"text": shown, **({"parse_mode": settings.mode} if settings.mode else {})}

    def _options(self, *, silent: bool = False) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = dict(_NO_PREVIEW)
        if settings.silent or silent:
            options["disable_notification"] = True
        if settings.thread:
            options["message_thread_id"] = settings.thread
        return options
