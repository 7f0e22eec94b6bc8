"""Ask the worker that owns the notifier, because any worker answers HTTP.

**Invariant:** a request makes at most one hop; answers are bounded in size and time.
"""

import asyncio
from collections.abc import Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import Refusal, unavailable
from engine.api.deps import ApiDeps
from engine.errors import TocsinError

HOP_HEADER = "tocsin-hop"
ANSWER_BYTES_MAX = 64_000_000
_TIMEOUT_S = 10.0
_HOPS_MAX = 32
_SENT_ON = ("authorization", "accept", "content-type", "if-none-match")
_HANDED_BACK = (
    "content-type", "etag", "cache-control", "retry-after", "content-security-policy", "warning",
)  # fmt: skip


def base_url(url: str, deps: ApiDeps) -> str:
    """Return what the paths of another worker begin with; all workers have one route prefix."""
    base, prefix = url.rstrip("/"), deps.settings.route_prefix
    return base if base.endswith(prefix) else base + prefix


class Proxy:
    """One client for all hops, made at first use, closed with the app."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections to other workers."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def forward(self, request: Request, deps: ApiDeps, body: bytes = b"") -> Response:
        """Hand a request to the notifier's owner. Raises Refusal (503) while it moves."""
        url = self._target(request, deps)
        headers = self._headers(request, deps)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        method = "GET" if request.method == "HEAD" else request.method  # the length is in the body
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._exchange(method, url + path, headers, body)
                request.state.handed_on = True  # who carried it out writes it down, see audit.py
                return answer
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise unavailable(
                f"the worker that owns the notifier does not answer ({type(error).__name__}); "
                "it may be moving"
            ) from error

    async def applied_elsewhere(self, request: Request, deps: ApiDeps, offset: int) -> bool:
        """Wait until the owner has applied an offset; False where it cannot be asked."""
        try:
            url = self._target(request, deps)
            headers = self._headers(request, deps)
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._exchange("GET", f"{url}/-/applied?offset={offset}", headers)
        except (Refusal, TocsinError, httpx.HTTPError, TimeoutError, OSError):
            return False
        return answer.status_code == 200

    @staticmethod
    def is_hop(request: Request) -> bool:
        """Say whether another worker sent this: then nobody else is asked."""
        return HOP_HEADER in request.headers

    async def ask(self, url: str, request: Request, deps: ApiDeps, body: bytes) -> bytes | None:
        """Ask another worker the same; None where it does not answer."""
        there = base_url(url, deps) + request.url.path
        return await self._asked(request.method, there, self._headers(request, deps), body)

    async def look(
        self, url: str, path: str, request: Request, deps: ApiDeps, timeout_s: float
    ) -> bytes | None:
        """Get another worker's page for whoever asks here; None where it does not answer."""
        there = base_url(url, deps) + path
        return await self._asked("GET", there, self._headers(request, deps), b"", timeout_s)

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes,
        timeout_s: float = _TIMEOUT_S,
    ) -> bytes | None:  # fmt: skip
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._exchange(method, url, headers, body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
            return None
        return bytes(answer.body) if answer.status_code == 200 else None

    def _target(self, request: Request, deps: ApiDeps) -> str:
        if HOP_HEADER in request.headers:
            raise unavailable("the notifier is moving between workers; try again")
        url = deps.notifier_url()
        if url is None:
            raise unavailable("no worker owns the notifier yet; try again")
        return base_url(url, deps)

    def _headers(self, request: Request, deps: ApiDeps) -> Mapping[str, str]:
        headers = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
        headers[HOP_HEADER] = deps.settings.instance_id.encode("ascii", "replace").decode()
        return headers

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Response:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                timeout=_TIMEOUT_S,
                limits=httpx.Limits(max_connections=_HOPS_MAX),
                trust_env=False,  # between workers no proxy of the environment is wanted
            )
        request = self._client.build_request(method, url, headers=headers, content=body)
        answer = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > ANSWER_BYTES_MAX:
                    raise httpx.ReadError("the answer is too large")
        finally:
            await answer.aclose()
        kept = {name: answer.headers[name] for name in _HANDED_BACK if name in answer.headers}
        return Response(bytes(content), answer.status_code, kept)
