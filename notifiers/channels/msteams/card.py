"""A notification as an Adaptive Card for Teams, small enough whatever an alert carries.

A card is refused above about 28 kB, counted by some of its gateways in UTF-16, so half of that in
characters is the safe size. What an alert carries stands in text runs, which know no markup; what
the file's templates write stands in text blocks, which know Markdown, as with Alertmanager.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from notifiers import wording
from notifiers.channels.outline import Entry, Outline
from notifiers.channels.texts import (
    LIST_MARKDOWN,
    SUBJECT,
    Defaults,
    Texts,
    cut_units,
    units,
)
from notifiers.message import rank

CARD_BYTES_MAX = 27_000
"""Of the request, in UTF-8 and in UTF-16 whichever is more."""

TEXT_UNITS_MAX = 12_000
TITLE_UNITS_MAX = 1_000
LINKS_MAX = 6
LINK_CHARACTERS_MAX = 1_000

DEFAULTS_V1: Defaults = {
    "title": ("msteams.default.title", SUBJECT),
    "summary": ("msteams.default.summary",),
    "text": ("msteams.default.text", LIST_MARKDOWN),
}
DEFAULTS_V2: Defaults = {
    "title": ("msteamsv2.default.title", SUBJECT),
    "text": ("msteamsv2.default.text", LIST_MARKDOWN),
}

Block = dict[str, Any]


def render(texts: Texts, read: Outline) -> dict[str, Any]:
    """Return the message with its card. Raises FieldError."""
    title, text, summary = texts.get("title"), texts.get("text"), texts.get("summary")
    classic = title is not None and text is not None
    card: Block = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2" if classic else "1.4",
        "body": [],
        "msteams": {"width": "full" if classic else "Full"},
    }
    if text is None and (actions := list(_actions(read))):
        card["actions"] = actions
    if not classic:
        card["fallbackText"] = cut_units(summary or read.headline, TITLE_UNITS_MAX)
    message = _message(card)
    if summary is not None:
        message["summary"] = cut_units(summary, TITLE_UNITS_MAX)
    head = _heading(title, classic=classic, read=read)
    for body in _bodies(read) if text is None else _cut(text):
        card["body"] = [head, *body]
        if size(message) <= CARD_BYTES_MAX:
            break
    return message


def size(message: Mapping[str, Any]) -> int:
    """Return the larger of a request's sizes in UTF-8 and UTF-16, in bytes."""
    text = json.dumps(message, ensure_ascii=False)
    return max(len(text.encode("utf-8", "replace")), 2 * units(text))


def _message(card: Block) -> dict[str, Any]:
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _cut(text: str) -> Iterator[list[Block]]:
    """Yield the file's text, ever shorter."""
    for units_max in (TEXT_UNITS_MAX, 8_000, 4_000, 1_500):
        yield [{"type": "TextBlock", "text": cut_units(text, units_max), "wrap": True}]


def _bodies(read: Outline) -> Iterator[list[Block]]:
    """Yield Tocsin's text: whole, then with ever fewer alerts, then with ever fewer lines."""
    lines, entries, tail = list(_lines(read)), [*map(_entry, read.entries)], list(_tail(read))
    for kept in range(len(entries), -1, -1):
        left = len(entries) - kept + read.unshown
        more = [_line(wording.more(left, "alert"), isSubtle=True)] if left else []
        yield [*lines, *chain.from_iterable(entries[:kept]), *more, *tail]
    for kept in range(len(lines) - 1, -1, -1):
        more = [_line(wording.more(len(lines) - kept, "line"), isSubtle=True)]
        yield [*lines[:kept], *more, *tail]


def _heading(title: str | None, *, classic: bool, read: Outline) -> Block:
    if title is not None:
        return {
            "type": "TextBlock",
            "text": cut_units(title, TITLE_UNITS_MAX),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "style": "heading",
            "color": ("Good" if read.status == "resolved" else "Attention")
            if classic
            else _colour(read),
        }
    return _line(
        cut_units(read.headline, TITLE_UNITS_MAX),
        weight="Bolder",
        size="Medium",
        color=_colour(read),
    )


def _lines(read: Outline) -> Iterator[Block]:
    if read.change:
        yield _line(read.change, weight="Bolder")
    if read.counts:
        yield _line(read.counts)
    if read.description:
        for part in read.description.splitlines():
            yield _line(part)
    for index, (name, value) in enumerate(read.facts):
        closer = {"spacing": "None"} if index else {}
        yield {**_line(f"{name}: ", value, isSubtle=True), **closer}
    for line in read.lines:
        yield _line(line, fontType="Monospace", size="Small")


def _entry(entry: Entry) -> list[Block]:
    head = {**_line(entry.headline, weight="Bolder"), "separator": True}
    return [head, *(_line(detail) for detail in entry.details)]


def _tail(read: Outline) -> Iterator[Block]:
    for warning in read.warnings:
        yield _line(f"⚠️ {warning}", color="Warning")
    rule = f"rule {cut_units(read.rule, 300)} · " if read.rule else ""
    yield _line(f"{rule}{read.footer}", isSubtle=True, size="Small")


def _line(text: str, more: str = "", **style: Any) -> Block:
    """Return one line of text runs: nothing in them is markup. `more` follows in plain."""
    runs: list[Block] = [{"type": "TextRun", "text": text or "\u200b", **style}]
    if more:
        runs.append({"type": "TextRun", "text": more})
    return {"type": "RichTextBlock", "inlines": runs}


def _colour(read: Outline) -> str:
    if read.status == "resolved":
        return "Good"
    worst = rank(read.level)
    return "Attention" if worst < rank("warning") or not read.level else "Warning"


def _actions(read: Outline) -> Iterator[Block]:
    fitting = [link for link in read.links if len(link.url) <= LINK_CHARACTERS_MAX]
    for link in fitting[:LINKS_MAX]:
        yield {"type": "Action.OpenUrl", "title": link.text, "url": link.url}
