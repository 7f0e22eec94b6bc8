"""HTML itself: how values are written into text, attributes and names."""

import re

from engine.template.go.html.attributes import can_be_named
from engine.template.go.html.context import START, Context, Element, Quote, State
from engine.template.go.html.scanning import element_end, rule
from engine.template.go.html.styles import FAILSAFE
from engine.template.go.html.values import content
from engine.template.go.run import Run
from engine.template.go.values import HTML, Value

_SAFE = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "+": "&#43;", "<": "&lt;", ">": "&gt;"}
_BARE = {
    **_SAFE, "\0": "&#xfffd;", "=": "&#61;", "`": "&#96;",
    **{each: f"&#{ord(each)};" for each in "\t\n\v\f\r "},
}  # fmt: skip
_ODD = {chr(code): f"&#x{code:x};" for code in (*range(0xFDD0, 0xFDF0), *range(0xFFF0, 0x10000))}
_AMPERSAND = {"&": "&amp;"}
_TEXT = str.maketrans({**_SAFE, **_AMPERSAND})
_MARKUP = str.maketrans(_SAFE)  # entities stay what they are
_BARE_TEXT = str.maketrans({**_ODD, **_BARE, **_AMPERSAND})
_BARE_MARKUP = str.maketrans({**_ODD, **_BARE})
_NAME = re.compile("[a-z0-9]+")
_ENDS = {Quote.DOUBLE: '"', Quote.SINGLE: "'", Quote.BARE: " \t\n\f\r>"}
_IN_TAG = frozenset({State.TAG, State.NAME, State.AFTER_NAME, State.BEFORE_VALUE, State.VALUE})


def as_text(run: Run, value: Value) -> str:
    """Write a value between tags; HTML stays HTML."""
    text, kind = content(run, value)
    return text if kind is HTML else text.translate(_TEXT)


def as_plain_text(run: Run, value: Value) -> str:
    """Write a value into <title> or <textarea>."""
    text, kind = content(run, value)
    return text.translate(_MARKUP if kind is HTML else _TEXT)


def as_attribute(run: Run, value: Value) -> str:
    """Write a value into quotes; of HTML only its text."""
    text, kind = content(run, value)
    if kind is HTML:
        return without_tags(text).translate(_MARKUP)
    return text.translate(_TEXT)


def as_bare_attribute(run: Run, value: Value) -> str:
    """Write a value without quotes. It may not be empty: the next name would become the value."""
    text, kind = content(run, value)
    if kind is HTML:
        return without_tags(text).translate(_BARE_MARKUP)
    return text.translate(_BARE_TEXT) or FAILSAFE


def as_name(run: Run, value: Value) -> str:
    """Write the name of an attribute; refuse one whose value would need another escaping."""
    name = content(run, value)[0].lower()
    return name if _NAME.fullmatch(name) and can_be_named(name) else FAILSAFE


def as_comment(_run: Run, _value: Value) -> str:
    """Write nothing: comments are for those who wrote the template."""
    return ""


def without_tags(markup: str) -> str:
    """Return the text of HTML: `&iexcl;Hi! ` of `<b>&iexcl;Hi!</b> <script>…</script>`."""
    context, at, is_text = START, 0, True
    parts: list[str] = []
    while at < len(markup):
        if context.quote is not Quote.NONE:
            end = _value_end(context, markup, at)
            if end < 0:
                return "".join(parts)
            context, at = Context(State.TAG, element=context.element), end
            continue
        after, taken = _moved(context, markup[at:])
        end = at + taken
        if context.state in (State.TEXT, State.RCDATA):
            opened = markup.rfind("<", at, end) if after.state is not context.state else -1
            parts.append(markup[at : opened if opened >= 0 else end])
        else:
            is_text = False
        context, at = after, end
    return markup if is_text else "".join(parts)


def _moved(context: Context, text: str) -> tuple[Context, int]:
    """Go on; what is in scripts and styles is skipped as a whole."""
    if context.element is Element.NONE or context.state in _IN_TAG:
        return rule(context, text)
    end = element_end(context, text)
    return (context, len(text)) if end is None else (START, end)


def _value_end(context: Context, markup: str, at: int) -> int:
    ends = [found for each in _ENDS[context.quote] if (found := markup.find(each, at)) >= 0]
    if not ends:
        return -1
    return min(ends) + (context.quote is not Quote.BARE)
