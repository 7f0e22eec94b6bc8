"""What the lists of API v2 have in common: query parameters, matching, ETags."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import Refusal
from engine.api.context import Context
from engine.api.deps import NotifierView
from engine.api.matcher_text import MATCHER_BYTES_MAX, parse_matchers
from engine.api.wire import receiver_labels
from engine.series import Anchored, Matcher, MatcherTextError, compiled

_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})


def flag(request: Request, name: str) -> bool:
    """Read a truth value that is true where it is absent; go-swagger's words are understood."""
    text = request.query_params.get(name)
    return True if not text else text.lower() in _TRUE


def matchers(request: Request, context: Context, name: str = "filter") -> tuple[Matcher, ...]:
    """Read a repeated matcher parameter in the mode that is set. Raises Refusal (400)."""
    mode = context.deps.settings.matcher_parsing
    try:
        return parse_matchers(request.query_params.getlist(name), mode)
    except MatcherTextError as error:
        prefix = "" if name == "filter" else f"failed to parse {name} param: "
        raise Refusal(400, f"{prefix}{error}") from error


def receiver_pattern(request: Request) -> Anchored | None:
    """Read the parameter `receiver`. Raises Refusal (400)."""
    text = request.query_params.get("receiver")
    if not text:
        return None
    if len(text) > MATCHER_BYTES_MAX:
        raise Refusal(400, "failed to parse receiver param: too long")
    try:
        return compiled(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refusal(400, f"failed to parse receiver param: {error}") from error


def matches(selector: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Say whether labels pass, with Alertmanager's reading of an empty value.

    `a=""` passes where a is absent or empty; `a!=""` passes where a is there, even if empty.
    """
    for matcher in selector:
        if matcher.value == "":
            there = matcher.name in labels
            if there == (matcher.operator in ("!=", "!~")):
                continue
        if not matcher.matches(labels):
            return False
    return True


class ReceiverFilter:
    """Which receivers a request asks for, by name and by label."""

    def __init__(self, request: Request, context: Context) -> None:
        self._pattern = receiver_pattern(request)
        self._selector = matchers(request, context, "receiver_matchers")

    def names(self, view: NotifierView) -> frozenset[str] | None:
        """Return the names that pass, None where all do."""
        if self._pattern is None and not self._selector:
            return None
        return frozenset(
            receiver.name
            for receiver in view.receivers()
            if (self._pattern is None or self._pattern.match(receiver.name))
            and matches(self._selector, receiver_labels(receiver))
        )


def answer(request: Request, value: Any) -> Response:
    """Answer with JSON and an ETag; dashboards poll, and what did not change is not sent."""
    content = msgspec.json.encode(value) + b"\n"
    tag = f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    asked = {word.strip() for word in request.headers.get("if-none-match", "").split(",")}
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
