"""Where in HTML a value stands: the state that a browser would be in when it reads it."""

from dataclasses import dataclass, replace
from enum import Enum, auto


class State(Enum):
    """What is being read."""

    TEXT = auto()
    TAG = auto()  # in a tag, before a name or its end
    NAME = auto()  # in the name of an attribute
    AFTER_NAME = auto()
    BEFORE_VALUE = auto()
    COMMENT = auto()
    RCDATA = auto()  # in <title> and <textarea>: text in which no tags are
    VALUE = auto()  # of an attribute that is plain text
    URL = auto()
    SRCSET = auto()
    META = auto()  # of <meta content>
    META_URL = auto()  # behind its "url="
    JS = auto()
    JS_DOUBLE = auto()
    JS_SINGLE = auto()
    JS_TEMPLATE = auto()
    JS_REGEXP = auto()
    JS_BLOCK_COMMENT = auto()
    JS_LINE_COMMENT = auto()
    CSS = auto()
    CSS_DOUBLE = auto()
    CSS_SINGLE = auto()
    CSS_URL_DOUBLE = auto()
    CSS_URL_SINGLE = auto()
    CSS_URL = auto()
    CSS_BLOCK_COMMENT = auto()
    CSS_LINE_COMMENT = auto()
    DEAD = auto()  # behind break and continue: nothing is read any more


class Quote(Enum):
    """What ends the attribute's value."""

    NONE = auto()  # not in a value
    DOUBLE = auto()
    SINGLE = auto()
    BARE = auto()  # a space or the tag's end


class UrlPart(Enum):
    """How far a URL has come."""

    START = auto()
    PATH = auto()
    QUERY = auto()
    UNKNOWN = auto()  # one branch came to the query, another did not


class Slash(Enum):
    """What a / would begin in JavaScript."""

    REGEXP = auto()
    DIVISION = auto()
    UNKNOWN = auto()


class Element(Enum):
    """Elements whose content is no HTML, and meta, whose attribute may be a URL."""

    NONE = auto()
    SCRIPT = auto()
    STYLE = auto()
    TEXTAREA = auto()
    TITLE = auto()
    META = auto()


class Attribute(Enum):
    """What the value of the attribute is."""

    PLAIN = auto()
    SCRIPT = auto()
    SCRIPT_TYPE = auto()
    STYLE = auto()
    URL = auto()
    SRCSET = auto()
    META_CONTENT = auto()


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that decides how a value is escaped. The default is that of a template's start.

    `braces` counts those that are open in each `${` of nested JavaScript template literals.
    """

    state: State = State.TEXT
    quote: Quote = Quote.NONE
    url: UrlPart = UrlPart.START
    slash: Slash = Slash.REGEXP
    attribute: Attribute = Attribute.PLAIN
    element: Element = Element.NONE
    braces: tuple[int, ...] = ()

    def to(self, state: State, slash: Slash | None = None) -> "Context":
        """Return this context in another state."""
        return replace(self, state=state, slash=slash or self.slash)


START = Context()

COMMENTS = frozenset(
    {State.COMMENT, State.JS_BLOCK_COMMENT, State.JS_LINE_COMMENT, State.CSS_BLOCK_COMMENT,
     State.CSS_LINE_COMMENT}
)  # fmt: skip
JS_LITERALS = frozenset({State.JS_DOUBLE, State.JS_SINGLE, State.JS_TEMPLATE, State.JS_REGEXP})

VALUE_STATES = {
    Attribute.PLAIN: State.VALUE,
    Attribute.SCRIPT: State.JS,
    Attribute.SCRIPT_TYPE: State.VALUE,
    Attribute.STYLE: State.CSS,
    Attribute.URL: State.URL,
    Attribute.SRCSET: State.SRCSET,
    Attribute.META_CONTENT: State.META,
}
CONTENT_STATES = {
    Element.NONE: State.TEXT,
    Element.SCRIPT: State.JS,
    Element.STYLE: State.CSS,
    Element.TEXTAREA: State.RCDATA,
    Element.TITLE: State.RCDATA,
}


def nudged(context: Context) -> Context:
    """Return where a value stands that comes next: in the value behind `href=`, in a name."""
    if context.state is State.TAG:
        return context.to(State.NAME)
    if context.state is State.BEFORE_VALUE:
        state = VALUE_STATES[context.attribute]
        return replace(context, state=state, quote=Quote.BARE, attribute=Attribute.PLAIN)
    if context.state is State.AFTER_NAME:
        return replace(context, state=State.NAME, attribute=Attribute.PLAIN)
    return context


def joined(one: Context, other: Context) -> Context | None:
    """Return what is known behind two branches; None where they contradict each other."""
    if one == other or other.state is State.DEAD:
        return one
    if one.state is State.DEAD:
        return other
    if replace(one, url=other.url) == other:
        return replace(one, url=UrlPart.UNKNOWN)
    if replace(one, slash=other.slash) == other:
        return replace(one, slash=Slash.UNKNOWN)
    next_one, next_other = nudged(one), nudged(other)
    if (next_one, next_other) != (one, other):
        return joined(next_one, next_other)
    return None


PLACES = {
    State.TEXT: "in text", State.TAG: "in a tag", State.NAME: "in the name of an attribute",
    State.AFTER_NAME: "behind the name of an attribute",
    State.BEFORE_VALUE: "before the value of an attribute", State.COMMENT: "in a comment",
    State.RCDATA: "in a title or textarea", State.VALUE: "in an attribute",
    State.URL: "in a URL", State.SRCSET: "in a srcset", State.META: "in the content of meta",
    State.META_URL: "in a URL", State.JS: "in a script",
    **dict.fromkeys(JS_LITERALS, "in a text of JavaScript"),
    State.JS_BLOCK_COMMENT: "in a comment", State.JS_LINE_COMMENT: "in a comment",
    State.CSS: "in a style", State.CSS_DOUBLE: "in a string of CSS",
    State.CSS_SINGLE: "in a string of CSS", State.CSS_URL_DOUBLE: "in a URL",
    State.CSS_URL_SINGLE: "in a URL", State.CSS_URL: "in a URL",
    State.CSS_BLOCK_COMMENT: "in a comment", State.CSS_LINE_COMMENT: "in a comment",
    State.DEAD: "behind break or continue",
}  # fmt: skip
"""How people are told of it."""
