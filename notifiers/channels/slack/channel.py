"""The Slack channel: what it reads of the file, what it sends for which notification."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from engine import metrics
from notifiers import sender
from notifiers.channels.outline import needs_a_look, remembered
from notifiers.channels.slack import answers, blocks
from notifiers.channels.slack.client import Answer, Request, ask
from notifiers.channels.slack.settings import Settings, read
from notifiers.channels.texts import Texts
from notifiers.channels.wire import destination, guarded
from notifiers.fields import Field, Report
from notifiers.message import compose
from notifiers.notification import Global, Notification, Outcome, Sent
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES

_PLAIN = metrics.counter(
    "tocsin_slack_plain_total", "Messages whose layout Slack refused; sent as plain text.", []
)


class Slack:
    """Posts to one channel of Slack."""

    fields: ClassVar[Mapping[str, Field]] = TYPES["slack"].fields
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = False
    pace: ClassVar[Pace] = Pace(per_second=1.0, burst=1)
    """Slack's: a message a second and channel; beyond it may disable the app, not only refuse."""

    has_key = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = _destination(settings)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of slack_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> tuple[Request, ...]:
        """Return what is to be sent, in order: a post, or an edit and its line in the thread.

        Raises texts.FieldError where a template cannot be expanded.
        """
        far = notification.previous or {}
        if not (self._settings.update and far.get("ts") and far.get("channel")):
            return (self._post(notification, sent_ms),)
        place = {"channel": far["channel"], "ts": far["ts"]}
        if self._settings.classic is not None:
            body = self._body(notification, sent_ms, edit=True)
            return (Request("chat.update", {**body, **place}),)
        body = blocks.render(compose(notification, sent_ms))
        requests = [Request("chat.update", {**place, **body})]
        if reply := self._reply(notification, sent_ms):
            thread = {"channel": far["channel"], "thread_ts": far["ts"], **reply}
            requests.append(Request("chat.postMessage", thread))
        return tuple(requests)

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once: edits in place where it can, posts anew where the message is gone."""
        return await guarded(self._send_all(notification, sender.Stopwatch(now_ms)))

    async def close(self) -> None:
        """Give connections back."""
        await self._settings.wire.close()

    async def _send_all(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        first, *later = self.render(notification, watch.now_ms())
        answer = await self._send(first)
        if not answer.ok and first.method == "chat.update" and answer.error in answers.GONE:
            first, later = self._post(notification, watch.now_ms()), []
            answer = await self._send(first)
        if not answer.ok:
            return self._refused(answer, watch)
        far = {name: str(answer.body[name]) for name in ("channel", "ts") if name in answer.body}
        for request in later:
            # The edit is idempotent: if its line is refused, both are sent again.
            follow = await self._send(request)
            if not follow.ok:
                return self._refused(follow, watch)
        far["told"] = remembered(notification)
        return Sent(far, watch.now_ms(), edited=first.method == "chat.update")

    async def _send(self, request: Request) -> Answer:
        answer = await ask(self._settings.door, self._settings.wire, request)
        if answer.error not in answers.UNFIT:
            return answer
        _PLAIN.inc()
        plain = Request(request.method, blocks.plain(request.body))
        return await ask(self._settings.door, self._settings.wire, plain)

    def _refused(self, answer: Answer, watch: sender.Stopwatch) -> Outcome:
        return answers.classify(answer.status, answer.headers, answer.error, watch.now_ms())

    def _post(self, notification: Notification, sent_ms: int) -> Request:
        method = self._settings.door.way == "bot"
        body = self._body(notification, sent_ms, edit=False)
        return Request("chat.postMessage" if method else "webhook", body)

    def _body(self, notification: Notification, sent_ms: int, *, edit: bool) -> dict[str, Any]:
        names: dict[str, Any] = self._author(notification, sent_ms)
        if self._settings.link_names:
            names["link_names"] = True
        if self._settings.classic is not None:
            return {**names, **self._settings.classic.render(notification, sent_ms, edit=edit)}
        options = {"unfurl_links": False, "unfurl_media": False}
        return {**names, **options, **blocks.render(compose(notification, sent_ms))}

    def _author(self, notification: Notification, sent_ms: int) -> dict[str, str]:
        """Return channel, name and icon of a post, as far as they are set and not empty."""
        texts = Texts(self._settings.author, notification, sent_ms)
        told_ = {name: texts.get(name) for name in self._settings.author}
        return {name: text for name, text in told_.items() if text}

    def _reply(self, notification: Notification, sent_ms: int) -> dict[str, Any] | None:
        """Return the line of the thread, broadcast where somebody should look; None: no news."""
        look = needs_a_look(notification)
        if look is None:
            return None
        text = blocks.history_line(notification, sent_ms)
        author = self._author(notification, sent_ms)
        author.pop("channel", None)
        options = {"unfurl_links": False, "unfurl_media": False}
        return {"text": text, "reply_broadcast": look, **author, **options}


def _destination(settings: Settings) -> str:
    """Name whom Slack paces: a channel; of a webhook only a short hash of its URL is shown."""
    door = settings.door
    if door.way != "bot":
        return destination("slack", door.url)
    channel = settings.author.get("channel")
    return f"slack:{urlsplit(door.base_url).netloc}/{channel.source if channel else ''}"
