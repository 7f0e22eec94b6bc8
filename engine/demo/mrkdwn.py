"""Slack's mrkdwn as HTML, for the inbox page: what Slack would show, and nothing that runs.

Only what Slack gives a meaning is marked up: `*bold*`, `_italic_`, `~strike~`, code, `<url|text>`,
`<!date^…>`; a mention shows as one, so that a page that should not have paged everybody is seen.
"""

import re
from html import escape

from markupsafe import Markup

_TOKEN = re.compile(r"```(?P<block>.*?)```|`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>", re.DOTALL)
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_ITALIC = re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])")
_STRIKE = re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")
_DATE = re.compile(r"^!date\^(\d+)\^([^|^]*)(?:\^[^|]*)?\|(.*)$")


def to_html(text: str) -> Markup:
    """Return HTML of a mrkdwn text."""
    parts, end = [], 0
    for found in _TOKEN.finditer(text):
        parts += [_plain(text[end : found.start()]), _token(found)]
        end = found.end()
    return Markup("".join([*parts, _plain(text[end:])]))  # noqa: S704 - of escaped parts only


def plain_to_html(text: str) -> Markup:
    """Return HTML of a plain_text object: no markup, no entities."""
    return Markup("<br>").join(text.split("\n"))


def _token(found: re.Match[str]) -> str:
    if (block := found["block"]) is not None:
        body = _html(_unescape(block.strip("\n")))
        return f"<pre>{body}</pre>"
    if (code := found["code"]) is not None:
        return f"<code>{_html(_unescape(code))}</code>"
    return _angle(found["angle"])


def _angle(inside: str) -> str:
    if date := _DATE.match(inside):
        seconds, fallback = date[1], _html(_unescape(date[3]))
        return f'<time data-seconds="{seconds}" title="{fallback}">{fallback}</time>'
    if inside[0] in "@!#":
        name = inside.partition("|")[0].replace("!", "@", 1)
        return f'<span class="mention">{_html(_unescape(name))}</span>'
    url, _, label = inside.partition("|")
    url = _unescape(url)
    if not url.startswith(("http://", "https://")):
        return _html(_unescape(f"<{inside}>"))
    shown = _html(_unescape(label or url))
    return f'<a href="{_html(url)}" target="_blank" rel="noopener noreferrer">{shown}</a>'


def _plain(text: str) -> str:
    marked = _html(_unescape(text))
    for pattern, tag in ((_BOLD, "b"), (_ITALIC, "i"), (_STRIKE, "s")):
        marked = pattern.sub(rf"<{tag}>\1</{tag}>", marked)
    return marked.replace("\n", "<br>")


def _unescape(text: str) -> str:
    """Undo the three entities that Slack knows, and only these."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _html(text: str) -> str:
    return escape(text, quote=True)
