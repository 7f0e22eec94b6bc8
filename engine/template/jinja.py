"""Compile and render Jinja2 in a sandbox of plain values."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import TocsinError
from engine.limits import DEFAULT_LIMITS
from engine.template.budget import INTEGER_BITS_MAX, Budget, current, fits, spending, start
from engine.template.filters import FILTERS, as_text, join

_SOURCE_CHARS_MAX = 16_384
_RANGE_MAX = 1_000
_DEPTH_MAX = 40
_CUT = "… (cut)"
_NO_JSON = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Extends: "extends", nodes.Include: "include", nodes.Import: "import",
    nodes.FromImport: "from … import", nodes.Macro: "macro", nodes.CallBlock: "call",
    nodes.FilterBlock: "filter", nodes.Block: "block", nodes.AssignBlock: "set … endset",
    nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip
_STRING_METHODS = frozenset(
    {"lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "split", "title",
     "capitalize", "removeprefix", "removesuffix"}
)  # fmt: skip
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
_LOOP_NAMES = frozenset(
    {"index", "index0", "first", "last", "length", "revindex", "revindex0", "depth"}
)


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong with a template, and in which of its lines (from 1)."""

    line: int
    message: str

    def place(self, source: str) -> tuple[int, int]:
        """Return offset and length of the line in the source."""
        lines = source.splitlines(keepends=True) or [""]
        index = min(self.line, len(lines)) - 1
        start_at = sum(map(len, lines[:index]))
        text = lines[index].strip()
        indent = len(lines[index]) - len(lines[index].lstrip())
        return start_at + indent, max(len(text), 1)


@dataclass(frozen=True, slots=True)
class References:
    """What a template reads: names, and the labels it reads as `labels.x` or `labels["x"]`."""

    names: frozenset[str]
    labels: frozenset[str]


