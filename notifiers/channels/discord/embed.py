"""A notification as Discord's message: one embed, inside every limit whatever an alert carries.

Discord takes 2,000 characters of `content`, 10 embeds, 256 of a title, 4,096 of a description, 25
fields of 256 and 1,024, 2,048 of a footer, and 6,000 characters in all embeds together.
"""

import re
from collections.abc import Iterator
from typing import Any

from notifiers import wording
from notifiers.channels.outline import Entry, Outline, fitting, fitting_links
from notifiers.channels.texts import (
    LIST,
    SUBJECT,
    Defaults,
    Texts,
    cut_runes,
    cut_units,
    units,
)

TITLE_CHARACTERS_MAX = 256
DESCRIPTION_CHARACTERS_MAX = 4_096
CONTENT_CHARACTERS_MAX = 2_000
FOOTER_CHARACTERS_MAX = 500
EMBED_CHARACTERS_MAX = 6_000
FIELD_NAME_CHARACTERS_MAX = 256
FIELD_VALUE_CHARACTERS_MAX = 300
FIELDS_CHARACTERS_MAX = 2_000
FIELDS_MAX = 25
LINKS_CHARACTERS_MAX = 1_500

SILENT = 1 << 12
"""The flag SUPPRESS_NOTIFICATIONS: no sound and no push, the message is there all the same."""

RED, GREEN = 0x992D22, 0x2ECC71
"""Alertmanager's colours, where the file sets a text."""

DEFAULTS: Defaults = {
    "title": ("discord.default.title", SUBJECT),
    "message": ("discord.default.message", LIST),
    "content": ("discord.default.content",),
    "username": (),
    "avatar_url": (),
}

_MARKUP = re.compile(r"([\\*_~`|<>\[\]])|^(\s*)([#>-])", re.MULTILINE)
_ADDRESS = re.compile(r"(https?://[^\s<>]+)")
_ROLE, _USER = re.compile(r"<@&(\d{5,20})>"), re.compile(r"<@!?(\d{5,20})>")


def render(texts: Texts, read: Outline) -> dict[str, Any]:
    """Return `content`, `embeds` and `allowed_mentions` of a message. Raises FieldError."""
    content = cut_runes(texts.get("content") or "", CONTENT_CHARACTERS_MAX)
    return {
        "content": content,
        "embeds": [_embed(texts, read)],
        "allowed_mentions": _mentions(texts),
    }


def author(texts: Texts) -> dict[str, str]:
    """Return who a message is from; an edit cannot change it. Discord's names have 80 characters.

    Raises FieldError.
    """
    found = {
        "username": cut_runes(texts.get("username") or "", 80),
        "avatar_url": texts.get("avatar_url") or "",
    }
    return {name: text for name, text in found.items() if text}


def line(texts: Texts, read: Outline, *, aloud: bool) -> dict[str, Any]:
    """Return a short message beside an edit; a silent one rings at nobody. Raises FieldError."""
    embed = {
        "title": _cut_escaped(f"{read.verdict} · {read.title}", TITLE_CHARACTERS_MAX),
        "description": _cut_escaped(read.news, 1_500),
        "color": read.colour,
    }
    if not aloud:
        nobody: dict[str, list[str]] = {"parse": []}
        return {"content": "", "embeds": [embed], "allowed_mentions": nobody, "flags": SILENT}
    content = cut_runes(texts.get("content") or "", CONTENT_CHARACTERS_MAX)
    return {"content": content, "embeds": [embed], "allowed_mentions": _mentions(texts)}


def escape(text: str) -> str:
    """Return a text in which Discord finds no markup; web addresses stay whole."""
    parts = _ADDRESS.split(text)
    return "".join(
        part if index % 2 else _MARKUP.sub(_escaped, part) for index, part in enumerate(parts)
    )


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}"


def _embed(texts: Texts, read: Outline) -> dict[str, Any]:
    title, message = texts.get("title"), texts.get("message")
    own = message is None
    plain = _cut_escaped(read.headline, TITLE_CHARACTERS_MAX)
    embed: dict[str, Any] = {
        "title": plain if title is None else cut_runes(title, TITLE_CHARACTERS_MAX),
        "description": "",
        "color": read.colour if own else GREEN if read.status == "resolved" else RED,
    }
    if not own:
        embed["description"] = cut_runes(message or "", DESCRIPTION_CHARACTERS_MAX)
        return embed
    if read.links:
        embed["url"] = read.links[-1].url
    if read.facts:
        embed["fields"] = list(_fields(read))
    embed["footer"] = {"text": cut_units(read.footer, FOOTER_CHARACTERS_MAX)}
    embed["description"] = _description(read, EMBED_CHARACTERS_MAX - size(embed) - 200)
    return embed


