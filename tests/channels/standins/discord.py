"""Discord's webhooks: executing one, and editing what it has posted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.channels.standins.service import Hit, Service, too_long, utf16

_PATH = re.compile(r"/api/webhooks/(\d+)/([^/]+)(?:/messages/(\d+))?$")
_PARSE = ("roles", "users", "everyone")


class Discord(Service):
    """One channel: its messages by id, each with all its versions."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.webhooks = {"1": "t"}
        self.messages: dict[str, list[Mapping[str, Any]]] = {}

    def judge(self, hit: Hit) -> Response:
        """Post, edit, or refuse with Discord's numbers."""
        found = _PATH.search(hit.path)
        if not found or found[1] not in self.webhooks:
            return _error(404, 10015, "Unknown Webhook")
        if self.webhooks[found[1]] != found[2]:
            return _error(401, 50027, "Invalid Webhook Token")
        body = hit.body
        if not body.get("content") and not body.get("embeds"):
            return _error(400, 50006, "Cannot send an empty message")
        if wrong := list(_wrong(body)):
            return _error(400, 50035, "Invalid Form Body", wrong)
        if hit.method == "PATCH":
            return self._edit(found[3], body)
        message = str(1_000 + len(self.messages))
        self.messages[message] = [body]
        if hit.query.get("wait") != "true":
            return Response(status_code=204)
        return JSONResponse({"id": message, "channel_id": "7", **body}, 200)

    def limit(self, after_s: float) -> None:
        """Refuse the next request as one too many."""
        said = {"message": "You are being rate limited.", "retry_after": after_s, "global": False}
        self.say(429, said, {"Retry-After": str(int(after_s) + 1), "X-RateLimit-Remaining": "0"})

    def _edit(self, message: str, body: Mapping[str, Any]) -> Response:
        if message not in self.messages:
            return _error(404, 10008, "Unknown Message")
        if "username" in body or "avatar_url" in body:
            return _error(400, 50035, "Invalid Form Body", ["an edit cannot change the author"])
        self.messages[message].append(body)
        return JSONResponse({"id": message, "channel_id": "7", **body}, 200)


def _error(status: int, code: int, message: str, errors: list[str] | None = None) -> Response:
    return JSONResponse({"message": message, "code": code, "errors": errors or {}}, status)


def _wrong(body: Mapping[str, Any]) -> Iterator[str]:
    if too_long(body.get("content", ""), 2_000):
        yield "content: Must be 2000 or fewer in length."
    if len(body.get("embeds", ())) > 10:
        yield "embeds: too many"
    total = 0
    for embed in body.get("embeds", ()):
        yield from _wrong_embed(embed)
        texts = [embed.get("title", ""), embed.get("description", "")]
        texts.append(embed.get("footer", {}).get("text", ""))
        texts += [field[part] for field in embed.get("fields", ()) for part in ("name", "value")]
        total += sum(utf16(text) for text in texts)
    if total > 6_000:
        yield "embeds: Embed size exceeds maximum size of 6000"
    if body.get("flags", 0) not in (0, 1 << 2, 1 << 12, 1 << 2 | 1 << 12):
        yield "flags: Only SUPPRESS_EMBEDS and SUPPRESS_NOTIFICATIONS can be set"
    mentions = body.get("allowed_mentions", {})
    if set(mentions.get("parse", ())) - set(_PARSE):
        yield "allowed_mentions.parse"
    for name in ("roles", "users"):
        if name in mentions and name in mentions.get("parse", ()):
            yield f"allowed_mentions: parse and {name} exclude each other"
        if len(mentions.get(name, ())) > 100:
            yield f"allowed_mentions.{name}: too many"
    if "username" in body and not 1 <= len(body["username"]) <= 80:
        yield "username"


def _wrong_embed(embed: Mapping[str, Any]) -> Iterator[str]:
    for name, characters_max in (("title", 256), ("description", 4_096)):
        if too_long(embed.get(name, ""), characters_max):
            yield f"{name}: Must be {characters_max} or fewer in length."
    if too_long(embed.get("footer", {}).get("text", ""), 2_048):
        yield "footer"
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        yield "color"
    if not str(embed.get("url", "https://x")).startswith(("http://", "https://")):
        yield "url"
    if len(embed.get("fields", ())) > 25:
        yield "fields: Must be 25 or fewer in length."
    for field in embed.get("fields", ()):
        for part, characters_max in (("name", 256), ("value", 1_024)):
            if not field.get(part, "").strip(" \n") or too_long(field[part], characters_max):
                yield f"fields.{part}: This field is required, or it is too long."
