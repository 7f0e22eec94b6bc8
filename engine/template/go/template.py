"""A compiled template, and the cache of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2.exceptions import SecurityError

from engine.limits import DEFAULT_LIMITS
from engine.template.budget import STEPS_MAX, TEXT_CHARS_MAX, Budget
from engine.template.go import html
from engine.template.go.compiler import compiled
from engine.template.go.errors import Failure, TemplateError
from engine.template.go.functions import BUILTINS
from engine.template.go.nodes import Node, Tree
from engine.template.go.parser import SOURCE_CHARS_MAX, parse
from engine.template.go.run import Body, Full, Run
from engine.template.go.values import Function, GoObject, Value, clean

_CUT = "… (cut)"
_CACHED = 32_768  # texts of rules: going round a smaller cache would never hit
_OPERANDS = frozenset({"and", "call", "or"})


@dataclass(frozen=True, eq=False)
class Dialect:
    """The functions of one kind of template, the variables it begins with, and its bounds.

    `variables(data)` gives their values from the data. One Dialect is made per kind and kept:
    compiled templates are cached by it.
    """

    functions: Mapping[str, Function]
    names: tuple[str, ...] = ()
    variables: Callable[[Value], tuple[Value, ...]] = lambda _data: ()
    is_html: bool = False
    missing: str = "zero"
    steps_max: int = STEPS_MAX
    text_chars_max: int = TEXT_CHARS_MAX
    source_chars_max: int = SOURCE_CHARS_MAX

    def parse(self, source: str) -> Tree:
        """Parse a text. Raises TemplateError."""
        found = _parsed(self, source)
        if isinstance(found, TemplateError):
            raise found.with_traceback(None)
        return found

    def compile(self, source: str) -> "Template":
        """Compile a text, once. Raises TemplateError."""
        found = _compiled(self, source)
        if isinstance(found, TemplateError):
            raise found.with_traceback(None)
        return found


class _Known:
    """The names that a template may call."""

    __slots__ = ("functions",)

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions

    def __contains__(self, name: object) -> bool:
        return name in self.functions or name in BUILTINS or name in _OPERANDS


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; expanding it twice with equal data gives equal texts."""

    dialect: Dialect
    source: str
    body: Body
    bodies: Mapping[str, Body]

    def expand(
        self,
        data: Value,
        context: Any = None,
        *,
        output_bytes_max: int = DEFAULT_LIMITS.template_output_bytes_max,
        budget: Budget | None = None,
    ) -> str:
        """Return what the template writes, cut where it is too long. Raises TemplateError.

        Functions find `context` in their run. An expansion inside another one shares its budget.
        """
        dialect = self.dialect
        spent = budget or Budget(dialect.steps_max, dialect.text_chars_max)
        run = Run(self.bodies, context, output_bytes_max, dialect.missing, spent)
        run.variables["$"] = data
        for name, value in zip(dialect.names, dialect.variables(data), strict=True):
            run.variables[name] = value
        try:
            self.body(run, data)
        except Full:
            pass
        except TemplateError as error:
            raise error.placed(self.source) from None
        except (SecurityError, Failure) as error:
            raise TemplateError(str(error), 0, 1) from None
        except Exception as error:  # noqa: BLE001 - whatever a template does, only it fails
            raise TemplateError(f"cannot be expanded: {type(error).__name__}", 0, 1) from None
        return _cut(clean("".join(run.parts)), output_bytes_max)


# Short: a text is checked, searched for what it reads and compiled in one go.
@lru_cache(maxsize=64)
def _parsed(dialect: Dialect, source: str) -> Tree | TemplateError:
    try:
        return parse(source, _Known(dialect.functions), dialect.names, dialect.source_chars_max)
    except TemplateError as error:
        return error
    except (RecursionError, ValueError, OverflowError) as error:
        return TemplateError(f"cannot be read: {type(error).__name__}", 0, 1)


@lru_cache(maxsize=_CACHED)
def _compiled(dialect: Dialect, source: str) -> Template | TemplateError:
    try:
        tree = dialect.parse(source)
    except TemplateError as error:
        return error
    functions = {**BUILTINS, **dialect.functions}
    body, named = tree.body, dict(tree.templates)
    if dialect.is_html:
        try:
            body, named = _escaped(tree)
        except TemplateError as error:
            return error.placed(source)
    bodies = {name: compiled(nodes, functions) for name, nodes in named.items()}
    return Template(dialect, source, compiled(body, functions), bodies)


def _escaped(tree: Tree) -> tuple[tuple[Node, ...], dict[str, tuple[Node, ...]]]:
    """Escape a text and all that it defines: `tmpl` may call any of it."""
    sources = {name: html.Source(nodes) for name, nodes in tree.templates.items()}
    body, called = html.escaped(tree.body, sources)
    for name, nodes in tree.templates.items():
        if name not in called:
            found, more = html.escaped(nodes, sources)
            called = {**called, **more, name: (name, found)}
    return body, {name: nodes for name, (_, nodes) in called.items()}


def _cut(text: str, bytes_max: int) -> str:
    if len(text) * 4 <= bytes_max:
        return text
    encoded = text.encode("utf-8", errors="replace")
    if len(encoded) <= bytes_max:
        return text
    kept = max(bytes_max - len(_CUT.encode()), 0)
    return encoded[:kept].decode("utf-8", errors="ignore") + _CUT


def data_of(value: object) -> Value:
    """Return plain data as values of templates: JSON's types, and objects as they are."""
    if value is None or isinstance(value, bool | int | float | str | GoObject):
        return value
    if isinstance(value, Mapping):
        return {str(key): data_of(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [data_of(each) for each in value]
    raise TypeError(f"a {type(value).__name__} is no data for templates")
