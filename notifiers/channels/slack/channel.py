"""The Slack channel: what it reads of the file, what it sends for which notification."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast
from urllib.parse import urlsplit

import aiohttp

from engine import metrics
from notifiers import sender
from notifiers.changes import changes, told
from notifiers.channels.slack import answers, blocks
from notifiers.channels.slack.client import Answer, Request, SlackClient
from notifiers.channels.slack.settings import FIELDS, REFUSED, Settings, read
from notifiers.fields import Field, Report
from notifiers.message import compose, rank, without_outlived
from notifiers.notification import Global, Notification, Outcome, Sent
from notifiers.pacing import Pace

_PLAIN = metrics.counter(
    "tocsin_slack_plain_total", "Messages whose layout Slack refused; sent as plain text.", []
)


class Slack:
    """Posts to one channel of Slack."""

    fields: ClassVar[Mapping[str, Field]] = FIELDS
    refused: ClassVar[Mapping[str, str]] = REFUSED
    send_resolved_default: ClassVar[bool] = False
    pace: ClassVar[Pace] = Pace(per_second=1.0, burst=1)
    """Slack's: a message a second and channel; beyond it may disable the app, not only refuse."""

    has_key = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = SlackClient(
            settings.secret,
            settings.base_url,
            settings.context,
            settings.proxy,
            settings.timeout_ms,
        )
        self.destination = _destination(settings)

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of slack_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> tuple[Request, ...]:
        """Return what is to be sent, in order: a post, or an edit and its line in the thread."""
        body = self._body(notification, sent_ms)
        far = notification.previous or {}
        if not self._settings.base_url:
            return (Request("webhook", body),)
        if not (self._settings.update and far.get("ts") and far.get("channel")):
            return (Request("chat.postMessage", body),)
        place = {"channel": far["channel"], "ts": far["ts"]}
        edit = {name: body[name] for name in ("text", "blocks", "attachments")}
        requests = [Request("chat.update", {**place, **edit})]
        if reply := self._reply(notification, sent_ms):
            thread = {"channel": far["channel"], "thread_ts": far["ts"], **reply}
            requests.append(Request("chat.postMessage", thread))
        return tuple(requests)

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once: edits in place where it can, posts anew where the message is gone."""
        watch = sender.Stopwatch(now_ms)
        try:
            return await self._send_all(notification, watch)
        except (aiohttp.ClientError, OSError) as error:
            return sender.classify_error(error)

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()

    async def _send_all(self, notification: Notification, watch: sender.Stopwatch) -> Outcome:
        first, *later = self.render(notification, watch.now_ms())
        answer = await self._send(first)
        if not answer.ok and first.method == "chat.update" and answer.error in answers.GONE:
            body = self._body(notification, watch.now_ms())
            first, later = Request("chat.postMessage", body), []
            answer = await self._send(first)
        if not answer.ok:
            return self._refused(answer, watch)
        far = {name: str(answer.body[name]) for name in ("channel", "ts") if name in answer.body}
        for request in later:
            # The edit is idempotent: if its line is refused, both are sent again.
            follow = await self._send(request)
            if not follow.ok:
                return self._refused(follow, watch)
        far["told"] = told(without_outlived(notification.alerts))
        return Sent(far, watch.now_ms(), edited=first.method == "chat.update")

    async def _send(self, request: Request) -> Answer:
        answer = await self._client.send(request)
        if answer.error not in answers.UNFIT:
            return answer
        _PLAIN.inc()
        empty: dict[str, Any] = {"blocks": [], "attachments": []}
        body = {name: value for name, value in request.body.items() if name not in empty}
        if request.method == "chat.update":
            body |= empty  # else the old layout would stay
        return await self._client.send(Request(request.method, body))

    def _refused(self, answer: Answer, watch: sender.Stopwatch) -> Outcome:
        return answers.classify(answer.status, answer.headers, answer.error, watch.now_ms())

    def _body(self, notification: Notification, sent_ms: int) -> dict[str, Any]:
        message = compose(notification, sent_ms)
        body: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
        return {**self._settings.envelope, **body, **blocks.render(message)}

    def _reply(self, notification: Notification, sent_ms: int) -> dict[str, Any] | None:
        """Return the line of the thread, broadcast where somebody should look; None: no news."""
        known = (notification.previous or {}).get("told")
        found = changes(without_outlived(notification.alerts), known)
        reason = notification.reason
        look = reason in ("repeat interval elapsed", "new alerts added")
        if found is not None and reason != "repeat interval elapsed":
            if not (found.new or found.resolved or found.levels):
                return None
            look = bool(found.new) or any(rank(now) < rank(was) for was, now in found.levels)
        text = blocks.history_line(compose(notification, sent_ms))
        options = {"unfurl_links": False, "unfurl_media": False}
        return {"text": text, "reply_broadcast": look, **self._settings.author, **options}


def _destination(settings: Settings) -> str:
    """Name whom Slack paces: a channel; of a webhook only a short hash of its URL is shown."""
    if settings.base_url:
        host = urlsplit(settings.base_url).netloc
        return f"slack:{host}/{settings.envelope.get('channel', '')}"
    try:
        url = settings.secret.read()
    except OSError:
        return "slack:webhook"
    short = hashlib.sha256(url.encode()).hexdigest()[:8]
    return f"slack:{cast('str', urlsplit(url).hostname)}/{short}"
