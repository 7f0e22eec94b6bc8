"""CSS: how its text moves the context, and how values are written into it."""

import re
from collections.abc import Callable
from dataclasses import replace

from engine.template.go.errors import Failure
from engine.template.go.html.context import Context, State, UrlPart
from engine.template.go.html.values import content
from engine.template.go.run import Run
from engine.template.go.values import Value

FAILSAFE = "ZgotmplZ"
"""What Go writes where a value is refused; people search for it."""

_SPACES = "\t\n\f\r "
_TOKEN = re.compile("//|/\\*|[(\"']")
_URL = re.compile(
    "(?<![A-Za-z0-9_\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff-])url\\Z", re.IGNORECASE
)
_STRING_PARTS = {
    State.CSS_DOUBLE: re.compile(r'[\\"]'), State.CSS_URL_DOUBLE: re.compile(r'[\\"]'),
    State.CSS_SINGLE: re.compile(r"[\\']"), State.CSS_URL_SINGLE: re.compile(r"[\\']"),
    State.CSS_URL: re.compile(r"[\\\t\n\f\r )]"),
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[\t\n\f\r ])?|(.))|\\\Z", re.DOTALL)
_REFUSED = re.compile("[\\0\"'()/;@\\[\\\\\\]`{}<>]|--")
_ACTIVE = re.compile("expression|mozbinding")
_NO_NAME = re.compile("[^A-Za-z0-9_-]")


def in_style(context: Context, text: str) -> tuple[Context, int]:
    """Read up to a string, a url() or a comment."""
    for found in _TOKEN.finditer(text):
        mark, end = found.group(), found.end()
        if mark == "(":
            if _URL.search(text[: found.start()].rstrip(_SPACES)):
                return _url(context, text, end)
        else:
            return context.to(_STATES[mark]), end
    return context, len(text)


_STATES = {
    '"': State.CSS_DOUBLE, "'": State.CSS_SINGLE, "//": State.CSS_LINE_COMMENT,
    "/*": State.CSS_BLOCK_COMMENT,
}  # fmt: skip


def _url(context: Context, text: str, at: int) -> tuple[Context, int]:
    start = len(text) - len(text[at:].lstrip(_SPACES))
    quoted = {'"': State.CSS_URL_DOUBLE, "'": State.CSS_URL_SINGLE}.get(text[start : start + 1])
    if quoted:
        return context.to(quoted), start + 1
    return context.to(State.CSS_URL), start


def in_string(
    context: Context, text: str, url_part: Callable[[UrlPart, str], UrlPart]
) -> tuple[Context, int]:
    """Read up to the end of a string or url(). Raises Failure where an escape is left open."""
    pattern, at = _STRING_PARTS[context.state], 0
    while found := pattern.search(text, at):
        if found.group() != "\\":
            return context.to(State.CSS), found.end()
        at = found.end() + 1
        if at > len(text):
            raise Failure(r"a \ at the end of a string of CSS")
        context = replace(context, url=url_part(context.url, decoded(text[:at])))
    return replace(context, url=url_part(context.url, decoded(text[at:]))), len(text)


def decoded(text: str) -> str:
    r"""Return CSS with its escapes (\26, \") resolved."""
    return _ESCAPE.sub(_resolved, text) if "\\" in text else text


def _resolved(match: re.Match[str]) -> str:
    digits, character = match.groups()
    if digits is None:
        return character or ""
    code, rest = int(digits, 16), ""
    if code > 0x10FFFF:
        code, rest = code // 16, digits[-1]
        return (
            (chr(code) if code <= 0x10FFFF else "\ufffd") + rest + match.group()[1 + len(digits) :]
        )
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


_ESCAPED = {
    "\0": "\\0", "\\": "\\\\",
    **{each: f"\\{ord(each):x}" for each in "\t\n\f\r\"&'()+/:;<>{}"},
}  # fmt: skip
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPED)) + "]")


def as_string(run: Run, value: Value) -> str:
    """Write a value inside of quotes."""
    text = content(run, value)[0]
    return _SPECIAL.sub(lambda match: _escaped(match, text), text)


def _escaped(match: re.Match[str], text: str) -> str:
    shown = _ESCAPED[match.group()]
    following = text[match.end() : match.end() + 1]
    # A space keeps an escape apart from the hexadecimal digit that comes next.
    if shown != "\\\\" and (not following or following in "0123456789abcdefABCDEF\t\n\f\r "):
        shown += " "
    return shown


def as_value(run: Run, value: Value) -> str:
    """Write a value where a number, a name or a color stands; refuse all else."""
    text = decoded(content(run, value)[0])
    if _REFUSED.search(text) or _ACTIVE.search(_NO_NAME.sub("", text).lower()):
        return FAILSAFE
    return text
