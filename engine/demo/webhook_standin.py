"""A webhook receiver that keeps what it got: for tests, and for `tocsin demo` users to try."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.clock import Clock


@dataclass(frozen=True, slots=True)
class Hit:
    """One POST."""

    at_ms: int
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """Its body, which must be a JSON object."""
        read = json.loads(self.body)
        assert isinstance(read, dict), f"a {type(read).__name__}, not an object"
        return read


class WebhookStandIn:
    """Answers 200 to every POST, or what `answer` says; never compares two of them."""

    def __init__(self, clock: Clock, *, hits_max: int = 100_000) -> None:
        self._clock = clock
        self.hits: deque[Hit] = deque(maxlen=hits_max)
        self.answer: Callable[[Hit], Awaitable[Response | None]] | None = None
        """Failure injection: called after a hit was kept; None answers 200."""

    def app(self) -> Starlette:
        """Return its HTTP face: any path."""
        return Starlette(routes=[Route("/{path:path}", self._post, methods=["POST"])])

    async def _post(self, request: Request) -> Response:
        body = await request.body()
        hit = Hit(self._clock(), request.url.path, dict(request.headers), body)
        self.hits.append(hit)
        if self.answer and (said := await self.answer(hit)):
            return said
        return PlainTextResponse("ok")
