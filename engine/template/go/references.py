"""What a template reads: labels, the value, queries. For loaders and lints."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.template.go.errors import TemplateError
from engine.template.go.nodes import (
    Chain,
    Command,
    Constant,
    FieldChain,
    Identifier,
    Node,
    Pipe,
    Range,
    Tree,
    Variable,
    With,
    walk,
)
from engine.template.go.prometheus import ALERT

_LABELS, _VALUE = ("$labels", "Labels"), ("$value", "Value")


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is read, and where."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class QueryUse:
    """A query: its text where that is constant; with `%s` left in where printf builds it.

    `text` is None where it can only be known when it runs. `labels` are those that are read of its
    rows.
    """

    text: str | None
    is_literal: bool
    start: int
    end: int
    labels: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class References:
    """What a template reads.

    `all_labels` says that labels are used as a whole: gone through, printed, or indexed by a name
    that is made when it runs.
    """

    labels: tuple[Use, ...] = ()
    external_labels: tuple[Use, ...] = ()
    all_labels: bool = False
    value: tuple[Use, ...] = ()
    queries: tuple[QueryUse, ...] = ()
    functions: tuple[Use, ...] = ()

    @property
    def has_query(self) -> bool:
        """Say whether the template asks for anything beyond the alert itself."""
        return bool(self.queries)


_NOTHING = References()


@lru_cache(maxsize=8_192)
def references(text: str) -> References:
    """Return what a template reads; nothing where it cannot be read."""
    if "{{" not in text:
        return _NOTHING
    try:
        tree = ALERT.parse(text)
    except TemplateError:
        return _NOTHING
    return _Finder(tree).run()


class _Finder:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.labels: list[Use] = []
        self.external: list[Use] = []
        self.value: list[Use] = []
        self.queries: list[QueryUse] = []
        self.functions: list[Use] = []
        self.all_labels = False
        self.seen: set[int] = set()
        self.rows: dict[int, list[Use]] = {}  # labels read of rows, by the pipeline that gives them

    def run(self) -> References:
        for node in self.tree.walk():
            for pipe, body in _bodies(node):
                self.rows.setdefault(id(pipe), []).extend(_row_labels(body))
            if isinstance(node, Chain) and node.names[:1] == ("Labels",) and len(node.names) > 1:
                use = Use(node.names[1], node.start, node.end)
                self.rows.setdefault(id(node.term), []).append(use)
            if isinstance(node, Command):
                self.command(node)
            elif isinstance(node, Pipe):
                self.pipe(node)
            elif isinstance(node, Identifier):
                self.functions.append(Use(node.name, node.start, node.end))
        # In a range or with, `.Labels` is that of a query's row, not the alert's.
        self.seen |= {id(each) for node in self.tree.walk() for each in _under_another_dot(node)}
        for node in self.tree.walk():
            if isinstance(node, FieldChain | Variable | Chain) and id(node) not in self.seen:
                self.read(node)
        return References(
            tuple(self.labels), tuple(self.external), self.all_labels, tuple(self.value),
            tuple(self.queries), tuple(self.functions),
        )  # fmt: skip

    def read(self, node: FieldChain | Variable | Chain) -> None:
        """Note `$labels.x`, `.Labels.x`, `$.Labels.x`, `$value`."""
        root, names = _root(node)
        if root == "labels":
            if names:
                self.labels.append(Use(names[0], node.start, node.end))
            else:
                self.all_labels = True
        elif root == "external" and names:
            self.external.append(Use(names[0], node.start, node.end))
        elif root == "value":
            self.value.append(Use("value", node.start, node.end))

    def command(self, node: Command) -> None:
        """Note `index $labels "x"`."""
        first = node.operands[0]
        if not (isinstance(first, Identifier) and first.name == "index"):
            return
        if len(node.operands) == 3:
            labels, name = node.operands[1:]
            if isinstance(labels, FieldChain | Variable) and isinstance(name, Constant):
                root, names = _root(labels)
                if root in ("labels", "external") and not names:
                    self.seen.add(id(labels))
                    found = self.labels if root == "labels" else self.external
                    found.append(Use(str(name.value), node.start, node.end))

    def pipe(self, node: Pipe) -> None:
        """Note queries: `query "…"`, `"…" | query`, `printf "…" … | query`."""
        for at, command in enumerate(node.commands):
            first = command.operands[0]
            if isinstance(first, Identifier) and first.name == "query":
                given: Node | None = None
                if len(command.operands) > 1:
                    given = command.operands[1]
                elif at:
                    given = node.commands[at - 1]
                text, is_literal = _text(given)
                uses = (*_row_labels(node.commands[at + 1 :]), *self.rows.get(id(node), ()))
                self.queries.append(
                    QueryUse(text, is_literal, command.start, command.end, tuple(uses))
                )


def _bodies(node: Node) -> Iterator[tuple[Pipe, tuple[Node, ...]]]:
    """Return what a range or with goes over, and the body where the cursor is its value."""
    if isinstance(node, Range):
        yield node.pipe, node.body
    elif isinstance(node, With):
        yield from ((branch.pipe, branch.body) for branch in node.branches)


def _under_another_dot(node: Node) -> Iterator[FieldChain]:
    for _, body in _bodies(node):
        yield from (each for each in walk(body) if isinstance(each, FieldChain))


def _row_labels(nodes: tuple[Node, ...]) -> Iterator[Use]:
    """Return the labels that are read of a query's rows: `.Labels.x`, `label "x"`.

    What goes over something else in between is left out with all that is below it.
    """
    for node in nodes:
        if any(True for _ in _bodies(node)):
            continue
        for each in walk(node):
            if isinstance(each, FieldChain) and each.names[0] == "Labels" and len(each.names) > 1:
                yield Use(each.names[1], each.start, each.end)
            elif isinstance(each, Command) and len(each.operands) > 1:
                first, name = each.operands[:2]
                if isinstance(first, Identifier) and first.name == "label" and \
                        isinstance(name, Constant):  # fmt: skip
                    yield Use(str(name.value), each.start, each.end)


def _root(node: FieldChain | Variable | Chain) -> tuple[str, tuple[str, ...]]:
    """Return what a chain reads from: labels, external, value or "", and the rest of it."""
    if isinstance(node, Chain):
        return "", ()
    names = node.names
    start = names[0] if names and (isinstance(node, FieldChain) or node.name == "$") else ""
    if isinstance(node, Variable) and node.name != "$":
        start, names = node.name, ("", *names)
    rest = names[1:]
    if start in ("$labels", "Labels"):
        return "labels", rest
    if start in ("$externalLabels", "ExternalLabels"):
        return "external", rest
    return ("value", rest) if start in ("$value", "Value") else ("", rest)


def _text(node: Node | None) -> tuple[str | None, bool]:
    """Return the text of a constant or of a printf's format."""
    while isinstance(node, Pipe | Command):
        parts = node.commands if isinstance(node, Pipe) else node.operands
        if len(parts) != 1:
            break
        node = parts[0]
    if isinstance(node, Constant) and isinstance(node.value, str):
        return node.value, True
    if isinstance(node, Pipe):
        for command in node.commands:
            found = _text(command)
            if found[0] is not None:
                return found[0], False
    if isinstance(node, Command):
        first = node.operands[0]
        if isinstance(first, Identifier) and first.name == "printf" and len(node.operands) > 1:
            return _text(node.operands[1])[0], False
    return None, False
