"""The tree of a YAML document: values that know where they were written."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.document.places import BREAK, places


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file; line and column count from 1, in characters."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value. `text` is what was written (quotes and folding undone), `value` what it means."""

    span: Span
    value: str | int | float | bool | None
    text: str
    source: str = ""  # as it stands in the file, with quotes and line breaks
    kind: str = "text"

    def at(self, offset: int, length: int) -> Span:
        """Return where `text[offset:offset + length]` stands in the file.

        Quotes, escapes, folding and indentation are followed; what goes on over the end of a line
        is shown up to there. An offset at the end is the place behind the last character.
        """
        try:
            found = places(self.text, self.source)
            start = found[min(offset, len(self.text))]
            end = found[min(offset + length, len(self.text))]
        except ValueError:
            return self.span
        before = self.source[:start]
        breaks = list(BREAK.finditer(before))
        line_end = BREAK.search(self.source, start)
        if line_end is not None:
            end = min(end, line_end.start())
        if not breaks:
            return Span(self.span.line, self.span.column + start, max(end - start, 1))
        column = start - breaks[-1].end() + 1
        return Span(self.span.line + len(breaks), column, max(end - start, 1))


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    span: Span
    elements: tuple["Node", ...]
    kind: str = "list"

    def __iter__(self) -> Iterator["Node"]:
        return iter(self.elements)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value."""

    key: ScalarNode
    value: "Node"

    @property
    def name(self) -> str:
        """The key as text."""
        return self.key.text


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; keys are unique (a repeated one is a finding, the first one is kept)."""

    span: Span
    entries: tuple[Entry, ...]
    kind: str = "mapping"

    def get(self, name: str) -> "Node | None":
        """Return the value of a key, or None where it is absent."""
        for entry in self.entries:
            if entry.key.text == name:
                return entry.value
        return None

    def key(self, name: str) -> ScalarNode | None:
        """Return the key itself, to point at it."""
        for entry in self.entries:
            if entry.key.text == name:
                return entry.key
        return None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return any(entry.key.text == name for entry in self.entries)


Node = ScalarNode | ListNode | MapNode
