"""One request to Slack through its own client, slack-sdk: what is asked, what came back.

slack-sdk knows Slack's requests; they travel by our sender, so that http_config (OAuth2, headers,
proxies by host) and the rules on egress hold here as for every channel. It takes a session to send
by, and ours is one. Its retries are off: delivery retries.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from notifiers.channels.slack.settings import Door
from notifiers.channels.wire import Wire, encode
from notifiers.sender import Answer as Received
from notifiers.sender import excerpt

Method = Literal["chat.postMessage", "chat.update", "webhook"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, as Slack documents it."""

    method: Method
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack said. `error` is its name for it: "" where all is well or it gave none."""

    ok: bool
    status: int
    headers: Mapping[str, str]
    error: str
    body: Mapping[str, Any]


class _Response:
    """An answer as slack-sdk reads one of aiohttp's."""

    content_type = "application/json"  # so that it tries to read any answer as Slack's

    def __init__(self, received: Received) -> None:
        self.status, self.headers, self._text = received

    async def text(self) -> str:
        return self._text

    async def json(self) -> object:
        return json.loads(self._text)


class _Session:
    """A session as slack-sdk uses one: one request, by our wire."""

    closed = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.received: Received | None = None

    @asynccontextmanager
    async def request(
        self, verb: str, url: str, *, headers: Mapping[str, str], json: object = None,
        data: str = "", **_options: object,
    ) -> AsyncIterator[_Response]:  # fmt: skip
        raw = data.encode("utf-8", "replace") if json is None else encode(cast("Any", json))
        self.received = await self._wire.send_bytes(url, raw, method=verb, headers=headers)
        yield _Response(self.received)


async def ask(door: Door, wire: Wire, request: Request) -> Answer:
    """Send one request through a door. Raises what sender.ERRORS names."""
    ours = _Session(wire)
    session = cast("ClientSession", ours)
    try:
        if door.way == "bot":
            token = door.token.read() if door.token is not None else None
            client = AsyncWebClient(token, door.base_url, session=session, retry_handlers=[])
            client.proxy = None  # it takes one from the environment
            await client.api_call(request.method, json=dict(request.body))
        else:
            webhook = AsyncWebhookClient(door.url.read(), session=session, retry_handlers=[])
            await webhook.send_dict(dict(request.body))
    except (SlackApiError, AttributeError, TypeError, ValueError):
        # What it says of a refusal, or of a page that is not Slack's: the answer is read below.
        if ours.received is None:
            raise
    assert ours.received is not None, f"slack-sdk did not send {request.method}"
    return read_answer(*ours.received)


def read_answer(status: int, headers: Mapping[str, str], text: str) -> Answer:
    """Read an answer: JSON with `ok` and `error` of the Web API, the word `ok` of a webhook."""
    said = _object(text)
    if said is not None and "ok" in said:
        ok = status < 300 and said["ok"] is True
        error = said.get("error")
        return Answer(ok, status, headers, error if isinstance(error, str) else "", said)
    ok = status < 300 and text.strip() == "ok"
    return Answer(ok, status, headers, "" if ok else excerpt(text), {})


def _object(text: str) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