def _bounded_range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > _RANGE_MAX:
        raise SecurityError(f"range is limited to {_RANGE_MAX} numbers")
    return numbers


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reaches mappings, lists, texts and numbers; every growing operation is measured first."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, escapes: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined, autoescape=escapes, optimized=False, finalize=as_text,
            keep_trailing_newline=False, cache_size=0,
        )  # fmt: skip
        self.filters = {**FILTERS, "_steps": _steps, "_concat": join}
        self.tests = {
            name: self.tests[name]
            for name in ("defined", "undefined", "none", "number", "string", "mapping", "sequence",
                         "even", "odd", "in", "==", "!=", "<", "<=", ">", ">=", "true", "false")
        }  # fmt: skip
        self.globals = {"range": _bounded_range}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read `obj.attribute`: an entry of a mapping first, then the few methods allowed."""
        current().spend(1)
        if isinstance(obj, Mapping):
            if attribute in obj:
                return obj[attribute]
            if attribute in _MAPPING_METHODS:
                return getattr(obj, attribute)
            # A series without the label: empty, as in Prometheus; `default` still sees it.
            return Undefined(name=attribute)
        if isinstance(obj, str) and attribute in _STRING_METHODS:
            return getattr(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP_NAMES:
            return getattr(obj, attribute)
        if attribute in _field_names(obj):
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read `obj[argument]` of a mapping, a list or a text."""
        current().spend(1)
        if isinstance(obj, Mapping):
            return obj[argument] if argument in obj else Undefined(name=str(argument)[:80])
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                return Undefined(name=str(argument)[:80])
        return self.undefined(obj=obj, name=str(argument)[:80])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Measure what an operator would make before it makes it."""
        current().spend(1)
        if operator == "*" and not (_is_number(left) and _is_number(right)):
            raise SecurityError("only numbers can be multiplied")
        if operator == "%" and not _is_number(left):
            raise SecurityError("only numbers have a remainder")
        if operator == "+" and not _is_number(left):
            if not (isinstance(left, str) and isinstance(right, str)):
                raise SecurityError("only numbers and texts can be added")
            fits(len(left) + len(right))
        if operator in ("*", "**", "+", "-") and _is_number(left) and _is_number(right):
            _check_size(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, __context: Any, function: Any, *arguments: Any, **named: Any) -> Any:
        """Call a method that `getattr` allowed, or range."""
        current().spend(1)
        owner = getattr(function, "__self__", None)
        allowed = function is _bounded_range or isinstance(owner, str | Mapping)
        if not allowed:
            raise SecurityError("only range and methods of texts and mappings can be called")
        if isinstance(owner, str):
            fits(len(owner))
        for internal in ("_loop_vars", "_block_vars"):
            named.pop(internal, None)
        return function(*arguments, **named)


def _field_names(value: object) -> Iterable[str]:
    """Return the fields of a plain record: a dataclass or a msgspec Struct."""
    if is_dataclass(value):
        return (field.name for field in fields(value))
    names: Iterable[str] = getattr(type(value), "__struct_fields__", ())
    return names


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _check_size(operator: str, left: Any, right: Any) -> None:
    if isinstance(left, float) or isinstance(right, float):
        return
    bits = left.bit_length() + right.bit_length()
    if operator == "**":
        bits = left.bit_length() * abs(right)
    if bits > INTEGER_BITS_MAX:
        raise SecurityError("this number is too large")


def _steps(values: Any, price: int) -> Iterator[Any]:
    """Count the turns of a loop; a turn costs by the length of its template."""
    if isinstance(values, Mapping):
        values = list(values)
    for value in values:
        current().spend(price)
        yield value


_SANDBOX = _Sandbox()
_HTML_SANDBOX = _Sandbox(escapes=True)


def _parse(source: str, chars_max: int = _SOURCE_CHARS_MAX) -> nodes.Template:
    """Parse and rewrite. Raises TemplateSyntaxError on what is broken or refused."""
    if len(source) > chars_max:
        raise TemplateSyntaxError(f"longer than {chars_max:,} characters", 1)
    tree = _SANDBOX.parse(source)
    _inspect(tree, 0)
    return tree


def _inspect(node: nodes.Node, depth: int) -> None:
    if type(node) in _REFUSED:
        raise TemplateSyntaxError(f"`{_REFUSED[type(node)]}` cannot be used here", node.lineno)
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateSyntaxError("a recursive loop cannot be used here", node.lineno)
    if isinstance(node, nodes.List | nodes.Dict | nodes.Tuple) and not _is_literal(node):
        # Lists of lists of lists double with every `set`; comparing them takes exponential time.
        raise TemplateSyntaxError("a list holds only fixed values here", node.lineno)
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise TemplateSyntaxError(f"there is no filter {node.name!r}", node.lineno)
    if depth > _DEPTH_MAX:
        raise TemplateSyntaxError(f"nested deeper than {_DEPTH_MAX}", node.lineno)
    for child in node.iter_child_nodes():
        _inspect(child, depth + 1)


def _is_literal(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Tuple) and node.ctx == "store":
        return True
    return all(
        isinstance(child, nodes.Const)
        or (isinstance(child, nodes.List | nodes.Tuple | nodes.Pair) and _is_literal(child))
        for child in node.iter_child_nodes()
    )


def _bound(tree: nodes.Template, source: str, sandbox: _Sandbox) -> None:
    """Put the counters in: one turn of a loop and each `~` are charged."""
    price = 10 + len(source) // 8
    for loop in list(tree.find_all(nodes.For)):
        arguments: list[nodes.Expr] = [nodes.Const(price)]
        loop.iter = nodes.Filter(loop.iter, "_steps", arguments, [], None, None)
    _replace_concat(tree)
    tree.set_environment(sandbox)
    for node in tree.find_all(nodes.Node):
        node.lineno = getattr(node, "lineno", None) or 1


def _replace_concat(node: nodes.Node) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            node_list = [_without_concat(part) for part in value]
            setattr(node, name, node_list)
        else:
            setattr(node, name, _without_concat(value))


def _without_concat(value: Any) -> Any:
    if not isinstance(value, nodes.Node):
        return value
    _replace_concat(value)
    if isinstance(value, nodes.Concat):
        return nodes.Filter(nodes.List(value.nodes), "_concat", [], [], None, None)
    return value


@lru_cache(maxsize=8_192)
def _compiled(
    source: str, escapes: bool = False, chars_max: int = _SOURCE_CHARS_MAX
) -> Template | TemplateProblem:
    sandbox = _HTML_SANDBOX if escapes else _SANDBOX
    try:
        tree = _parse(source, chars_max)
        _bound(tree, source, sandbox)
        code = sandbox.compile(tree)
        return Template.from_code(sandbox, code, dict(sandbox.globals))
    except TemplateSyntaxError as error:
        return TemplateProblem(error.lineno, error.message or "broken template")
    except TemplateError as error:
        return TemplateProblem(1, error.message or "broken template")
    except (RecursionError, SyntaxError, MemoryError, ValueError, OverflowError) as error:
        return TemplateProblem(1, f"this template cannot be compiled: {type(error).__name__}")


class ExpansionError(TocsinError):
    """A template that fails while it is expanded; the message says why."""


@dataclass(frozen=True, slots=True)
class FileTemplate:
    """A template that is a file of its own, for text and for HTML."""

    source: str
    chars_max: int

    @property
    def problem(self) -> TemplateProblem | None:
        """What keeps it from compiling."""
        found = _compiled(self.source, False, self.chars_max)
        return found if isinstance(found, TemplateProblem) else None

    def expand(self, context: Mapping[str, object], budget: Budget, *, escapes: bool) -> str:
        """Return what it writes; with `escapes` values are escaped for HTML.

        What it does is charged to the budget. Raises ExpansionError.
        """
        template = _compiled(self.source, escapes, self.chars_max)
        if isinstance(template, TemplateProblem):
            raise ExpansionError(f"line {template.line}: {template.message}")
        parts: list[str] = []
        try:
            with spending(budget):
                for part in template.generate(context):
                    budget.spend(1 + len(part) // 64)
                    parts.append(part)
        except Exception as error:  # noqa: BLE001 - any expression may fail in any way
            raise ExpansionError(str(error) or type(error).__name__) from None
        return "".join(parts)


def check(source: str) -> TemplateProblem | None:
    """Return what keeps a template from compiling, or None."""
    found = _compiled(source)
    return found if isinstance(found, TemplateProblem) else None


@lru_cache(maxsize=8_192)
def references(source: str) -> References:
    """Return what a template reads; nothing where it does not compile."""
    try:
        tree = _parse(source)
        names = find_undeclared_variables(tree) - set(_SANDBOX.globals)
    except (TemplateError, RecursionError):
        return References(frozenset(), frozenset())
    labels = set()
    for member in tree.find_all(nodes.Getattr):
        if _is_labels(member.node) and member.attr not in _MAPPING_METHODS:
            labels.add(member.attr)
    for element in tree.find_all(nodes.Getitem):
        if _is_labels(element.node) and isinstance(element.arg, nodes.Const):
            labels.add(str(element.arg.value))
    return References(frozenset(names), frozenset(labels))


def _is_labels(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "labels"


def render_all(
    templates: Mapping[str, str],
    context: Mapping[str, object],
    *,
    output_bytes_max: int = DEFAULT_LIMITS.template_output_bytes_max,
) -> dict[str, str]:
    """Render each template over plain values; a failure is "<error: …>" in its place.

    Context: texts, numbers, truth values, lists and mappings of them, frozen records of them.
    """
    known = {name: _revived(value) for name, value in context.items()}
    if isinstance(values := known.get("values"), Mapping):
        known["values"] = {name: _revived(value) for name, value in values.items()}
    return {name: _render(source, known, output_bytes_max) for name, source in templates.items()}


def _revived(value: object) -> object:
    """Return what records say as "NaN", "+Inf" and "-Inf" as the number it is."""
    return _NO_JSON.get(value, value) if isinstance(value, str) else value


def _render(source: str, context: Mapping[str, object], output_bytes_max: int) -> str:
    if "{" not in source:
        return _cut(source, output_bytes_max)
    template = _compiled(source)
    if isinstance(template, TemplateProblem):
        return _error(f"line {template.line}: {template.message}")
    budget = start()
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(context):
            budget.spend(1 + len(part) // 64)
            parts.append(part)
            size += len(part)
            if size > output_bytes_max:
                break
    except Exception as error:  # noqa: BLE001 - any expression may fail in any way
        return _error(str(error) or type(error).__name__)
    return _cut("".join(parts), output_bytes_max)


def _error(text: str) -> str:
    return f"<error: {text[:200]}>"


def _cut(text: str, bytes_max: int) -> str:
    encoded = text.encode("utf-8", errors="replace")
    if len(encoded) <= bytes_max:
        return text
    kept = max(bytes_max - len(_CUT.encode()), 0)
    return encoded[:kept].decode("utf-8", errors="ignore") + _CUT
