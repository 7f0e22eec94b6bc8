"""One request to Slack through its own client: what is asked, what came back."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from notifiers.fields import Secret
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


class _NoRedirects:
    """A session as slack-sdk uses one, that refuses to be sent elsewhere with a token."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @property
    def closed(self) -> bool:
        return self._session.closed

    def request(self, verb: str, url: str, **options: Any) -> Any:
        return self._session.request(verb, url, allow_redirects=False, **options)


class SlackClient:
    """slack-sdk with its retries, redirects and environment proxies off: delivery retries."""

    def __init__(
        self,
        secret: Secret,
        base_url: str | None,
        context: ssl.SSLContext,
        proxy: str | None,
        timeout_ms: int,
    ) -> None:
        """`secret` is a bot token where there is a `base_url`, else a webhook's URL."""
        self._secret = secret
        self._base_url = base_url
        self._context = context
        self._proxy = proxy
        self._timeout_s = timeout_ms / 1_000
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Answer:
        """Send one request. Raises OSError or aiohttp.ClientError where none answers."""
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        session = cast("aiohttp.ClientSession", _NoRedirects(self._session))
        if request.method == "webhook":
            return await self._post_webhook(session, request.body)
        return await self._call(session, request.method, request.body)

    async def close(self) -> None:
        """Give connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(
        self, session: aiohttp.ClientSession, method: str, body: Mapping[str, Any]
    ) -> Answer:
        assert self._base_url is not None, f"{method} without a Web API"
        client = AsyncWebClient(
            self._secret.read(), self._base_url, ssl=self._context, session=session,
            retry_handlers=[],
        )  # fmt: skip
        client.proxy = self._proxy  # it would take one from the environment
        try:
            answer = await client.api_call(method, json=dict(body))
        except SlackApiError as error:
            return _refusal(error.response)
        except (AttributeError, ValueError, TypeError):
            # The client's own failure on an answer that is not Slack's (a proxy's page).
            return Answer(False, 0, {}, "", {})
        return Answer(True, answer.status_code, {}, "", cast("dict[str, Any]", answer.data))

    async def _post_webhook(
        self, session: aiohttp.ClientSession, body: Mapping[str, Any]
    ) -> Answer:
        client = AsyncWebhookClient(
            self._secret.read(), ssl=self._context, session=session, retry_handlers=[]
        )
        client.proxy = self._proxy
        answer = await client.send_dict(dict(body))
        ok = answer.status_code == 200 and answer.body.strip() == "ok"
        error = "" if ok else excerpt(answer.body)
        return Answer(ok, answer.status_code, answer.headers, error, {})


def _refusal(response: Any) -> Answer:
    """Read what a SlackApiError carries: the SDK's response, or aiohttp's for a non-JSON body."""
    status: object = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    body = data if isinstance(data, dict) else {}
    error = body.get("error")
    headers = getattr(response, "headers", None) or {}
    return Answer(
        False,
        status if isinstance(status, int) else 0,
        headers,
        error if isinstance(error, str) else "",
        body,
    )
