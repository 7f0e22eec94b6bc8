"""A compiled template, and the cache of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2.exceptions import SecurityError

from engine.limits import DEFAULT_LIMITS
from engine.template.go import markup
from engine.template.go.compiler import compiled, shown
from engine.template.go.errors import Failure, TemplateError
from engine.template.go.functions import BUILTINS
from engine.template.go.nodes import Tree
from engine.template.go.parser import parse
from engine.template.go.run import Body, Full, Run
from engine.template.go.values import Function, GoObject, Value, clean

_CUT = "… (cut)"
_CACHED = 32_768  # texts of rules: going round a smaller cache would never hit
_OPERANDS = frozenset({"and", "call", "or"})


@dataclass(frozen=True, eq=False)
class Dialect:
    """The functions of one kind of template, and the variables it begins with.

    `variables(data)` gives their values from the data; the templates in `library` can be called
    by name. One Dialect is made per kind and kept: compiled templates are cached by it.
    """

    functions: Mapping[str, Function]
    names: tuple[str, ...] = ()
    variables: Callable[[Value], tuple[Value, ...]] = lambda _data: ()
    is_html: bool = False
    missing: str = "zero"
    library: Mapping[str, Body] = field(default_factory=dict)

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
    ) -> str:
        """Return what the template writes, cut where it is too long. Raises TemplateError.

        Functions find `context` in their run.
        """
        run = Run(self.bodies, context, output_bytes_max, self.dialect.missing)
        run.variables["$"] = data
        for name, value in zip(self.dialect.names, self.dialect.variables(data), strict=True):
            run.variables[name] = value
        try:
            self.body(run, data)
        except Full:
            pass
        except TemplateError as error:
            raise TemplateError(error.message, error.start, error.end, self.source) from None
        except (SecurityError, Failure) as error:
            raise TemplateError(str(error), 0, 1) from None
        except Exception as error:  # noqa: BLE001 - whatever a template does, only it fails
            raise TemplateError(f"cannot be expanded: {type(error).__name__}", 0, 1) from None
        return _cut(clean("".join(run.parts)), output_bytes_max)


# Short: a text is checked, searched for what it reads and compiled in one go.
@lru_cache(maxsize=64)
def _parsed(dialect: Dialect, source: str) -> Tree | TemplateError:
    try:
        return parse(source, _Known(dialect.functions), dialect.names)
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
    show = markup.shown if dialect.is_html else shown
    body, named = compiled(tree, functions, 10 + len(source) // 8, show)
    return Template(dialect, source, body, {**dialect.library, **named})


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
