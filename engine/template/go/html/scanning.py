"""How text moves the context: tags, attributes, comments, and into scripts, styles and URLs."""

import html as entities
import re
from collections.abc import Callable
from dataclasses import replace

from engine.template.go.errors import Failure
from engine.template.go.html.attributes import attribute_of
from engine.template.go.html.context import (
    COMMENTS,
    CONTENT_STATES,
    JS_LITERALS,
    START,
    VALUE_STATES,
    Attribute,
    Context,
    Element,
    Quote,
    State,
    UrlPart,
)
from engine.template.go.html.scripts import in_literal, in_script, is_script_type
from engine.template.go.html.styles import in_string, in_style

LOOKED_MAX = 1_000_000_000
"""Characters that one text may be searched through, step by step: about a second."""

SPACES = " \t\n\f\r"
_TAG = re.compile(r"<(?:(!--)|(/?)([A-Za-z](?:[A-Za-z0-9]|[:-](?=[A-Za-z0-9]))*))")
_NAME = re.compile(r"[^ \t\n\f\r=>]*")
_ELEMENTS = {
    "script": Element.SCRIPT, "style": Element.STYLE, "textarea": Element.TEXTAREA,
    "title": Element.TITLE, "meta": Element.META,
}  # fmt: skip
_ENDS: dict[Element, re.Pattern[str]] = {
    element: re.compile(rf"</{name}[> \t\n\f/]", re.IGNORECASE)
    for name, element in _ELEMENTS.items()
    if element is not Element.META
}
_QUOTES = {
    Quote.DOUBLE: re.compile('"'), Quote.SINGLE: re.compile("'"),
    Quote.BARE: re.compile(r"[ \t\n\f\r>]"),
}  # fmt: skip
_AMBIGUOUS = re.compile("[\"'<=`]")
_JS_LINE_END = re.compile("[\n\r\u2028\u2029]")
_CSS_LINE_END = re.compile("[\n\f\r]")

Step = tuple[Context, int]
"""A context, and how many characters led to it."""


def too_long() -> Failure:
    """Return what is said of a text that would take too long."""
    return Failure("this text is too long for HTML; put actions or files between")


def step(context: Context, text: str) -> Step:
    """Go on as far as one rule leads. Raises Failure where browsers would not agree."""
    if context.quote is not Quote.NONE:
        return _in_value(context, text)
    end = element_end(context, text)
    if end == 0:
        return START, 0
    return rule(context, text if end is None else text[:end])


def rule(context: Context, text: str) -> Step:
    """Apply the rule of a state, whatever the text around."""
    return _RULES[context.state](context, text)


def element_end(context: Context, text: str) -> int | None:
    """Return where `</script>` and its like begin; those in a script's literals are escaped."""
    pattern = _ENDS.get(context.element)
    if pattern is None:
        return None
    if context.element is Element.SCRIPT and (
        context.state in JS_LITERALS or context.state in COMMENTS
    ):
        return None
    found = pattern.search(text)
    return found.start() if found else None


def _in_value(context: Context, text: str) -> Step:
    found = _QUOTES[context.quote].search(text)
    end = found.start() if found else len(text)
    if context.quote is Quote.BARE and (wrong := _AMBIGUOUS.search(text, 0, end)):
        raise Failure(f"{wrong.group()!r} in an unquoted attribute: put its value in quotes")
    if found is None:
        rest, looked = entities.unescape(text), 0
        while rest:
            looked += len(rest)
            if looked > LOOKED_MAX:
                raise too_long()
            context, taken = rule(context, rest)
            rest = rest[taken:]
        return context, end
    element = context.element
    if (
        context.state is State.VALUE
        and context.attribute is Attribute.SCRIPT_TYPE
        and not is_script_type(text[:end])
    ):
        element = Element.NONE  # a script that is none: its content is text
    after = end if context.quote is Quote.BARE else end + 1
    return Context(State.TAG, element=element), after


def _text(context: Context, text: str) -> Step:
    found = _TAG.search(text)
    if found is None:
        return context, len(text)
    comment, closing, name = found.groups()
    if comment:
        return Context(State.COMMENT), found.end()
    element = Element.NONE if closing else _ELEMENTS.get(name.lower(), Element.NONE)
    return Context(State.TAG, element=element), found.end()


def _after_spaces(text: str) -> int:
    return len(text) - len(text.lstrip(SPACES))


