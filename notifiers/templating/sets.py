"""The templates of a configuration: built-in ones, those of the files it names, and its fields."""

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from engine.document import Finding, Node, Span
from engine.template import go
from notifiers.fields import Templating
from notifiers.notification import Notification
from notifiers.templating.functions import FUNCTIONS, Expansion
from notifiers.templating.jinja import jinja
from notifiers.templating.model import data_of

OUTPUT_BYTES_MAX = 4_000_000
"""What one field may expand to; more is cut."""

SOURCE_CHARS_MAX = 1_000_000
"""The length of one template file, and of one field."""

STEPS_MAX = 3_000_000
"""What one expansion may do, in steps of about a microsecond."""

FILES_MAX = 1_000
"""Template files of one configuration."""

TEMPLATE_CODES: Mapping[str, str] = {
    "template-file":
        "A file of `templates:` that cannot be read, or a pattern that matches none (warning).",
}  # fmt: skip
"""The codes of findings at `templates:`; those in the files are `template`, as in fields."""

_BUILT_IN = ("default.tmpl", "email.tmpl")
_DIALECT = go.Dialect(
    FUNCTIONS,
    steps_max=STEPS_MAX,
    text_chars_max=OUTPUT_BYTES_MAX,
    source_chars_max=SOURCE_CHARS_MAX,
)


@cache
def built_in() -> go.Library:
    """Return the templates that exist without any file: every name that Alertmanager has."""
    library = go.Library(_DIALECT)
    for name in _BUILT_IN:
        source = (files("notifiers.templating") / name).read_text(encoding="utf-8")
        library = library.adding(source, name, by_name=False)
    return library


@dataclass(frozen=True, slots=True)
class Text:
    """A field's text, parsed; see notifiers.fields.Templated."""

    source: str
    template: go.Template | go.TemplateError
    compile: Callable[[str], go.Template]  # of texts in its data: labels of the route
    problem: go.TemplateError | None = None
    """Why it will fail when it is expanded, as far as that is known: it calls a template that does
    not exist, or a value stands where HTML is ambiguous. Alertmanager loads such a file."""

    def expand(self, notification: Notification, now_ms: int) -> str:
        """Return the text for a notification. Raises TemplateError."""
        return self.expand_data(data_of(notification), now_ms)

    def expand_data(self, data: go.Value, now_ms: int) -> str:
        """Return the text for any data of templates: what `.` is. Raises TemplateError."""
        if isinstance(self.template, go.TemplateError):
            raise self.template.with_traceback(None)
        return self.template.expand(
            data,
            Expansion(now_ms, data, self.compile),
            output_bytes_max=OUTPUT_BYTES_MAX,
        )


class TemplateSet:
    """What the fields of a configuration may call. `EMPTY` has the built-in templates alone.

    `redefined` names the built-in templates that files define anew, and those that call them.
    """

    __slots__ = ("_library", "redefined")

    def __init__(
        self, library: go.Library | None = None, redefined: frozenset[str] = frozenset()
    ) -> None:
        self._library = library
        self.redefined = redefined

    @classmethod
    def load(
        cls, patterns: Sequence[tuple[str, Span | Node]], base: Path, *, file: str = ""
    ) -> tuple["TemplateSet", list[Finding]]:
        """Read the files that the patterns of `templates:` match, in their order.

        `base` is where relative patterns begin, `file` the configuration that findings about the
        patterns themselves are in. A file that cannot be read is a finding, and left out.
        """
        loading = _Loading(file)
        for pattern, node in patterns:
            loading.add(pattern, node, base)
        loading.check()
        changed = loading.library.changed_since(built_in())
        return cls(loading.library, changed), loading.findings

    @property
    def library(self) -> go.Library:
        """All templates by name."""
        return self._library or built_in()

    def names(self) -> list[tuple[str, str]]:
        """Return the templates by name, each with the file that defines it; "" is built in."""
        known = built_in().definitions
        found = {
            name: "" if known.get(name) is definition else definition.file
            for name, definition in self.library.definitions.items()
            if not name.startswith("tocsin.")
        }
        return sorted((found | dict.fromkeys(self.library.foreign, "itself")).items())

    def text(self, source: str) -> Text:
        """Parse a text. Raises TemplateError."""
        library = self.library
        return Text(source, library.text(source), library.text, library.missing(source))

    def html(self, source: str) -> Text:
        """Parse a text whose values are escaped for where they stand. Raises TemplateError."""
        library = self.library
        library.dialect.parse(source)
        try:
            return Text(source, library.html(source), library.html)
        except go.TemplateError as error:
            return Text(source, error, library.html, error)