def size(embed: dict[str, Any]) -> int:
    """Return how many characters of an embed count towards the limit of all."""
    fields = embed.get("fields", ())
    texts = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", "")]
    texts += [text for field in fields for text in (field["name"], field["value"])]
    return sum(units(text) for text in texts)


def _fields(read: Outline) -> Iterator[dict[str, Any]]:
    left = FIELDS_CHARACTERS_MAX
    for index, (name, value) in enumerate(read.facts):
        field = _field(name, value)
        left -= units(field["name"]) + units(field["value"])
        if left < 0 or index >= FIELDS_MAX - 1:
            yield _field("…", wording.more(len(read.facts) - index, "fact"))
            return
        yield field


def _field(name: str, value: str) -> dict[str, Any]:
    """Return one field; Discord refuses an empty name or value."""
    return {
        "name": _cut_escaped(name, FIELD_NAME_CHARACTERS_MAX) or "\u200b",
        "value": _cut_escaped(value, FIELD_VALUE_CHARACTERS_MAX) or "\u200b",
        "inline": True,
    }


def _description(read: Outline, characters_max: int) -> str:
    """Return as much as fits; the links and the warnings always do."""
    tail = "\n\n".join(_tail(read))
    room = min(characters_max, DESCRIPTION_CHARACTERS_MAX) - units(tail) - 10
    entries = [_entry(entry) for entry in read.entries]
    kept = fitting(list(_body(read)), entries, read.unshown, room, "*{}*")
    return "\n\n".join([*kept, *([tail] if tail else [])])


def _body(read: Outline) -> Iterator[str]:
    if read.change:
        yield f"**{_cut_escaped(read.change, 600)}**"
    if read.counts:
        yield f"**{escape(read.counts)}**"
    if read.description:
        yield _cut_escaped(read.description, 1_500)
    if read.lines:
        body = cut_units("\n".join(read.lines).replace("```", "'''"), 1_200)
        yield f"```\n{body}\n```"


def _entry(entry: Entry) -> str:
    details = [_cut_escaped(detail, 250) for detail in entry.details]
    return "\n".join([f"**{_cut_escaped(entry.headline, 200)}**", *details])


def _tail(read: Outline) -> Iterator[str]:
    # `is_link` keeps brackets of other kinds out of a URL; a parenthesis would end the link.
    links = [
        f"[{escape(link.text)}]({link.url.replace('(', '%28').replace(')', '%29')})"
        for link in fitting_links(read.links, LINKS_CHARACTERS_MAX)
    ]
    if read.rule:
        links.append(f"rule `{cut_units(read.rule.replace('`', ''), 200)}`")
    if links:
        yield " · ".join(links)
    if read.warnings:
        yield "\n".join(f"⚠️ {escape(warning)}" for warning in read.warnings)


def _cut_escaped(text: str, units_max: int) -> str:
    """Escape a text and cut it, leaving no half of an escape at its end."""
    cut = cut_units(escape(text), units_max)
    body = cut.removesuffix("…")
    if body == cut:
        return cut
    loose = len(body) - len(body.rstrip("\\"))
    return f"{body[: len(body) - loose % 2]}…"


def _mentions(texts: Texts) -> dict[str, Any]:
    """Say who may be pinged: whom the file's text names, never whom an alert does.

    A template that is defined elsewhere may name people; it cannot mean everyone.
    """
    content = texts.fields.get("content")
    source = "" if content is None else content.source
    if "template" in source and "{{" in source:
        parse = ["roles", "users"]
        return {"parse": parse + (["everyone"] if _everyone(source) else [])}
    roles, users = _ROLE.findall(source), _USER.findall(source)
    found: dict[str, Any] = {"parse": ["everyone"] if _everyone(source) else []}
    if roles:
        found["roles"] = sorted(set(roles))[:100]
    if users:
        found["users"] = sorted(set(users))[:100]
    return found


def _everyone(source: str) -> bool:
    return "@everyone" in source or "@here" in source
