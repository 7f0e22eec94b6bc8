"""A notification as a message of Telegram: HTML of its own, at most 4,096 characters.

Telegram counts UTF-16 units after it has read the markup. Counted before, as here, a message is
always inside; what does not fit is left out in whole parts, so the markup stays whole.
"""

import re
from collections.abc import Iterator
from html import escape, unescape

from notifiers.channels.outline import Entry, Outline, fitting, fitting_links
from notifiers.channels.texts import cut_units, units

TEXT_UNITS_MAX = 4_096
LINKS_CHARACTERS_MAX = 1_200

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def render(read: Outline) -> str:
    """Return a notification as HTML that Telegram understands."""
    head = f"<b>{_short(read.headline, 500)}</b>"
    tail = "\n\n".join(_tail(read))
    room = TEXT_UNITS_MAX - units(head) - units(tail) - 10
    entries = [_entry(entry) for entry in read.entries]
    kept = fitting(list(_body(read)), entries, read.unshown, room, "<i>{}</i>")
    return "\n\n".join([head, *kept, tail])


def line(read: Outline) -> str:
    """Return a short answer to an edited message: an edit notifies nobody."""
    return f"<b>{_short(read.title, 300)}</b>\n{_short(read.news, 1_500)}"


def plain(html: str) -> str:
    """Return HTML as text: what is sent where Telegram cannot read a template's markup."""
    return cut_units(unescape(_TAG.sub("", html)), TEXT_UNITS_MAX)


def _body(read: Outline) -> Iterator[str]:
    if read.change:
        yield f"<i>{_short(read.change, 500)}</i>"
    if read.counts:
        yield escape(read.counts)
    if read.description:
        yield _short(read.description, 1_200)
    if read.facts:
        yield "\n".join(f"{_short(name, 80)}: {_short(value, 160)}" for name, value in read.facts)
    if read.lines:
        yield f"<pre>{_short(chr(10).join(read.lines), 900)}</pre>"


def _entry(entry: Entry) -> str:
    details = [_short(detail, 200) for detail in entry.details]
    return "\n".join([f"<b>{_short(entry.headline, 150)}</b>", *details])


def _tail(read: Outline) -> Iterator[str]:
    links = [
        f'<a href="{escape(link.url)}">{escape(link.text)}</a>'
        for link in fitting_links(read.links, LINKS_CHARACTERS_MAX)
    ]
    if read.rule:
        links.append(f"rule <code>{_short(read.rule, 150)}</code>")
    if links:
        yield " · ".join(links)
    if read.warnings:
        yield "\n".join(f"⚠️ {escape(warning)}" for warning in read.warnings)
    yield f"<i>{_short(read.footer, 300)}</i>"


def _short(text: str, units_max: int) -> str:
    """Return a text cut and escaped; escaping makes it longer by a few characters at most."""
    return escape(cut_units(text, units_max), quote=False)
