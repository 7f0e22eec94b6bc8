"""A stand-in of Slack: the demo's far side, and what the tests send to.

It refuses what Slack refuses, by Slack's names, and helps with nothing: a message sent twice is
there twice, a channel is paced at one message a second, an edit of what it does not know fails.
It keeps what was accepted, bounded, with every edit.
"""

import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.clock import Clock
from engine.demo import slack_rules
from engine.demo.slack_rules import Refusal

POSTS_PER_SECOND = 1.0
POSTS_BURST = 4
UPDATES_PER_SECOND = 50 / 60  # "Tier 3": 50 a minute
UPDATES_BURST = 20
REQUEST_BYTES_MAX = 1_000_000

Author = Literal["bot", "webhook"]


@dataclass(slots=True)
class Channel:
    """One channel of the workspace."""

    id: str  # "C0000000001"
    name: str  # "alerts"
    member: bool = True  # the bot is in it
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A message's content at one time."""

    at_ms: int
    body: Mapping[str, Any]


@dataclass(slots=True)
class Posted:
    """One accepted message; the last version is what people see now."""

    channel: str
    ts: str
    author: Author
    thread_ts: str | None
    broadcast: bool
    versions: list[Version] = field(default_factory=list)

    @property
    def body(self) -> Mapping[str, Any]:
        """What it shows now."""
        return self.versions[-1].body

    @property
    def posted_ms(self) -> int:
        """When it was posted."""
        return self.versions[0].at_ms


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what became of it."""

    at_ms: int
    method: str  # "chat.postMessage", "webhook" ...
    body: Mapping[str, Any]
    error: str  # "" where it was accepted


Hook = Callable[[str, Mapping[str, Any]], Awaitable[Response | None]]
"""Called with a method and its body; a response of it is sent instead of the stand-in's own."""


