"""Templates by name, from files, that other texts call: `{{ template "name" . }}`."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.template.go import html
from engine.template.go.compiler import compiled
from engine.template.go.errors import TemplateError
from engine.template.go.functions import BUILTINS
from engine.template.go.nodes import Call, Node, Tree, walk
from engine.template.go.parser import is_empty
from engine.template.go.run import Body, Run
from engine.template.go.template import Dialect, Template
from engine.template.go.values import Value

_TEXTS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Definition:
    """A template of a file: its nodes, and the text that their offsets are in."""

    nodes: tuple[Node, ...]
    source: str
    file: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A template of another language, as it is run for text and for HTML."""

    text: Body
    html: Body


class Library:
    """The templates of several files. What a later file defines replaces what an earlier one did.

    As in Go, a template without content replaces none; what stands outside of every `define` is a
    template under the file's own name.
    """

    __slots__ = ("_bodies", "_texts", "definitions", "dialect", "foreign")

    def __init__(
        self,
        dialect: Dialect,
        definitions: Mapping[str, Definition] | None = None,
        foreign: Mapping[str, Foreign] | None = None,
    ) -> None:
        self.dialect = dialect
        self.definitions: Mapping[str, Definition] = definitions or {}
        self.foreign: Mapping[str, Foreign] = foreign or {}
        self._bodies: dict[str, Body] | None = None
        self._texts: dict[tuple[str, bool], Template] = {}

    def adding(self, source: str, file: str, *, by_name: bool = True) -> "Library":
        """Return a library with the templates of one more file. Raises TemplateError.

        Without `by_name` the file itself is no template.
        """
        try:
            tree = self.dialect.parse(source)
        except TemplateError as error:
            raise TemplateError(error.message, error.start, error.end, source, file) from None
        found = dict(self.definitions)
        itself = {file: tree.body} if by_name else {}
        for name, nodes in {**tree.templates, **itself}.items():
            if name not in found or not is_empty(nodes):
                found[name] = Definition(nodes, source, file)
        return Library(self.dialect, found, self.foreign)

    def adding_foreign(self, name: str, foreign: Foreign) -> "Library":
        """Return a library with a template of another language."""
        return Library(self.dialect, self.definitions, {**self.foreign, name: foreign})

    def missing(self, source: str) -> TemplateError | None:
        """Return the first call of a template that does not exist; Go fails only when it runs."""
        tree = self.dialect.parse(source)
        for node in tree.walk():
            if isinstance(node, Call) and not self.has(node.name) \
                    and node.name not in tree.templates:  # fmt: skip
                message = f"there is no template {node.name!r}"
                return TemplateError(message, node.start, node.end, source)
        return None

    def changed_since(self, base: "Library") -> frozenset[str]:
        """Return the templates of a smaller library that write something else in this one.

        They are defined anew here, or call one that is.
        """
        changed = {
            name for name, each in base.definitions.items() if self.definitions[name] is not each
        }
        while True:
            more = {
                name
                for name, each in base.definitions.items()
                if name not in changed and _calls(each.nodes) & changed
            }
            if not more:
                return frozenset(changed)
            changed |= more

    def missing_calls(self) -> list[TemplateError]:
        """Return the calls of templates that do not exist, in the library itself."""
        found = []
        for each in self.definitions.values():
            for node in walk(each.nodes):
                if isinstance(node, Call) and not self.has(node.name):
                    message = f"there is no template {node.name!r}"
                    found.append(
                        TemplateError(message, node.start, node.end, each.source, each.file)
                    )
        return found

    def has(self, name: str) -> bool:
        """Say whether there is a template of this name."""
        return name in self.definitions or name in self.foreign

    def text(self, source: str) -> Template:
        """Compile a text that may call the library. Raises TemplateError."""
        known = self._texts.get((source, False))
        return known or self._kept(source, False, self._text(source))

    def html(self, source: str) -> Template:
        """Compile a text whose values are escaped for where they stand in HTML.

        Raises TemplateError, also where that cannot be known.
        """
        known = self._texts.get((source, True))
        return known or self._kept(source, True, self._html(source))

    def _kept(self, source: str, is_html: bool, template: Template) -> Template:
        """Keep what was compiled: texts that alerts carry are compiled when they are sent."""
        if len(self._texts) >= _TEXTS_MAX:
            self._texts.clear()
        self._texts[source, is_html] = template
        return template

    def _text(self, source: str) -> Template:
        tree = self.dialect.parse(source)
        functions = {**BUILTINS, **self.dialect.functions}
        bodies = dict(self.bodies())
        for name, nodes in replacing(tree, self.definitions).items():
            bodies[name] = compiled(nodes, functions)
        return Template(self.dialect, source, compiled(tree.body, functions), bodies)

    def _html(self, source: str) -> Template:
        tree = self.dialect.parse(source)
        own = {
            name: html.Source(nodes) for name, nodes in replacing(tree, self.definitions).items()
        }
        sources = {
            name: html.Source(each.nodes, each.source, each.file)
            for name, each in self.definitions.items()
        }
        sources.update({name: html.Source((), foreign=True) for name in self.foreign})
        try:
            body, called = html.escaped(tree.body, {**sources, **own})
        except TemplateError as error:
            raise error.placed(source) from None
        except RecursionError:
            raise TemplateError("templates call each other too deeply", 0, 1, source) from None
        functions = {**BUILTINS, **self.dialect.functions}
        bodies = {name: each.html for name, each in self.foreign.items()}
        for name, (origin, nodes) in called.items():
            bodies[name] = compiled(nodes, functions)
            if origin not in own:
                bodies[name] = placing(bodies[name], self.definitions[origin])
        return Template(self.dialect, source, compiled(body, functions), bodies)

    def bodies(self) -> Mapping[str, Body]:
        """Return every template, compiled once."""
        if self._bodies is None:
            functions = {**BUILTINS, **self.dialect.functions}
            self._bodies = {
                name: placing(compiled(each.nodes, functions), each)
                for name, each in self.definitions.items()
            }
            self._bodies.update({name: each.text for name, each in self.foreign.items()})
        return self._bodies


def _calls(nodes: tuple[Node, ...]) -> set[str]:
    return {node.name for node in walk(nodes) if isinstance(node, Call)}


def replacing(tree: Tree, definitions: Mapping[str, Definition]) -> dict[str, tuple[Node, ...]]:
    """Return the templates that a text defines for itself, without empty ones that exist."""
    return {
        name: nodes
        for name, nodes in tree.templates.items()
        if name not in definitions or not is_empty(nodes)
    }


def placing(body: Body, definition: Definition) -> Body:
    """Return a body whose errors say in which file they happened."""

    def placed(run: Run, dot: Value) -> int:
        try:
            return body(run, dot)
        except TemplateError as error:
            raise error.placed(definition.source, definition.file) from None

    return placed
