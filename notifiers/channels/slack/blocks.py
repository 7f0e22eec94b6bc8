"""A message as Slack's Block Kit: inside every published limit whatever an alert carries.

Top level: `text` (what a phone's notification shows, and all that is shown where blocks cannot
be), a header block and, in a coloured attachment, the details. Slack takes 50 blocks, 150
characters of header, 3,000 of a section, 10 fields of 2,000, 10 context elements, and about
13,200 characters of blocks in total (unpublished; it answers msg_blocks_too_long above that).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifiers import message as reading
from notifiers import wording
from notifiers.channels import outline
from notifiers.message import Item, Link, Message, Reading
from notifiers.notification import Notification, Status

Block = dict[str, Any]

_URL = re.compile(r"""(https?://[^\s<>|"'`]*[^\s<>|"'`.,;:!?)\]}])""")

HEADER_CHARACTERS_MAX = 150
SECTION_CHARACTERS_MAX = 3_000
FIELD_CHARACTERS_MAX = 2_000
TEXT_CHARACTERS_MAX = 3_000  # chat.update refuses a text above 4,000
BLOCKS_CHARACTERS_MAX = 12_000
FIELDS_MAX = 10
ITEMS_MAX = 15
ITEM_CHARACTERS_MAX = 900


def render(message: Message) -> dict[str, Any]:
    """Return `text`, `blocks` and `attachments` of a message."""
    sign = _icon(message.status, message.level)
    headline = f"{sign} {message.verdict} · {message.title}"
    header = wording.cut(headline, HEADER_CHARACTERS_MAX)
    details = _bounded(list(_details(message)), BLOCKS_CHARACTERS_MAX)
    return {
        "text": plain_text(message),
        "blocks": [{"type": "header", "text": {"type": "plain_text", "text": header}}],
        "attachments": [
            {"color": _colour(message), "fallback": escape(header), "blocks": details},
        ],
    }


def plain_text(message: Message) -> str:
    """Return the fallback: whole in itself, for where blocks are not shown."""
    sign = _icon(message.status, message.level)
    lines = [f"{sign} *{message.verdict}* · {escape(message.title)}"]
    if place := outline.where(message):
        lines.append(escape(place))
    if len(message.items) == 1 and (values := reading.value_line(message.items[0])):
        lines.append(escape(values))
    elif message.counts:
        lines.append(escape(message.counts))
    if change := reading.change_line(message):
        lines.append(f"_{escape(change)}_")
    return cut_escaped("\n".join(lines), TEXT_CHARACTERS_MAX)


def history_line(notification: Notification, sent_ms: int) -> str:
    """Return what a change adds to the thread: what is different, with the value that made it."""
    return cut_escaped(escape(outline.history(notification, sent_ms)), TEXT_CHARACTERS_MAX)


def plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message without its layout, for where Slack refuses that; short in any case."""
    first: Mapping[str, str] = next(iter(body.get("attachments") or ()), {})
    parts = [body.get("text"), first.get("pretext"), first.get("title"), first.get("text")]
    text = "\n".join(part for part in parts if part) or first.get("fallback") or "(no text)"
    kept = {name: value for name, value in body.items() if name not in ("blocks", "attachments")}
    # An edit that names no layout would keep the old one.
    empty: dict[str, Any] = {"blocks": [], "attachments": []} if "ts" in body else {}
    return {**kept, "text": cut_escaped(text, TEXT_CHARACTERS_MAX), **empty}


def escape(text: str) -> str:
    """Return a text in which Slack finds no markup of its own: no mention, no link, no entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(text: str) -> str:
    """Return an escaped text in which web addresses are links."""
    parts = _URL.split(text)
    return "".join(
        f"<{escape(part)}>" if index % 2 and reading.is_link(part) else escape(part)
        for index, part in enumerate(parts)
    )


def cut_escaped(text: str, characters_max: int) -> str:
    """Cut an escaped text without leaving half an entity or half a link at its end."""
    if len(text) <= characters_max:
        return text
    kept = text[: characters_max - 1]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing):
            kept = kept[:start]
    return kept.rstrip() + "…"


def _colour(message: Message) -> str:
    """Return the colour of the bar: green when all is over, else by the worst level."""
    return f"#{outline.look(message.status, message.level)[0]:06x}"


def _icon(status: Status, level: str) -> str:
    """Return the sign of a status and level."""
    return outline.look(status, level)[1]


def _details(message: Message) -> Iterator[Block]:
    if change := reading.change_line(message):
        word, _, what = change.partition(": ")
        yield _section(f"*{word}:* {escape(what)}")
    if len(message.items) == 1:
        yield from _single(message, message.items[0])
    else:
        yield from _several(message)
    if links := _links(message):
        yield _context(links)
    warnings = "\n".join(f"⚠️ {escape(warning)}" for warning in message.warnings)
    yield _context(f"{warnings}\n{escape(message.footer)}".strip())


