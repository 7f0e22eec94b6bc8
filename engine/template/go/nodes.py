"""The syntax tree of a template. Offsets are characters of its text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Node:
    """Any node: where it stands in the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """`.`: the cursor."""


@dataclass(frozen=True, slots=True)
class Nil(Node):
    """`nil`."""


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A text or truth value."""

    value: str | bool


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number constant under every type that can hold it; `ideal` is its type by syntax.

    `ideal` is None for an unsigned number that no int holds.
    """

    text: str
    ideal: int | float | complex | None
    as_int: int | None = None
    as_uint: int | None = None
    as_float: float | None = None


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class FieldChain(Node):
    """`.a.b`: fields of the cursor."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """`$x.a.b`: a variable and fields of it."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`(pipeline).a.b`: fields of a term."""

    term: Node
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command(Node):
    """Operands with spaces between: a value, or a call."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Pipe(Node):
    """Commands with `|` between, and the variables that take the result."""

    commands: tuple[Command, ...]
    names: tuple[str, ...] = ()
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text as it stands, trimmed."""

    text: str


@dataclass(frozen=True, slots=True)
class Action(Node):
    """`{{ pipeline }}`, and how its value is written where it is not as it prints."""

    pipe: Pipe
    show: Callable[..., str] | None = None


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """A condition and what it guards; `else if` makes a further branch."""

    pipe: Pipe
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if` with its branches."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class With(Node):
    """`with`: as `if`, and the cursor is the value."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """`range`."""

    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`{{ template "name" pipeline }}`."""

    name: str
    pipe: Pipe | None


@dataclass(frozen=True, slots=True)
class Break(Node):
    """`break`."""


@dataclass(frozen=True, slots=True)
class Continue(Node):
    """`continue`."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed text: its own body, and the templates that it defines."""

    body: tuple[Node, ...]
    templates: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def walk(self) -> Iterator[Node]:
        """Visit every node, those of defined templates last."""
        for body in (self.body, *self.templates.values()):
            yield from walk(body)


def walk(start: Node | tuple[Node, ...]) -> Iterator[Node]:
    """Visit nodes in the order of the text."""
    pending: list[object] = [start]
    while pending:
        item = pending.pop()
        if isinstance(item, tuple):
            pending.extend(reversed(item))
        elif isinstance(item, Node):
            yield item
            pending.extend(getattr(item, name) for name in _parts(type(item)))


_PLAIN = frozenset(
    {"start", "end", "name", "names", "text", "value", "assigns", "ideal", "as_int", "as_uint",
     "as_float", "show"}
)  # fmt: skip
_known_parts: dict[type[Node], tuple[str, ...]] = {}


def _parts(kind: type[Node]) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold nodes, the last first."""
    found = _known_parts.get(kind)
    if found is None:
        names = [each.name for each in fields(kind) if each.name not in _PLAIN]
        found = _known_parts[kind] = tuple(reversed(names))
    return found
