"""Telegram's Bot API: sendMessage and editMessageText."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.channels.standins.service import Hit, Service, utf16

TEXT_UNITS_MAX = 4_096

_PATH = re.compile(r"/bot([^/]+)/(sendMessage|editMessageText)$")
_TAG = re.compile(r"<(/?)([a-z-]+)((?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>")
_TAGS = frozenset({
    "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "a", "code", "pre",
    "blockquote", "tg-spoiler",
})  # fmt: skip
_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)")
_MARKDOWN = re.compile(r"(?<!\\)[.!#+=|{}>()-]")


class Telegram(Service):
    """One bot and its chats: messages by chat and number, each with all its versions."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.tokens = {"1:a"}
        self.chats = {7, -100123}
        self.moved: dict[int, int] = {}
        self.blocked: set[int] = set()
        self.messages: dict[tuple[int, int], list[Mapping[str, Any]]] = {}

    def judge(self, hit: Hit) -> Response:
        """Send, edit, or refuse in Telegram's words."""
        found = _PATH.search(hit.path)
        if not found:
            return _error(404, "Not Found")
        if found[1] not in self.tokens:
            return _error(401, "Unauthorized")
        body = hit.body
        chat = int(body["chat_id"])
        if chat in self.moved:
            said = {"migrate_to_chat_id": self.moved[chat]}
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            return _error(400, text, said)
        if chat not in self.chats:
            return _error(400, "Bad Request: chat not found")
        if chat in self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if wrong := _wrong(body):
            return _error(400, f"Bad Request: {wrong}")
        if found[2] == "editMessageText":
            return self._edit(chat, body)
        number = 100 + len(self.messages)
        self.messages[chat, number] = [body]
        return _done(chat, number)

    def limit(self, after_s: int) -> None:
        """Refuse the next request as one too many."""
        text = f"Too Many Requests: retry after {after_s}"
        said = {"error_code": 429, "ok": False, "description": text}
        self.say(429, {**said, "parameters": {"retry_after": after_s}})

    def _edit(self, chat: int, body: Mapping[str, Any]) -> Response:
        versions = self.messages.get((chat, body["message_id"]))
        if versions is None:
            return _error(400, "Bad Request: message to edit not found")
        if versions[-1]["text"] == body["text"]:
            return _error(400, "Bad Request: message is not modified: specified new message content"
                               " and reply markup are exactly the same")  # fmt: skip
        versions.append(body)
        return _done(chat, body["message_id"])


def visible(body: Mapping[str, Any]) -> str:
    """Return what people read of a message."""
    text: str = body["text"]
    return unescape(_TAG.sub("", text)) if body.get("parse_mode") == "HTML" else text


def _wrong(body: Mapping[str, Any]) -> str:
    text = body["text"]
    mode = body.get("parse_mode", "")
    if mode == "HTML" and (wrong := _wrong_html(text)):
        return f"can't parse entities: {wrong}"
    if mode == "MarkdownV2" and _MARKDOWN.search(text):
        return "can't parse entities: Character is reserved and must be escaped"
    shown = visible(body)
    if not shown.strip():
        return "message text is empty"
    return "message is too long" if utf16(shown) > TEXT_UNITS_MAX else ""


def _wrong_html(text: str) -> str:
    open_tags: list[str] = []
    rest = _TAG.sub("", text)
    if "<" in rest:
        return "Unsupported start tag"
    if _ENTITY.search(rest):
        return "an entity that is none"
    for found in _TAG.finditer(text):
        if found[2] not in _TAGS:
            return f'Unsupported start tag "{found[2]}"'
        if not found[1]:
            open_tags.append(found[2])
        elif not open_tags or open_tags.pop() != found[2]:
            return f'Unmatched end tag "{found[2]}"'
    return f"Can't find end tag for {open_tags}" if open_tags else ""


def _error(status: int, text: str, parameters: Mapping[str, Any] | None = None) -> Response:
    said = {"ok": False, "error_code": status, "description": text}
    return JSONResponse({**said, **({"parameters": parameters} if parameters else {})}, status)


def _done(chat: int, number: int) -> Response:
    return JSONResponse({"ok": True, "result": {"message_id": number, "chat": {"id": chat}}}, 200)
