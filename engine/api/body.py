"""Read a request body within its bounds, and write answers.

**Invariant:** nothing of a request is held beyond `request_bytes_max`, compressed or not, and a
client that stops sending is let go.
"""

import asyncio
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

T = TypeVar("T")

BODY_TIMEOUT_S = 30.0
_GZIP_MEMBERS_MAX = 100  # empty ones cost time and count nothing
RETRY_AFTER = {"Retry-After": "1"}
_WARNING_MAX = 500
_NO_WEIGHT = re.compile(r"q=0(\.0*)?")


class Refusal(Exception):  # noqa: N818  # an answer, not a failure
    """An answer other than what was asked for. The app turns it into a response."""

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None, coded: bool = False
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})
        self.coded = coded

    def response(self) -> Response:
        """Answer as Alertmanager does: a JSON string, or what go-swagger answers before it."""
        if not self.text:
            return Response(status_code=self.status, headers=self.headers)
        body = {"code": self.status, "message": self.text} if self.coded else self.text
        return as_json(body, self.status, self.headers)


def unavailable(text: str) -> Refusal:
    """Return the answer that makes a client come again."""
    return Refusal(503, text, RETRY_AFTER)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    content = msgspec.json.encode(value) + b"\n"
    return Response(content, status, dict(headers or {}), media_type="application/json")


async def read_body(request: Request, bytes_max: int, limit: str = "request_bytes_max") -> bytes:
    """Return the body as sent; `limit` names the bound. Raises Refusal (400, 408, 413)."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > bytes_max:
        raise _too_large(bytes_max, limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > bytes_max:
                    raise _too_large(bytes_max, limit)
    except TimeoutError as error:
        raise Refusal(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from error
    return bytes(body)


async def read_plain(request: Request, bytes_max: int, limit: str = "request_bytes_max") -> bytes:
    """Return the body with a gzip Content-Encoding undone. Raises Refusal."""
    body = await read_body(request, bytes_max, limit)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip"):
        return gunzip(body, bytes_max, limit)
    raise Refusal(415, f"Content-Encoding {encoding!r} is not supported: use gzip or none")


def gunzip(body: bytes, bytes_max: int, limit: str = "request_bytes_max") -> bytes:
    """Undo gzip (several members too) and stop at the bound. Raises Refusal (400, 413)."""
    plain = bytearray()
    rest = body
    for _ in range(_GZIP_MEMBERS_MAX):
        if not rest:
            return bytes(plain)
        member = zlib.decompressobj(wbits=31)
        try:
            plain += member.decompress(rest, bytes_max + 1 - len(plain))
        except zlib.error as error:
            raise Refusal(400, f"the body is not gzip: {error}") from error
        if len(plain) > bytes_max:
            raise _too_large(bytes_max, limit)
        if not member.eof:
            raise Refusal(400, "the gzip body ends too early")
        rest = member.unused_data
    raise Refusal(400, f"the gzip body has more than {_GZIP_MEMBERS_MAX} members")


def require_json(request: Request, what: str = "JSON") -> None:
    """Refuse anything but JSON: a web page can send other types, and none, across sites unasked.

    Raises Refusal: 415, or 400 where there is no body at all, whose name is `what`.
    """
    kind = request.headers.get("content-type")
    if kind is None and not _has_body(request):
        raise Refusal(400, f"{what} in body is required")
    kind = (kind or "application/octet-stream").split(";")[0].strip().lower()
    if kind != "application/json":
        told = f'unsupported media type "{kind}", only [application/json] are allowed'
        raise Refusal(415, told, coded=True)


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0").strip()
    return length != "0" or "transfer-encoding" in request.headers


def require_acceptable(request: Request) -> None:
    """Refuse who cannot read JSON (406), as go-swagger does."""
    asked = request.headers.get("accept")
    if asked is None or not asked.strip():
        return
    for part in asked[:4_096].split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        refused = any(_NO_WEIGHT.fullmatch(word) for word in parameters)
        if kind in ("application/json", "application/*", "*/*") and not refused:
            return
    told = "unsupported media type requested, only [application/json] are available"
    raise Refusal(406, told, coded=True)


def decode_json(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Read a JSON body. Raises Refusal (400) with where it is wrong."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"bad request body: {error}") from error


def _too_large(bytes_max: int, limit: str) -> Refusal:
    return Refusal(
        413, f"the body is larger than {bytes_max} bytes: send less at once or raise limits.{limit}"
    )


def warning(texts: Sequence[str]) -> str:
    """Return the value of a header `Warning` that says these; a text cannot leave its quotes."""
    plain = (text[:_WARNING_MAX].encode("unicode_escape").decode() for text in texts)
    return ", ".join(f'199 tocsin "{text.replace(chr(34), chr(39))}"' for text in plain)
