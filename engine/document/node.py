"""The tree of a YAML document: values that know where they were written."""

from collections.abc import Iterator
from dataclasses import dataclass


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

        Quoting, escapes and folding shift positions, so what is looked for is the same
        occurrence of the same word in the source; where that fails, the whole value.
        """
        plain = self.source == self.text and "\n" not in self.text
        if plain:
            return Span(self.span.line, self.span.column + offset, max(length, 1))
        word = self.text[offset : offset + length]
        if not word:
            return self.span
        # A block scalar's first source line is its header: "|-", ">" and a comment.
        start = self.source.find("\n") + 1 if self.source[:1] in ("|", ">") else 0
        position = start - 1
        for _ in range(_count(self.text, word, offset) + 1):
            position = self.source.find(word, position + 1)
            if position < 0:
                return self.span
        before = self.source[:position]
        line_start = before.rfind("\n") + 1
        if line_start == 0:
            return Span(self.span.line, self.span.column + position, max(length, 1))
        return Span(self.span.line + before.count("\n"), position - line_start + 1, len(word))


def _count(text: str, word: str, end: int) -> int:
    """Count the occurrences of a word that start before `end`, overlapping ones too."""
    count, position = 0, text.find(word)
    while 0 <= position < end:
        count, position = count + 1, text.find(word, position + 1)
    return count


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
