"""The Discord channel: one message a group, edited in place, and a short one for each change.

An edit notifies nobody. What must be heard is said aloud, what calms silently. Where the file has a
`message` of its own, each notification is a message, as with Alertmanager.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from notifiers import sender
from notifiers.channels.discord import embed
from notifiers.channels.outline import needs_a_look, outline, remembered
from notifiers.channels.texts import Texts, chosen
from notifiers.channels.wire import Wire, decode, destination, guarded
from notifiers.fields import Field, Report, Secret, Templated
from notifiers.notification import Drop, Global, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES

GONE = frozenset({10003, 10008, 50005})
"""Codes of Discord: no such channel (a thread), no such message, a message of somebody else."""

_REMEDIES = {
    10015: "the webhook was deleted; create a new one",
    50027: "the webhook's token is wrong; copy its URL again",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `message` is the one that is edited."""

    method: Literal["POST", "PATCH"]
    message: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of discord_configs, understood."""

    url: Secret
    texts: Mapping[str, Templated]
    update: bool
    wire: Wire


class Discord:
    """Posts to one webhook of Discord."""

    fields: ClassVar[Mapping[str, Field]] = {
        **TYPES["discord"].fields,
        "update_message": Field("bool"),
    }
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = True
    pace: ClassVar[Pace] = Pace(per_second=0.4, burst=5)
    """Discord's: 30 messages a minute and webhook, five of them at once."""

    has_key = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = destination("discord", settings.url)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of discord_configs; what is wrong is reported."""
        wire = Wire.of(values, global_, report)
        url = cast("Secret | None", values.get("webhook_url"))
        if url is None or wire is None:
            return None  # without a URL there is a finding of its field
        texts = chosen(values, embed.DEFAULTS, global_.templates)
        update = cast("bool | None", values.get("update_message"))
        settings = Settings(
            url=url,
            texts=texts,
            update="message" not in texts if update is None else update,
            wire=wire,
        )
        return cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> tuple[Request, ...]:
        """Return what is to be sent, in order: a post, or an edit and its line."""
        settings = self._settings
        texts = Texts(settings.texts, notification, sent_ms)
        read = outline(notification, sent_ms)
        body = embed.render(texts, read)
        message = (notification.previous or {}).get("id", "")
        if not (settings.update and message.isdecimal()):
            return (Request("POST", "", {**body, **embed.author(texts)}),)
        edit = Request("PATCH", message, body)
        aloud = needs_a_look(notification)
        if aloud is None:
            return (edit,)
        line = embed.line(texts, read, aloud=aloud)
        return edit, Request("POST", "", {**line, **embed.author(texts)})

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once: edits in place where it can, posts anew where the message is gone."""
        return await guarded(self._send_all(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.wire.close()

    async def _send_all(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        first, *later = self.render(notification, watch.now_ms())
        answer = await self._send(first)
        if first.method == "PATCH" and _code(answer) in GONE:
            anew = replace(notification, previous=None)
            (first,), later = self.render(anew, watch.now_ms()), []
            answer = await self._send(first)
        if refusal := classify(answer, watch.now_ms()):
            return refusal
        message = first.message or str(decode(answer.text).get("id") or "")
        for request in later:
            # The edit is idempotent: if its line is refused, both are sent again.
            if refusal := classify(await self._send(request), watch.now_ms()):
                return refusal
        far_id = {"id": message, "told": remembered(notification)}
        return Sent(far_id, watch.now_ms(), edited=first.method == "PATCH")

    async def _send(self, request: Request) -> sender.Answer:
        url = address(self._settings.url.read(), request.message)
        return await self._settings.wire.send(url, request.body, method=request.method)


def address(url: str, message: str) -> str:
    """Return a webhook's URL for a new message, which shall be told its id, or for an edit."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "wait"]
    path = parts.path.rstrip("/")
    if message:
        path = f"{path}/messages/{message}"
    else:
        query.append(("wait", "true"))
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), ""))


def classify(answer: sender.Answer, now_ms: int) -> Retry | Drop | None:
    """Say what an answer means; None where the message was taken.

    Discord says how long to wait in seconds with a fraction, in its body.
    """
    said = decode(answer.text)
    if answer.status == 429:
        after = said.get("retry_after")
        told_ms = (
            round(after * 1_000) if isinstance(after, int | float) and 0 <= after < 1e9 else None
        )
        after_ms = sender.retry_after_ms(answer.headers, now_ms) if told_ms is None else told_ms
        return Retry("rateLimited", after_ms, "Discord: HTTP 429: too many messages")
    code = _code(answer)
    if code in _REMEDIES:
        return Drop("authError", f"Discord: HTTP {answer.status}: {_REMEDIES[code]}")
    return sender.classify_status(answer.status, answer.headers, answer.text, now_ms)


def _code(answer: sender.Answer) -> int:
    """Return Discord's number for an error; 0 where it gave none."""
    code = decode(answer.text).get("code") if answer.status >= 400 else 0
    return code if isinstance(code, int) else 0
