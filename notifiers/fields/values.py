"""What fields are read into: secrets, and texts that are expanded for each notification."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from notifiers.notification import Notification


class Templated(Protocol):
    """A text with template actions, parsed when the file was read."""

    @property
    def source(self) -> str:
        """The text as it was written."""
        ...

    def expand(self, notification: "Notification", now_ms: int) -> str:
        """Return the text for a notification. Raises engine.template.go.TemplateError."""
        ...


class Templating(Protocol):
    """What notifiers.templating.TemplateSet is to those below it."""

    @property
    def redefined(self) -> frozenset[str]:
        """The names of built-in templates that the user's files define anew."""
        ...

    def text(self, source: str) -> Templated:
        """Parse a text. Raises engine.template.go.TemplateError."""
        ...

    def html(self, source: str) -> Templated:
        """Parse a text whose values are escaped for HTML. Raises TemplateError."""
        ...


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text in which nothing is expanded."""

    source: str

    def expand(self, notification: "Notification", now_ms: int) -> str:
        """Return the text as it is."""
        del notification, now_ms
        return self.source


class NoTemplating:
    """Takes every text as it is: what there is until a configuration has been read."""

    redefined: frozenset[str] = frozenset()

    def text(self, source: str) -> Templated:
        """Take a text as it is."""
        return PlainText(source)

    html = text


NO_TEMPLATING = NoTemplating()


class Secret:
    """A text that nobody sees by accident: given in place, or read from a file at each use.

    A file is read again each time, so that a rotated token needs no reload.
    """

    __slots__ = ("_path", "_text")

    def __init__(self, text: str | None = None, path: Path | None = None) -> None:
        assert (text is None) != (path is None), "a secret is a text or a file"
        self._text = text
        self._path = path

    def read(self) -> str:
        """Return the text. Raises OSError where its file cannot be read."""
        if self._path is None:
            return self._text or ""
        return self._path.read_text(encoding="utf-8").strip()

    @property
    def path(self) -> Path | None:
        """The file that it is read from, or None."""
        return self._path

    @property
    def from_file(self) -> bool:
        """Say whether it is read from a file at each use."""
        return self._path is not None

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._text, self._path) == (other._text, other._path)

    def __hash__(self) -> int:
        return hash((self._text, self._path))


class TemplatedSecret(Secret):
    """A secret that may hold template actions, in the file that it is read from too."""

    __slots__ = ("_made", "_parse")

    def __init__(
        self, parse: Callable[[str], Templated], text: str | None = None, path: Path | None = None
    ) -> None:
        super().__init__(text, path)
        self._parse = parse
        self._made: Templated | None = None

    @property
    def is_template(self) -> bool:
        """Say whether there is something to expand. Raises OSError as `read` does."""
        return "{{" in self.read()

    def expand(self, notification: "Notification", now_ms: int) -> str:
        """Return the text for a notification, without blanks around it.

        Raises OSError as `read` does, and engine.template.go.TemplateError.
        """
        source = self.read()
        if "{{" not in source:
            return source
        if self._made is None or self._made.source != source:
            self._made = self._parse(source)
        return self._made.expand(notification, now_ms).strip()


@dataclass(frozen=True, slots=True)
class TemplatedMap:
    """A JSON object whose keys and values are expanded."""

    entries: tuple[tuple[Templated, "JsonTemplate"], ...]


JsonTemplate = None | bool | int | float | Templated | tuple["JsonTemplate", ...] | TemplatedMap
"""A JSON value with templates for its texts; lists are tuples."""