EMPTY = TemplateSet()


def route_labels(notification: Notification, templates: Templating) -> Mapping[str, str]:
    """Return the labels of the route with their templates expanded.

    One that cannot be expanded stays as it is written: a notification is not held up by it, but
    for the field that asks for it.
    """
    found = dict(notification.route_labels)
    for name, source in notification.route_labels.items():
        if "{{" in source:
            try:
                found[name] = templates.text(source).expand(notification, notification.now_ms)
            except go.TemplateError:
                continue
    return found


class _Loading:
    def __init__(self, file: str) -> None:
        self.file = file
        self.library = built_in()
        self.findings: list[Finding] = []
        self.read: set[Path] = set()

    def add(self, pattern: str, node: Span | Node, base: Path) -> None:
        span = node if isinstance(node, Span) else node.span
        if not _is_pattern(pattern):
            self.findings.append(
                Finding(self.file, span.line, span.column, span.length, "template-file",
                        f"{pattern!r} is no pattern of files", "close the [ with a ]")
            )  # fmt: skip
            return
        paths = sorted(map(Path, glob.glob(str(base / pattern))))
        if not paths:
            self.findings.append(
                Finding(self.file, span.line, span.column, span.length, "template-file",
                        f"no file matches {pattern!r}", "create it, or remove the line",
                        "warning")
            )  # fmt: skip
        for path in paths:
            if len(self.read) >= FILES_MAX:
                self.findings.append(
                    Finding(self.file, span.line, span.column, span.length, "template-file",
                            f"more than {FILES_MAX:,} template files", "name fewer files")
                )  # fmt: skip
                return
            self.read.add(path)
            self.add_file(path)

    def check(self) -> None:
        """Find calls of templates that no file defines, once all are read."""
        paths = {path.name: str(path) for path in self.read}
        for error in self.library.missing_calls():
            found = finding(error, paths.get(error.name, error.name))
            self.findings.append(replace(found, severity="warning"))

    def add_file(self, path: Path) -> None:
        try:
            source = path.read_text(encoding="utf-8")
            if path.suffix == ".j2":
                self.library = self.library.adding_foreign(path.name, jinja(source))
            else:
                self.library = self.library.adding(source, path.name)
        except (OSError, UnicodeDecodeError) as error:
            self.findings.append(
                Finding(str(path), 1, 1, 1, "template-file", f"cannot be read: {error}",
                        "make it readable UTF-8")
            )  # fmt: skip
        except go.TemplateError as error:
            self.findings.append(finding(error, str(path)))


_SET = re.compile(r"\[\^?(?:(?:\\.|[^\\\]\[-])(?:-(?:\\.|[^\\\]-]))?|\[)+\]|\\.|[^\\\[]", re.DOTALL)


def _is_pattern(text: str) -> bool:
    """Say whether Go takes a text for a pattern of file names."""
    at = 0
    while at < len(text):
        part = _SET.match(text, at)
        if part is None:
            return False
        at = part.end()
    return True


def finding(error: go.TemplateError, file: str, code: str = "template") -> Finding:
    """Return an error as a finding in its text, where that is the whole of a file."""
    before = error.source[: error.start]
    line = before.count("\n") + 1
    column = error.start - (before.rfind("\n") + 1) + 1
    underlined = error.source[error.start : error.end].split("\n")[0]
    remedy = "templates are Go's, as in Alertmanager"
    if file.endswith(".j2"):
        remedy = "what ends in .j2 is Jinja2"
    return Finding(file, line, column, max(len(underlined), 1), code, error.message, remedy)
