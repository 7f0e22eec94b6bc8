"""What must hold over several fields of one entry, and of `global:`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.document import ListNode, MapNode, ScalarNode


class Given:
    """What an entry of the file says, as far as rules over several fields need it."""

    __slots__ = ("_node",)

    def __init__(self, node: MapNode | None) -> None:
        self._node = node

    def has(self, name: str) -> bool:
        """Say whether a key is there with something in it; an empty mapping counts."""
        node = None if self._node is None else self._node.get(name)
        if isinstance(node, ScalarNode):
            return node.value is not None and node.text != ""
        return node is not None

    def stands(self, name: str) -> bool:
        """Say whether a key is there and not null; an empty text counts too."""
        node = None if self._node is None else self._node.get(name)
        return node is not None and not (isinstance(node, ScalarNode) and node.value is None)

    def nulled(self, name: str) -> bool:
        """Say whether a key is there and null."""
        node = None if self._node is None else self._node.get(name)
        return isinstance(node, ScalarNode) and node.value is None

    def text(self, name: str) -> str:
        """Return a key's text, or ""."""
        node = None if self._node is None else self._node.get(name)
        return node.text if isinstance(node, ScalarNode) and node.value is not None else ""

    def true(self, name: str) -> bool:
        """Say whether a key is a truth value, and true."""
        return self.text(name).lower() in ("y", "yes", "true", "on")

    def part(self, name: str) -> "Given":
        """Return what a key's mapping says, or nothing."""
        node = None if self._node is None else self._node.get(name)
        return Given(node if isinstance(node, MapNode) else None)

    def names(self, name: str) -> tuple[str, ...]:
        """Return the keys of a key's mapping."""
        node = None if self._node is None else self._node.get(name)
        return tuple(entry.name for entry in node) if isinstance(node, MapNode) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a key's list."""
        node = None if self._node is None else self._node.get(name)
        nodes = node.elements if isinstance(node, ListNode) else ()
        return tuple(each.text for each in nodes if isinstance(each, ScalarNode))


NOTHING_GIVEN = Given(None)


class Mistake(NamedTuple):
    """What a rule finds: at a field of the entry, or at the entry."""

    field: str | None
    code: str
    message: str
    help: str


Rule = Callable[[Given, Given], Iterator[Mistake]]
"""rule(the entry, `global:`) -> what is wrong over several fields."""


def at_most_one(*names: str) -> Rule:
    """Return the rule that no two of these are given."""

    def rule(given: Given, global_: Given) -> Iterator[Mistake]:
        del global_
        found = [name for name in names if given.has(name)]
        if len(found) > 1:
            yield Mistake(found[1], "fields-conflict", f"{' and '.join(found)} exclude each other",
                          "keep one of them")  # fmt: skip

    return rule


def at_least_one(*names: str) -> Rule:
    """Return the rule that one of these is given."""

    def rule(given: Given, global_: Given) -> Iterator[Mistake]:
        del global_
        if not any(given.has(name) for name in names):
            message = f"there is no {' or '.join(names)}"
            yield Mistake(None, "key-missing", message, f"set {names[0]}")

    return rule