class _Bucket:
    """A token bucket as the far side keeps one: says how long to wait, in whole seconds."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._tokens, self._at_ms = float(burst), 0

    def take(self, now_ms: int) -> int:
        passed_s = max(0, now_ms - self._at_ms) / 1_000
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_second)
        self._at_ms = now_ms
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self._per_second))


class SlackStandIn:
    """One workspace: channels, tokens, webhooks and what was posted."""

    def __init__(self, clock: Clock, *, versions_max: int = 200, messages_max: int = 2_000) -> None:
        self._clock = clock
        self._versions_max = versions_max
        self._messages_max = messages_max
        self.channels: dict[str, Channel] = {}
        self.tokens: set[str] = set()
        self.revoked: set[str] = set()
        self.hooks: dict[str, str] = {}  # "T0/B0/secret" -> channel id
        self.messages: deque[Posted] = deque()  # oldest first
        self.calls: deque[Call] = deque(maxlen=10_000)
        self.before: Hook | None = None
        """Failure injection: answers instead of the stand-in, before anything is recorded."""
        self.after: Hook | None = None
        """Failure injection: answers after the message was recorded (the answer is lost)."""
        self.changes = 0
        """Rises with every accepted message and edit."""
        self._buckets: dict[str, _Bucket] = {}
        self._last_ts = (0, 0)

    def add_channel(self, name: str, *, member: bool = True, archived: bool = False) -> Channel:
        """Make a channel and return it."""
        channel = Channel(f"C{len(self.channels) + 1:010d}", name.lstrip("#"), member, archived)
        self.channels[channel.id] = channel
        return channel

    def posted(self, channel: str | None = None) -> list[Posted]:
        """Return the messages of a channel (by id), or of all, oldest first, without replies."""
        return [one for one in self.messages if not one.thread_ts and _in(one, channel)]

    def replies(self, ts: str) -> list[Posted]:
        """Return a message's thread, oldest first."""
        return [one for one in self.messages if one.thread_ts == ts]

    def app(self) -> Starlette:
        """Return its HTTP face: /api/<method> and /services/T/B/X."""
        return Starlette(routes=self.routes())

    def routes(self) -> list[Route]:
        """Return its routes, to be mounted anywhere."""
        return [
            Route("/api/{method}", self._api, methods=["POST"]),
            Route("/services/{team}/{bot}/{secret}", self._webhook, methods=["POST"]),
        ]

    # The Web API

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        body = await _read(request)
        if isinstance(body, Refusal):
            return self._answer(method, {}, body)
        if self.before and (injected := await self.before(method, body)):
            return injected
        if refusal := self._refuse_token(request, body):
            return self._answer(method, body, refusal)
        if method == "auth.test":
            return JSONResponse({"ok": True, "team": "Demo", "user": "tocsin", "user_id": "U1"})
        if method not in ("chat.postMessage", "chat.update"):
            return self._answer(method, body, Refusal("unknown_method"))
        done = self._post(body) if method == "chat.postMessage" else self._update(body)
        if self.after and isinstance(done, Posted) and (lost := await self.after(method, body)):
            return lost
        return self._answer(method, body, done)

    def _refuse_token(self, request: Request, body: Mapping[str, Any]) -> Refusal | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else str(body.get("token", ""))
        if not token:
            return Refusal("not_authed")
        if token in self.revoked:
            return Refusal("token_revoked")
        return None if token in self.tokens else Refusal("invalid_auth")

    def _post(self, body: Mapping[str, Any]) -> Posted | Refusal | int:
        channel = self._channel(body.get("channel"))
        if isinstance(channel, Refusal):
            return channel
        if refusal := slack_rules.refuse(body, slack_rules.POST_TEXT_MAX):
            return refusal
        thread_ts = body.get("thread_ts")
        if thread_ts is not None and self._find(channel.id, str(thread_ts)) is None:
            return Refusal("thread_not_found")
        if wait_s := self._take(f"post:{channel.id}", POSTS_PER_SECOND, POSTS_BURST):
            return wait_s
        return self._record(channel, body, "bot")

    def _update(self, body: Mapping[str, Any]) -> Posted | Refusal | int:
        channel = self.channels.get(str(body.get("channel")))  # by id only
        if channel is None:
            return Refusal("channel_not_found")
        if wait_s := self._take("update", UPDATES_PER_SECOND, UPDATES_BURST):
            return wait_s
        message = self._find(channel.id, str(body.get("ts")))
        if message is None:
            return Refusal("message_not_found")
        if message.author != "bot":
            return Refusal("cant_update_message")
        if refusal := slack_rules.refuse(body, slack_rules.UPDATE_TEXT_MAX):
            return refusal
        # What an edit does not name stays as it was.
        now = {**message.body, **{name: body[name] for name in _CONTENT if name in body}}
        message.versions.append(Version(self._clock(), now))
        del message.versions[1 : len(message.versions) - self._versions_max + 1]
        self.changes += 1
        return message

    def _channel(self, wanted: object) -> Channel | Refusal:
        name = str(wanted or "").lstrip("#")
        channel = self.channels.get(name) or next(
            (one for one in self.channels.values() if one.name == name), None
        )
        if channel is None:
            return Refusal("channel_not_found")
        if channel.archived:
            return Refusal("is_archived")
        return channel if channel.member else Refusal("not_in_channel")

    def _answer(
        self, method: str, body: Mapping[str, Any], done: Posted | Refusal | int
    ) -> Response:
        if isinstance(done, int):
            self._called(method, body, "ratelimited")
            answer = {"ok": False, "error": "ratelimited"}
            return JSONResponse(answer, status_code=429, headers={"Retry-After": str(done)})
        if isinstance(done, Refusal):
            self._called(method, body, done.error)
            answer = {"ok": False, "error": done.error}
            if done.messages:
                answer |= {"response_metadata": {"messages": list(done.messages)}}
            return JSONResponse(answer)
        self._called(method, body, "")
        message = {"type": "message", "ts": done.ts, **done.body}
        return JSONResponse(
            {"ok": True, "channel": done.channel, "ts": done.ts, "message": message}
        )

    # Incoming webhooks

    async def _webhook(self, request: Request) -> Response:
        team, bot, secret = (request.path_params[name] for name in ("team", "bot", "secret"))
        body = await _read_hook(request)
        if isinstance(body, Refusal):
            return self._webhook_answer({}, "invalid_payload", 400)
        if self.before and (injected := await self.before("webhook", body)):
            return injected
        channel_id = self.hooks.get(f"{team}/{bot}/{secret}")
        if channel_id is None:
            known = any(hook.startswith(f"{team}/{bot}/") for hook in self.hooks)
            return self._webhook_answer(
                body, *(("invalid_token", 403) if known else ("no_service", 404))
            )
        channel = self.channels[channel_id]
        if channel.archived:
            return self._webhook_answer(body, "channel_is_archived", 410)
        if refusal := slack_rules.refuse(body, slack_rules.POST_TEXT_MAX):
            return self._webhook_answer(body, refusal.error, 400)
        if wait_s := self._take(f"post:{channel.id}", POSTS_PER_SECOND, POSTS_BURST):
            return self._webhook_answer(body, "rate_limited", 429, {"Retry-After": str(wait_s)})
        self._record(channel, {**body, "thread_ts": None}, "webhook")
        if self.after and (lost := await self.after("webhook", body)):
            return lost
        return self._webhook_answer(body, "ok", 200)

    def _webhook_answer(
        self,
        body: Mapping[str, Any],
        text: str,
        status: int,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        self._called("webhook", body, "" if status == 200 else text)
        return PlainTextResponse(text, status_code=status, headers=headers)

    # What both share

    def _take(self, name: str, per_second: float, burst: int) -> int:
        bucket = self._buckets.setdefault(name, _Bucket(per_second, burst))
        return bucket.take(self._clock())

    def _record(self, channel: Channel, body: Mapping[str, Any], author: Author) -> Posted:
        now_ms = self._clock()
        second, count = self._last_ts
        self._last_ts = (
            (now_ms // 1_000, count + 1) if now_ms // 1_000 == second else (now_ms // 1_000, 1)
        )
        thread_ts = body.get("thread_ts")
        message = Posted(
            channel=channel.id,
            ts=f"{self._last_ts[0]}.{self._last_ts[1]:06d}",
            author=author,
            thread_ts=None if thread_ts is None else str(thread_ts),
            broadcast=bool(body.get("reply_broadcast")),
            versions=[Version(now_ms, {k: body[k] for k in _KEPT if k in body})],
        )
        self.messages.append(message)
        while len(self.messages) > self._messages_max:
            self.messages.popleft()
        self.changes += 1
        return message

    def _find(self, channel_id: str, ts: str) -> Posted | None:
        return next((m for m in self.messages if (m.channel, m.ts) == (channel_id, ts)), None)

    def _called(self, method: str, body: Mapping[str, Any], error: str) -> None:
        self.calls.append(Call(self._clock(), method, body, error))


_CONTENT = ("text", "blocks", "attachments")
_KEPT = (*_CONTENT, "username", "icon_emoji", "icon_url")


def _in(message: Posted, channel: str | None) -> bool:
    return channel is None or message.channel == channel


async def _read_hook(request: Request) -> dict[str, Any] | Refusal:
    """Read a webhook's body: JSON, or a form whose field `payload` is JSON."""
    raw = await request.body()
    try:
        if raw.startswith(b"payload="):
            raw = parse_qs(raw.decode())["payload"][0].encode()
        body = json.loads(raw)
    except (ValueError, UnicodeDecodeError):
        return Refusal("invalid_payload")
    fits = isinstance(body, dict) and len(raw) <= REQUEST_BYTES_MAX
    return body if fits else Refusal("invalid_payload")


async def _read(request: Request) -> dict[str, Any] | Refusal:
    """Read a body as Slack does: JSON, or a form whose nested fields are JSON."""
    raw = await request.body()
    if len(raw) > REQUEST_BYTES_MAX:
        return Refusal("invalid_post_type")
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            body = json.loads(raw)
            return body if isinstance(body, dict) else Refusal("json_not_object")
        form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        return {k: json.loads(v) if k in ("blocks", "attachments") else v for k, v in form.items()}
    except (ValueError, UnicodeDecodeError):
        return Refusal("invalid_json")
