"""JSON over HTTP, as the services of on-call teams and chats take it: shared by their channels."""

import hashlib
import json
from collections.abc import Awaitable, Mapping
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx

from notifiers import sender
from notifiers.channels.texts import FieldError
from notifiers.fields import Report, Secret
from notifiers.notification import Drop, Global, Outcome

Body = Mapping[str, Any]


class Wire:
    """One integration's way out: credentials, proxy and TLS of its http_config."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def of(cls, values: Mapping[str, object], global_: Global, report: Report) -> Self | None:
        """Build it from an entry's `http_config` and `timeout`; what is wrong is reported."""
        own = cast("Mapping[str, object] | None", values.get("http_config"))
        http = global_.http_config if own is None else own
        context = sender.checked_http(http, report)
        if context is None:
            return None
        timeout_ms = cast("int", values.get("timeout") or 0) or sender.TIMEOUT_MS
        return cls(sender.http_client(http, context, timeout_ms, global_.egress))

    async def send(
        self,
        url: str,
        body: Body,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> sender.Answer:
        """Send one request. Raises sender.ERRORS."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        return await self.send_bytes(url, encode(body), method=method, headers=sent)

    async def send_bytes(
        self, url: str, body: bytes, *, method: str, headers: Mapping[str, str]
    ) -> sender.Answer:
        """Send one request whose headers and bytes a service's own client has made."""
        return await sender.post(self._client, url, headers, body, method=method)

    async def close(self) -> None:
        """Give connections back."""
        await self._client.aclose()


async def guarded(attempt: Awaitable[Outcome]) -> Outcome:
    """Return what became of an attempt; templates and the network raise here for the last time."""
    try:
        return await attempt
    except FieldError as error:
        return Drop("clientError", str(error))
    except sender.ERRORS as error:
        return sender.classify_error(error)


def encode(body: Body) -> bytes:
    """Return the bytes of a JSON body."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def decode(text: str) -> Mapping[str, Any]:
    """Return an answer's JSON object; {} where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def destination(kind: str, url: str | Secret, more: str | Secret = "") -> str:
    """Name whom a service paces, by host and a short hash: the rest may be a secret."""
    try:
        address = url.read() if isinstance(url, Secret) else url
        whole = address + (more.read() if isinstance(more, Secret) else more)
    except (OSError, UnicodeError):
        return f"{kind}:unread"
    short = hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:8]
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return f"{kind}:{host or 'nowhere'}/{short}"