def _single(message: Message, item: Item) -> Iterator[Block]:
    if item.description:
        yield _section(linked(item.description))
    fields = [_reading_field(one) for one in item.readings]
    if item.since_ms > 0:
        fields.append(_since_field(message, item))
    if fields:
        yield {"type": "section", "fields": [_mrkdwn(text) for text in fields[:FIELDS_MAX]]}
    if scope := _named_scope(message):
        yield _section(scope)
    if item.lines:
        yield _section(_code(item.lines))


def _several(message: Message) -> Iterator[Block]:
    head = [escape(message.counts)] if message.counts else []
    if scope := _named_scope(message):
        head.append(scope)
    if head:
        yield _section("\n".join(head))
    if message.description:
        yield _section(linked(message.description))
    for item in message.items[:ITEMS_MAX]:
        yield _section(cut_escaped(_item_text(message, item), ITEM_CHARACTERS_MAX))
    if message.total > ITEMS_MAX:
        yield _section(f"_{wording.more(message.total - ITEMS_MAX, 'alert')}_")


def _item_text(message: Message, item: Item) -> str:
    lines = [f"{_icon(item.status, item.level)} *{escape(item.summary)}*"]
    if values := reading.value_line(item):
        lines.append(escape(values))
    if scope := _scope(item.scope):
        lines.append(scope)
    if item.since_ms > 0:
        lines.append(f"since {_date(item.since_ms)}, {reading.age(item, message.now_ms)}")
    return "\n".join(lines)


def _reading_field(one: Reading) -> str:
    lines = [f"*{escape(one.name)}*"]
    threshold = f"  (threshold {one.threshold})" if one.threshold else ""
    lines.append(escape(f"{one.now}{threshold}"))
    if one.then:
        lines.append(escape(one.then))
    return cut_escaped("\n".join(lines), FIELD_CHARACTERS_MAX)


def _since_field(message: Message, item: Item) -> str:
    if item.until_ms:
        lasted = reading.lasted(item, message.now_ms)
        return f"*Lasted*\n{lasted}\n{_date(item.since_ms)} to {_date(item.until_ms)}"
    return f"*Since*\n{_date(item.since_ms)}\n{reading.age(item, message.now_ms)}"


def _date(time_ms: int) -> str:
    """Return a time that Slack shows in its reader's zone, with UTC where it cannot."""
    fallback = wording.date_time(time_ms)
    return f"<!date^{time_ms // 1_000}^{{date_short_pretty}} {{time_secs}}|{fallback}>"


def _scope(scope: Sequence[tuple[str, str]]) -> str:
    shown = [f"`{escape(name)}={_no_tick(escape(value))}`" for name, value in scope[:20]]
    if len(scope) > 20:
        shown.append(wording.more(len(scope) - 20, "label"))
    return "  ".join(shown)


def _named_scope(message: Message) -> str:
    """Return the alert's name and the labels that all alerts of the message share."""
    name = f"*{escape(message.name)}*" if message.name else ""
    return "  ".join(part for part in (name, _scope(message.scope)) if part)


def _links(message: Message) -> str:
    links = [*(message.items[0].links if len(message.items) == 1 else ()), *message.links]
    rules = sorted({item.rule for item in message.items if item.rule})
    shown = [_link(link) for link in links]
    if rules:
        others = f" {wording.more(len(rules) - 1, 'rule')}" if len(rules) > 1 else ""
        shown.append(f"rule `{_no_tick(escape(rules[0]))}`{others}")
    return "  ·  ".join(shown)


def _link(link: Link) -> str:
    # `is_link` has kept `|`, `<` and `>` out; `&` is an entity inside a link too.
    return f"<{escape(link.url)}|{escape(link.text)}>"


def _code(lines: Sequence[str]) -> str:
    body = cut_escaped("\n".join(escape(line).replace("```", "'''") for line in lines), 2_900)
    return f"```{body}```"


def _no_tick(text: str) -> str:
    return text.replace("`", "'")


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(cut_escaped(text, SECTION_CHARACTERS_MAX))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(cut_escaped(text, FIELD_CHARACTERS_MAX))]}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Else Slack would make mentions and links of what it takes for names.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _bounded(blocks: list[Block], characters_max: int) -> list[Block]:
    """Keep the total below what Slack takes: whole blocks go, the last two (links, footer) stay."""
    body, tail = blocks[:-2], blocks[-2:]
    left = characters_max - sum(_size(block) for block in tail) - 100
    kept: list[Block] = []
    for block in body:
        left -= _size(block)
        if left < 0:
            omitted = len(body) - len(kept)
            return [*kept, _section(f"_{wording.more(omitted, 'part')}_"), *tail]
        kept.append(block)
    return [*kept, *tail]


def _size(block: Block) -> int:
    texts = [block["text"]] if "text" in block else block.get("fields") or block["elements"]
    return 60 + sum([len(text["text"]) + 30 for text in texts])
