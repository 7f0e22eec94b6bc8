"""What the stand-ins share: what they keep, and answers on command."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.clock import Clock

HITS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One request."""

    at_ms: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON object. Raises ValueError where it is no JSON."""
        read = json.loads(self.raw)
        assert isinstance(read, dict), f"a {type(read).__name__}, not an object"
        return read


class Service:
    """Keeps every request, answers what it was told to, else judges it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: deque[Response] = deque()
        self.hits: deque[Hit] = deque(maxlen=HITS_MAX)
        self.accepted: deque[Hit] = deque(maxlen=HITS_MAX)

    def app(self) -> Starlette:
        """Return its HTTP face: any path."""
        methods = ["POST", "PUT", "PATCH"]
        return Starlette(routes=[Route("/{path:path}", self._take, methods=methods)])

    def say(
        self,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next requests so, whatever they are; nothing comes of them."""
        for _ in range(times):
            self._said.append(JSONResponse(body, status, dict(headers or {})))

    def judge(self, hit: Hit) -> Response:
        """Answer as the real service does."""
        raise NotImplementedError

    async def _take(self, request: Request) -> Response:
        raw = await request.body()
        hit = Hit(
            self._clock(),
            request.method,
            request.url.path,
            dict(request.query_params),
            dict(request.headers),
            raw,
        )
        self.hits.append(hit)
        if self._said:
            return self._said.popleft()
        answer = self.judge(hit)
        if 200 <= answer.status_code < 300:
            self.accepted.append(hit)
        return answer


def utf16(text: str) -> int:
    """Return a text's length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def too_long(value: object, characters_max: int) -> bool:
    """Say whether a text is none, or longer than a service takes."""
    return not isinstance(value, str) or utf16(value) > characters_max
