"""The path that everything of HTTP begins with, where a proxy shows Tocsin under one.

As Alertmanager does: `/` leads to the prefix, the prefix to itself with a slash, and anything
beside it is not found. Liveness and readiness are answered without it too: who asks for them (a
kubelet, a load balancer) talks to the process, not to the proxy.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

ASKED_KEY: Final = "tocsin.asked"
"""Where the path is kept as it was asked for, in the ASGI scope."""
PROBES: Final = frozenset({"/-/healthy", "/-/ready"})


def inner_path(path: str, prefix: str) -> str | None:
    """Return the path as `ROUTES` has it, None where it is not below the prefix.

    A slash at the end of an API's path means nothing, as with Alertmanager.
    """
    if prefix and path not in PROBES:
        if not path.startswith(prefix + "/"):
            return None
        path = path[len(prefix) :]
    return path.rstrip("/") if path.startswith("/api/") else path


class Prefix:
    """ASGI middleware: inside of it there is no prefix."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = inner_path(scope["path"], self._prefix)
        if path is None:
            await self._beside(Request(scope))(scope, receive, send)
            return
        scope[ASKED_KEY] = scope["path"]
        scope["path"] = path  # in place: the guard around us reads what the app notes in the scope
        await self._app(scope, receive, send)

    def _beside(self, request: Request) -> Response:
        path = request.scope["path"]
        if request.method in ("GET", "HEAD"):
            if path == "/":
                return RedirectResponse(self._prefix, 302)
            if path == self._prefix:
                return RedirectResponse(self._prefix + "/", 301)
        return PlainTextResponse("404 page not found\n", 404)
