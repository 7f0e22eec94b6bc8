"""A flow of Power Automate that posts Adaptive Cards to Teams."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.channels.standins.service import Hit, Service, utf16

MESSAGE_BYTES_MAX = 28 * 1024
VERSION_MAX = (1, 5)

_BLOCKS = {"TextBlock": "text", "RichTextBlock": "inlines", "FactSet": "facts"}
_COLOURS = ("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention")


class Teams(Service):
    """One flow: its cards."""

    @property
    def cards(self) -> list[dict[str, Any]]:
        """What people see, in order."""
        return [hit.body["attachments"][0]["content"] for hit in self.accepted]

    def judge(self, hit: Hit) -> Response:
        """Accept a message for later, or refuse it."""
        text = hit.raw.decode()
        if max(len(hit.raw), 2 * utf16(text)) > MESSAGE_BYTES_MAX:
            return JSONResponse({"error": {"code": "RequestEntityTooLarge"}}, 413)
        try:
            wrong = list(_wrong(json.loads(text)))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            wrong = [repr(error)]
        if wrong:
            said = {"error": {"code": "InvalidRequestContent", "message": "; ".join(wrong)}}
            return JSONResponse(said, 400)
        return Response(status_code=202)


def _wrong(message: Mapping[str, Any]) -> Iterator[str]:
    if message["type"] != "message":
        yield "type"
    [attachment] = message["attachments"]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        yield "contentType"
    card = attachment["content"]
    if card["type"] != "AdaptiveCard":
        yield "no Adaptive Card"
    major, minor = card["version"].split(".")
    if (int(major), int(minor)) > VERSION_MAX:
        yield f"version {card['version']}"
    if not card["body"]:
        yield "nothing in it"
    for block in card["body"]:
        yield from _wrong_block(block)
    for action in card.get("actions", ()):
        if action["type"] != "Action.OpenUrl" or not action["url"].startswith("http"):
            yield f"action {action}"
    if len(card.get("actions", ())) > 6:
        yield "more actions than Teams shows"


def _wrong_block(block: Mapping[str, Any]) -> Iterator[str]:
    needed = _BLOCKS.get(block["type"])
    if needed is None or not block.get(needed):
        yield f"{block['type']} without {needed}"
    for run in block.get("inlines", ()):
        if run["type"] != "TextRun" or not run["text"]:
            yield "an inline without text"
        if run.get("color", "Good") not in _COLOURS:
            yield "color"
    if block.get("color", "Good") not in _COLOURS:
        yield "color"
