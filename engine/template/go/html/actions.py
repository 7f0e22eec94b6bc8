"""The values of a template: what each passes through on its way to where it stands."""

from collections.abc import Callable
from dataclasses import replace

from engine.template.go.errors import Failure
from engine.template.go.functions import BUILTINS
from engine.template.go.html import links, markup, scripts, styles
from engine.template.go.html.context import (
    COMMENTS,
    Context,
    Quote,
    Slash,
    State,
    UrlPart,
    nudged,
)
from engine.template.go.nodes import Action, Command, Identifier, Pipe
from engine.template.go.run import Run
from engine.template.go.values import Value

Escape = Callable[[Run, Value], Value]

_URL_STATES = frozenset(
    {State.URL, State.CSS_DOUBLE, State.CSS_SINGLE, State.CSS_URL_DOUBLE, State.CSS_URL_SINGLE,
     State.CSS_URL}
)  # fmt: skip
_ESCAPERS: dict[State, tuple[Escape, ...]] = {
    State.TEXT: (markup.as_text,), State.RCDATA: (markup.as_plain_text,), State.VALUE: (),
    State.NAME: (markup.as_name,), State.SRCSET: (links.image_set,), State.META: (),
    State.META_URL: (links.filtered,), State.JS: (scripts.as_expression,),
    State.JS_DOUBLE: (scripts.as_string,), State.JS_SINGLE: (scripts.as_string,),
    State.JS_TEMPLATE: (scripts.as_template,), State.JS_REGEXP: (scripts.as_regexp,),
    State.CSS: (styles.as_value,),
}  # fmt: skip
_PREDEFINED: dict[str, tuple[Escape, ...]] = {
    "html": (markup.as_text, markup.as_plain_text, markup.as_attribute),
    "urlquery": (links.component, links.normalized),
}
"""Functions of templates that do the work of an escaper, which is then left out."""


def escaped(node: Action, context: Context) -> tuple[Action, Context]:
    """Return an action that escapes its value, and where it leads. Raises Failure."""
    if node.pipe.names:
        return node, context
    context = nudged(context)
    pipe, predefined = node.pipe, _predefined(node.pipe, context)
    chain = _escapers(context)
    if context.state is State.JS:
        context = context.to(State.JS, Slash.DIVISION)
    if predefined:
        pipe, chain = _merged(pipe, predefined, chain)
    return replace(node, pipe=pipe, show=_shown(chain)), context


def _predefined(pipe: Pipe, context: Context) -> str:
    """Return `html` or `urlquery` where the pipeline ends with it. Raises Failure elsewhere."""
    for at, command in enumerate(pipe.commands):
        first = command.operands[0]
        if not isinstance(first, Identifier) or first.name not in _PREDEFINED:
            continue
        is_last = at == len(pipe.commands) - 1
        is_bare = context.state is State.VALUE and context.quote is Quote.BARE
        if not is_last or (is_bare and first.name == "html"):
            raise Failure(f"{first.name} cannot be used here: values are escaped where they stand")
        return first.name
    return ""


def _merged(pipe: Pipe, name: str, chain: list[Escape]) -> tuple[Pipe, list[Escape]]:
    """Let `html` or `urlquery` take the place of what would do its work a second time."""
    same = _PREDEFINED[name]
    if not any(each in same for each in chain):
        return pipe, chain
    call = BUILTINS[name].call
    last = pipe.commands[-1]
    commands = pipe.commands[:-1]
    if not commands:
        if len(last.operands) == 1:
            return pipe, [each for each in chain if each not in same]
        printed = Identifier(last.operands[0].start, last.operands[0].end, "print")
        commands = (Command(last.start, last.end, (printed, *last.operands[1:])),)
    return replace(pipe, commands=commands), [call if each in same else each for each in chain]


def _shown(chain: list[Escape]) -> Callable[[Run, Value], str]:
    if len(chain) == 1:
        return chain[0]

    def show(run: Run, value: Value) -> str:
        for escape in chain:
            value = escape(run, value)
        return str(value)

    return show


def _escapers(context: Context) -> list[Escape]:
    """Return what a value passes through on its way into a place. Raises Failure."""
    state = context.state
    if state in _URL_STATES:
        chain = _url_escapers(context)
    elif state in COMMENTS:
        chain = [markup.as_comment]
    else:
        chain = list(_ESCAPERS[state])
    if context.quote is Quote.BARE:
        return [*chain, markup.as_bare_attribute]
    return chain if context.quote is Quote.NONE else [*chain, markup.as_attribute]


def _url_escapers(context: Context) -> list[Escape]:
    if context.url is UrlPart.UNKNOWN:
        raise Failure("this may stand before the ? of a URL or behind it")
    if context.url is UrlPart.QUERY:
        return [links.component]
    in_string = context.state in (State.CSS_DOUBLE, State.CSS_SINGLE)
    last: Escape = styles.as_string if in_string else links.normalized
    return [links.filtered, last] if context.url is UrlPart.START else [last]
