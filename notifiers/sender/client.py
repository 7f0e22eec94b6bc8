"""A client for one integration, and one POST with an answer of bounded size."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import NamedTuple

import httpx

from notifiers.egress import EGRESS_DEFAULT, Egress
from notifiers.sender.transport import USER_AGENT, Transport

TIMEOUT_MS = 10_000
"""For one attempt, where the file says none: Alertmanager's default is to wait for ever."""

ANSWER_BYTES_MAX = 262_144
"""How much of an answer is read: a chat service sends the whole message back."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in any case, httpx's
    text: str  # the first ANSWER_BYTES_MAX bytes


def http_client(
    http: Mapping[str, object] | None,
    context: ssl.SSLContext,
    timeout_ms: int = TIMEOUT_MS,
    egress: Egress = EGRESS_DEFAULT,
    *,
    templated_host: bool = False,
) -> httpx.AsyncClient:
    """Return a client for one integration.

    It adds what the http_config asks for (Authorization unless the request has one, OAuth2,
    http_headers, proxies), follows no redirects and takes nothing from the environment.
    `templated_host`: a template makes the host, so only public addresses are connected to.
    """
    return httpx.AsyncClient(
        transport=Transport(http, context, egress, templated=templated_host),
        timeout=httpx.Timeout(timeout_ms / 1_000),
        follow_redirects=False,
        trust_env=False,
        # Answers are read as they come: a bounded text must not unpack to an endless one.
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


async def post(
    client: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "POST",
) -> Answer:
    """Send one request and read the start of the answer, within the client's timeout for all of it.

    A body that breaks off is returned as far as it came: the status has said what became of the
    notification. Raises what answers.ERRORS names; give that to `classify_error`.
    """
    loop = asyncio.get_running_loop()
    limit_s, started_s = client.timeout.read, loop.time()
    request = client.build_request(method, url, headers=headers, content=body)
    async with asyncio.timeout(limit_s):
        response = await client.send(request, stream=True)
    try:
        left_s = None if limit_s is None else max(limit_s - (loop.time() - started_s), 0.05)
        text = await _start(response, left_s)
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, text)


async def _start(response: httpx.Response, left_s: float | None) -> str:
    answer = bytearray()
    try:
        async with asyncio.timeout(left_s):
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) >= ANSWER_BYTES_MAX:
                    break
    except (httpx.HTTPError, TimeoutError):
        pass
    return answer[:ANSWER_BYTES_MAX].decode("utf-8", "replace")


def host_is_templated(source: str) -> bool:
    """Say whether a template makes the host (or the scheme, or the user) of a URL."""
    before, found, rest = source.partition("://")
    if "{{" in before or not found:
        return "{{" in source
    end = min((at for sign in "/?#" if (at := rest.find(sign)) >= 0), default=len(rest))
    return "{{" in rest[:end]
