"""Read typed values out of a tree and collect every finding on the way."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from engine.document.duration import format_duration, parse_duration
from engine.document.finding import Finding, Severity
from engine.document.node import ListNode, MapNode, Node, ScalarNode, Span

DOCUMENT_CODES: Mapping[str, str] = {
    "yaml-syntax": "The text is not YAML.",
    "yaml-encoding": "The file is not UTF-8.",
    "yaml-duplicate-key": "A mapping has the same key twice: YAML readers differ on who wins.",
    "yaml-key": "A list or mapping stands where a key must be, or `<<` merges no mapping.",
    "yaml-alias": "An alias names an anchor that does not exist before it.",
    "yaml-tag": "A tag other than `!!str`.",
    "yaml-documents": "A file holds one document; `---` starts a second one.",
    "yaml-limit": "The file is too large, too deep, or its aliases multiply.",
    "key-unknown": "A key that nothing reads: a typing mistake, or something of a later version.",
    "key-missing": "A key that must be there is not.",
    "value-type": "A value of the wrong kind: a list for a text, a text for a number.",
    "value-range": "A number or text outside of what is allowed.",
    "value-choice": "A word that is none of those allowed.",
    "duration": "Not a duration such as 500ms, 15s, 1h30m.",
    "unsupported": "Understood, and not supported yet: refused by name instead of ignored.",
}
"""The codes that any document can have, with what they mean."""


class Problem(NamedTuple):
    """What is wrong inside one text: a parser's view, before it becomes a finding."""

    offset: int
    length: int
    code: str
    message: str
    help: str = ""
    note: str = ""
    severity: Severity = "error"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the known name that looks most like this one, or ""."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close:
        lower = {word.lower(): word for word in known}
        return lower.get(name.lower(), "")
    return close[0]


class Reader:
    """Collects the findings of one file while a room walks its tree.

    Each method returns the value, or None after it has added a finding; `where` names the key
    for people.
    """

    def __init__(self, file: str, codes: Mapping[str, str]) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._codes = codes

    @property
    def clean(self) -> bool:
        """True while no error was found."""
        return not any(finding.severity == "error" for finding in self.findings)

    def add(
        self,
        at: Node | Span,
        code: str,
        message: str,
        help_text: str = "",
        *,
        note: str = "",
        severity: Severity = "error",
    ) -> None:
        """Add a finding at a node or a place."""
        assert code in self._codes or code in DOCUMENT_CODES, f"code {code!r} is not documented"
        span = at if isinstance(at, Span) else at.span
        self.findings.append(
            Finding(self.file, span.line, span.column, span.length, code, message, help_text,
                    severity, note)
        )  # fmt: skip

    def problem(self, at: ScalarNode, problem: Problem) -> None:
        """Add what a parser found inside a text."""
        span = at.at(problem.offset, problem.length)
        self.add(span, problem.code, problem.message, problem.help, note=problem.note,
                 severity=problem.severity)  # fmt: skip

    def mapping(self, node: Node | None, where: str) -> MapNode | None:
        """Expect a mapping."""
        if isinstance(node, MapNode):
            return node
        self._wrong(node, where, "a mapping of `key: value`")
        return None

    def sequence(self, node: Node | None, where: str) -> ListNode | None:
        """Expect a list."""
        if isinstance(node, ListNode):
            return node
        self._wrong(node, where, "a list")
        return None

    def scalar(self, node: Node | None, where: str) -> ScalarNode | None:
        """Expect one value that is not empty."""
        if isinstance(node, ScalarNode) and node.text.strip() and node.value is not None:
            return node
        self._wrong(node, where, "a text")
        return None

    def text(self, node: Node | None, where: str) -> str | None:
        """Expect a text; a number or a truth value counts as what was written."""
        scalar = self.scalar(node, where)
        return None if scalar is None else scalar.text

    def choice(self, node: Node | None, where: str, allowed: Collection[str]) -> str | None:
        """Expect one of some words."""
        scalar = self.scalar(node, where)
        if scalar is None or scalar.text in allowed:
            return None if scalar is None else scalar.text
        near = did_you_mean(scalar.text, allowed)
        listed = ", ".join(allowed)
        help_text = f"did you mean {near}? It is one of {listed}" if near else f"use {listed}"
        self.add(scalar, "value-choice", f"{where} cannot be {scalar.text!r}", help_text)
        return None

    def integer(self, node: Node | None, where: str, low: int, high: int) -> int | None:
        """Expect a whole number in a range."""
        if isinstance(node, ScalarNode) and type(node.value) is int:
            if low <= node.value <= high:
                return node.value
            self.add(node, "value-range", f"{where} is {node.value:,}",
                     f"use a number from {low:,} to {high:,}")  # fmt: skip
            return None
        self._wrong(node, where, "a whole number")
        return None

    def boolean(self, node: Node | None, where: str) -> bool | None:
        """Expect true or false."""
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        self._wrong(node, where, "true or false")
        return None

    def duration(
        self, node: Node | None, where: str, low_ms: int = 0, high_ms: int | None = None
    ) -> int | None:
        """Expect a duration in a range and return milliseconds."""
        scalar = self.scalar(node, where)
        if scalar is None:
            return None
        found = parse_duration(scalar.text)
        if found is None:
            example = f"{scalar.text}s" if scalar.text.isdigit() else "500ms, 15s, 5m, 1h30m"
            self.add(scalar, "duration", f"{where}: {scalar.text!r} is no duration",
                     f"write it like {example}")  # fmt: skip
            return None
        if found < low_ms or (high_ms is not None and found > high_ms):
            top = f" to {format_duration(high_ms)}" if high_ms is not None else " or more"
            self.add(scalar, "value-range", f"{where} is {scalar.text}",
                     f"use {format_duration(low_ms)}{top}")  # fmt: skip
            return None
        return found

    def keys(
        self, node: MapNode, where: str, known: Collection[str], later: Mapping[str, str] = {}
    ) -> None:
        """Refuse the keys that nothing reads; `later` names those that are not supported yet."""
        for entry in node:
            if entry.name in known:
                continue
            if entry.name in later:
                self.add(entry.key, "unsupported", later[entry.name], f"remove `{entry.name}`")
                continue
            near = did_you_mean(entry.name, known)
            help_text = f"did you mean `{near}`?" if near else f"known keys: {', '.join(known)}"
            self.add(entry.key, "key-unknown", f"{where} has no key `{entry.name}`", help_text)

    def require(self, node: MapNode, where: str, name: str, help_text: str) -> Node | None:
        """Return a key's value, or say that it is missing."""
        found = node.get(name)
        if found is None:
            self.add(node, "key-missing", f"{where} has no `{name}`", help_text)
        return found

    def _wrong(self, node: Node | None, where: str, expected: str) -> None:
        if node is None:
            return
        got = "this is empty" if isinstance(node, ScalarNode) and not node.text.strip() else (
            f"this is a {node.kind}"
        )  # fmt: skip
        self.add(node, "value-type", f"{where} must be {expected}, {got}",
                 f"write {expected} here")  # fmt: skip
