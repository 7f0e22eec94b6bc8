"""The text of a template: where it leads, and what of it is written."""

import re
from dataclasses import replace

from engine.template.go.errors import Failure
from engine.template.go.html.context import COMMENTS, JS_LITERALS, Context, Quote, State
from engine.template.go.html.scanning import LOOKED_MAX, step, too_long
from engine.template.go.nodes import Text

_SPECIAL_TAGS = re.compile("<(script|/script|!--)", re.IGNORECASE)
_LINE_ENDS = re.compile("[\n\r\u2028\u2029]")


def followed(node: Text, context: Context) -> tuple[Text, Context]:
    """Return a text without comments, and where it leads. Raises Failure."""
    source, at, written, looked = node.text, 0, 0, 0
    parts: list[str] = []
    while at < len(source):
        looked += len(source) - at
        if looked > LOOKED_MAX:
            raise too_long()
        after, taken = step(context, source[at:])
        end = at + taken
        if not taken and after == context:
            raise Failure("this cannot be read as HTML")
        if context.state in (State.TEXT, State.RCDATA):
            opened = source.rfind("<", at, end) if after.state is not context.state else -1
            stop = opened if opened >= 0 else end
            parts.append(source[written:at] + _without_brackets(source[at:stop]))
            written = stop
        elif context.state in COMMENTS and context.quote is Quote.NONE:
            parts.append(_instead_of(context.state, source[written:end]) if end else "")
            written = end
        elif context.state in JS_LITERALS:
            parts.append(source[written:at] + _SPECIAL_TAGS.sub(r"\\x3C\1", source[at:end]))
            written = end
        if after.state is not context.state and after.state in COMMENTS \
                and after.quote is Quote.NONE:  # fmt: skip
            parts.append(source[written : end - _mark_size(source, end)])
            written = end
        context, at = after, end
    if context.state not in COMMENTS or context.quote is not Quote.NONE:
        parts.append(source[written:])
    return replace(node, text="".join(parts)), context


def _without_brackets(source: str) -> str:
    """Escape each < that begins no tag."""
    if "<" not in source:
        return source
    return re.sub(r"<(?!!DOCTYPE)", "&lt;", source, flags=re.IGNORECASE)


def _instead_of(comment: State, source: str) -> str:
    if comment is State.JS_BLOCK_COMMENT:
        return "\n" if _LINE_ENDS.search(source) else " "
    return " " if comment is State.CSS_BLOCK_COMMENT else ""


def _mark_size(source: str, end: int) -> int:
    """Return the length of what has just begun a comment."""
    if source.endswith("<!--", 0, end):
        return 4
    return 3 if source.endswith("-->", 0, end) else 2