def _name_end(text: str, start: int) -> int:
    found = _NAME.match(text, start)
    assert found is not None, "an empty name matches, too"
    if wrong := re.search("['\"<]", found.group()):
        raise Failure(f"{wrong.group()!r} in the name of an attribute")
    return found.end()


def _tag(context: Context, text: str) -> Step:
    start = _after_spaces(text)
    if start == len(text):
        return context, start
    if text[start] == ">":
        inside = Element.NONE if context.element is Element.META else context.element
        return Context(CONTENT_STATES[inside], element=inside), start + 1
    end = _name_end(text, start)
    if end == start:
        raise Failure(f"an attribute or the end of the tag should stand at {text[start:][:20]!r}")
    attribute = attribute_of(text[start:end].lower(), context.element)
    state = State.NAME if end == len(text) else State.AFTER_NAME
    return Context(state, element=context.element, attribute=attribute), end


def _name(context: Context, text: str) -> Step:
    end = _name_end(text, 0)
    return (context if end == len(text) else context.to(State.AFTER_NAME)), end


def _after_name(context: Context, text: str) -> Step:
    start = _after_spaces(text)
    if start == len(text):
        return context, start
    if text[start] == "=":
        return context.to(State.BEFORE_VALUE), start + 1
    return context.to(State.TAG), start


def _before_value(context: Context, text: str) -> Step:
    start = _after_spaces(text)
    if start == len(text):
        return context, start
    quote = {'"': Quote.DOUBLE, "'": Quote.SINGLE}.get(text[start], Quote.BARE)
    after = start if quote is Quote.BARE else start + 1
    return replace(context, state=VALUE_STATES[context.attribute], quote=quote), after


def _comment(context: Context, text: str) -> Step:
    end = text.find("-->")
    return (context, len(text)) if end < 0 else (START, end + 3)


def _stay(context: Context, text: str) -> Step:
    return context, len(text)


def _url(context: Context, text: str) -> Step:
    return replace(context, url=url_part(context.url, text)), len(text)


def url_part(part: UrlPart, text: str) -> UrlPart:
    """Return how far a URL has come behind a text."""
    if "#" in text or "?" in text:
        return UrlPart.QUERY
    if part is UrlPart.START and text.strip(SPACES):
        return UrlPart.PATH
    return part


def _meta(context: Context, text: str) -> Step:
    found = text.lower().find("url=")
    return (context, len(text)) if found < 0 else (context.to(State.META_URL), found + 4)


def _meta_url(context: Context, text: str) -> Step:
    end = text.find(";")
    return (context, len(text)) if end < 0 else (context.to(State.META), end + 1)


def _block_comment(after: State) -> Callable[[Context, str], Step]:
    def read(context: Context, text: str) -> Step:
        end = text.find("*/")
        return (context, len(text)) if end < 0 else (context.to(after), end + 2)

    return read


def _line_comment(pattern: re.Pattern[str], after: State) -> Callable[[Context, str], Step]:
    def read(context: Context, text: str) -> Step:
        end = pattern.search(text)
        return (context, len(text)) if end is None else (context.to(after), end.start())

    return read


_RULES: dict[State, Callable[[Context, str], Step]] = {
    State.TEXT: _text, State.TAG: _tag, State.NAME: _name, State.AFTER_NAME: _after_name,
    State.BEFORE_VALUE: _before_value, State.COMMENT: _comment, State.RCDATA: _stay,
    State.VALUE: _stay, State.URL: _url, State.SRCSET: _url, State.META: _meta,
    State.META_URL: _meta_url, State.JS: in_script,
    **dict.fromkeys(JS_LITERALS, in_literal),
    State.JS_BLOCK_COMMENT: _block_comment(State.JS),
    State.JS_LINE_COMMENT: _line_comment(_JS_LINE_END, State.JS),
    State.CSS: in_style,
    **dict.fromkeys(
        (State.CSS_DOUBLE, State.CSS_SINGLE, State.CSS_URL_DOUBLE, State.CSS_URL_SINGLE,
         State.CSS_URL),
        lambda context, text: in_string(context, text, url_part),
    ),
    State.CSS_BLOCK_COMMENT: _block_comment(State.CSS),
    State.CSS_LINE_COMMENT: _line_comment(_CSS_LINE_END, State.CSS),
}  # fmt: skip
