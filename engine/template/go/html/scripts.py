"""JavaScript: how its text moves the context, and how values are written into it."""

import re
from dataclasses import replace

from engine.template.go.errors import Failure
from engine.template.go.html.context import Context, Slash, State
from engine.template.go.html.values import content
from engine.template.go.json_text import json_text
from engine.template.go.moments import Time
from engine.template.go.run import Run
from engine.template.go.values import GoObject, Value

_SCRIPT_TYPES = frozenset(
    [f"application/{kind}" for kind in
     ("ecmascript", "javascript", "json", "ld+json", "x-ecmascript", "x-javascript")]
    + [f"text/{kind}" for kind in
       ("ecmascript", "javascript", "jscript", "livescript", "x-ecmascript", "x-javascript",
        *(f"javascript1.{minor}" for minor in range(6)))]
    + ["", "module"]
)  # fmt: skip
_TOKEN = re.compile("[\"'`/{}<#-]")
_SPACES = "\t\n\f\r \u2028\u2029"
_WORD = re.compile(r"[A-Za-z0-9_$]*\Z")
_BEFORE_REGEXP = frozenset(
    ("break", "case", "continue", "delete", "do", "else", "finally", "in", "instanceof", "return",
     "throw", "try", "typeof", "void")
)  # fmt: skip
_OPERATORS = frozenset(",<>=*%&|^?!~([:;{}")
_LITERALS = {
    '"': State.JS_DOUBLE, "'": State.JS_SINGLE, "`": State.JS_TEMPLATE,
}  # fmt: skip
_LITERAL_PARTS = {
    State.JS_DOUBLE: re.compile(r'[\\"]'), State.JS_SINGLE: re.compile(r"[\\']"),
    State.JS_TEMPLATE: re.compile(r"\\|`|\$\{"),
    State.JS_REGEXP: re.compile(r"(?i:</script)|[\\/\[\]]"),
}  # fmt: skip


def is_script_type(text: str) -> bool:
    """Say whether a script of this type is one that browsers run or data that pages read."""
    return text.split(";", 1)[0].strip().lower() in _SCRIPT_TYPES


def slash_after(text: str, before: Slash) -> Slash:
    """Return what a / behind some tokens begins; `before` where there are none."""
    text = text.rstrip(_SPACES)
    if not text:
        return before
    last = text[-1]
    if last in "+-":
        count = len(text) - len(text.rstrip(last))
        return Slash.REGEXP if count % 2 else Slash.DIVISION
    if last == ".":
        return Slash.DIVISION if text[-2:-1] in tuple("0123456789") else Slash.REGEXP
    if last in _OPERATORS:
        return Slash.REGEXP
    word = _WORD.search(text)
    assert word is not None, "an empty word matches, too"
    return Slash.REGEXP if word.group() in _BEFORE_REGEXP else Slash.DIVISION


def in_script(context: Context, text: str) -> tuple[Context, int]:
    """Read up to a literal, a comment or a brace. Raises Failure where / may be either."""
    found = _TOKEN.search(text)
    if found is None:
        return replace(context, slash=slash_after(text, context.slash)), len(text)
    at, mark = found.start(), found.group()
    context = replace(context, slash=slash_after(text[:at], context.slash))
    if mark in _LITERALS:
        return context.to(_LITERALS[mark], Slash.REGEXP), at + 1
    if mark in "{}":
        return _brace(context, mark), at + 1
    for opening, state in _COMMENTS:
        if text.startswith(opening, at):
            return context.to(state), at + len(opening)
    if mark == "/":
        return _slash(context, text[at:]), at + 1
    return context, at + 1


_COMMENTS = (
    ("//", State.JS_LINE_COMMENT), ("/*", State.JS_BLOCK_COMMENT),
    ("<!--", State.JS_LINE_COMMENT), ("-->", State.JS_LINE_COMMENT), ("#!", State.JS_LINE_COMMENT),
)  # fmt: skip


def _slash(context: Context, rest: str) -> Context:
    if context.slash is Slash.UNKNOWN:
        raise Failure(f"the / in {rest[:20]!r} may be a division or begin an expression")
    if context.slash is Slash.REGEXP:
        return context.to(State.JS_REGEXP)
    return replace(context, slash=Slash.REGEXP)


def _brace(context: Context, mark: str) -> Context:
    """Count braces in `${`, whose own } leads back into the template literal."""
    *outer, depth = context.braces or (0,)
    depth += 1 if mark == "{" else -1
    if context.braces and depth < 0:
        return replace(context, state=State.JS_TEMPLATE, braces=tuple(outer))
    open_braces = (*outer, depth) if context.braces else ()
    return replace(context, slash=Slash.REGEXP, braces=open_braces)


def in_literal(context: Context, text: str) -> tuple[Context, int]:
    """Read up to the end of a literal. Raises Failure where an escape is left open."""
    pattern, at, in_class = _LITERAL_PARTS[context.state], 0, False
    while found := pattern.search(text, at):
        part, at = found.group(), found.end()
        if part == "\\":
            if at == len(text):
                raise Failure(r"a \ at the end of a text of JavaScript")
            at += 1
        elif part == "${":
            return replace(context, state=State.JS, braces=(*context.braces, 0)), at
        elif part in "[]":
            in_class = part == "["
        elif part[0] != "<" and not in_class:  # a tag's end is escaped, it ends nothing
            slash = context.slash if context.state is State.JS_TEMPLATE else Slash.DIVISION
            return context.to(State.JS, slash), at
    if in_class:
        raise Failure("a [ is open in an expression of JavaScript")
    return context, len(text)


def _table(escaped: str, named: dict[str, str]) -> dict[int, str]:
    codes = {character: f"\\u{ord(character):04x}" for character in escaped}
    return str.maketrans({**codes, **named})


_STRING = {"\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "/": "\\/", "\\": "\\\\"}
_TEXT = _table("\0\v\"&'+<>`\u2028\u2029", _STRING)
_TEMPLATE = _table("\0\v\"&'+<>`${}\u2028\u2029", _STRING)
_REGEXP = _table(
    "\0\v\"&'+<>\u2028\u2029", {**_STRING, **{each: f"\\{each}" for each in "$()*-.?[]^{|}"}}
)


def as_string(run: Run, value: Value) -> str:
    """Write a value inside of quotes."""
    return content(run, value)[0].translate(_TEXT)


def as_template(run: Run, value: Value) -> str:
    """Write a value inside of backquotes."""
    return content(run, value)[0].translate(_TEMPLATE)


def as_regexp(run: Run, value: Value) -> str:
    """Write a value inside of slashes, where it stands for itself."""
    return content(run, value)[0].translate(_REGEXP) or "(?:)"


def as_expression(run: Run, value: Value) -> str:
    """Write a value as JSON, apart from what stands beside it."""
    if isinstance(value, GoObject) and not isinstance(value, Time):
        text = value.go_text()
        value = value if text is None else text
    try:
        shown = json_text(value, run.budget)
    except Failure as failure:
        reason = (
            str(failure).replace("*/", "* /").replace("</", "\\x3C/").replace("<!--", "\\x3C!--")
        )
        return f" /* {reason} */null "
    is_word = _WORD.search(shown[:1]) or _WORD.search(shown[-1:])
    assert is_word is not None, "an empty word matches, too"
    return f" {shown} " if shown[0] not in '"[{' else shown
