"""What holds for every request: how many at once, from where, and headers of every answer."""

import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.api.body import Refusal, unavailable
from engine.api.deps import ApiDeps
from engine.api.prefix import PROBES
from engine.metrics import counter, gauge, histogram

ROUTE_KEY = "tocsin.route"
"""Where the app notes the pattern that matched, in the ASGI scope."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set where an endpoint did not set its own."""

_ALWAYS = PROBES | {"/metrics"}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

REQUESTS = counter("tocsin_http_requests_total", "Requests by route and status.", ["route", "code"])
SECONDS = histogram(
    "tocsin_http_request_seconds", "How long requests took.", ["route"],
    (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
)  # fmt: skip
IN_FLIGHT = gauge("tocsin_http_requests_in_flight", "Requests that are being answered.")


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, deps: ApiDeps) -> None:
        self._app = app
        self._deps = deps
        self._requests_max = deps.settings.limits.http_requests_max
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 499  # the client left before an answer

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self._in_flight += 1
        IN_FLIGHT.set(self._in_flight)
        try:
            await self._answer(scope, receive, send_guarded)
        finally:
            self._in_flight -= 1
            IN_FLIGHT.set(self._in_flight)
            route = scope.get(ROUTE_KEY, "other")
            REQUESTS.labels(route, str(status)).inc()
            SECONDS.labels(route).observe(time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        always = scope["path"].removeprefix(self._deps.settings.route_prefix) in _ALWAYS
        if self._in_flight > self._requests_max and not always:
            return unavailable(
                f"{self._requests_max} requests are being answered already "
                "(limits.http_requests_max)"
            )
        hosts = self._deps.settings.hosts
        if hosts and not always and _host(headers) not in hosts:
            # A page of another site can make its own name resolve to 127.0.0.1 and then talk to
            # us as if it were ours; the name in `Host` gives it away.
            return Refusal(421, "this server does not answer under that name; set external_url")
        if scope["method"] not in _SAFE and _foreign_page(headers):
            return Refusal(403, "a page of another site may not do this")
        return None


def _host(headers: Headers) -> str:
    try:
        return (urlsplit("//" + headers.get("host", "")).hostname or "").lower()
    except ValueError:
        return ""


def _foreign_page(headers: Headers) -> bool:
    """Say whether a browser sent this for a page of another site.

    A bearer token is no cookie: who sends one means it. A remembered password is like a cookie.
    """
    if headers.get("authorization", "").lower().startswith("bearer "):
        return False
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
