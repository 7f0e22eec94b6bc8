"""Compose a YAML text into a tree with positions, within bounds."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Protocol

import yaml

from engine.document.finding import Finding, Severity
from engine.document.node import Entry, ListNode, MapNode, Node, ScalarNode, Span
from engine.limits import DEFAULT_LIMITS

_DEPTH_MAX = 40
_NODES_MAX = 1_000_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False,
             "FALSE": False}  # fmt: skip
_NULLS = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SELECTOR_IN_BRACES = re.compile(r"^\s*(-\s+)?(logs|metrics)\s*:\s*\{")


def load_yaml(
    text: str, file: str, bytes_max: int = DEFAULT_LIMITS.rule_file_bytes_max
) -> tuple[Node | None, list[Finding]]:
    """Read one YAML document and return its tree and what is wrong with it.

    The tree is None where the document is empty or where its syntax is broken (then there is an
    error among the findings). Scalars follow YAML 1.2: `on`, `yes` and `1:30` are text.
    """
    roots, findings, whole = _load(text, file, bytes_max, lambda _: False, "error")
    return (roots[0] if roots and whole else None), findings


def load_documents(
    text: str, file: str, bytes_max: int, several: Callable[[Node], bool]
) -> tuple[list[Node], list[Finding]]:
    """Read the documents of a file: all where `several(first)` says so, else the first.

    What comes after the first is then a warning and is not read at all. Empty documents are left
    out; after broken syntax there are those that were whole before it.
    """
    return _load(text, file, bytes_max, several, "warning")[:2]


def _load(
    text: str, file: str, bytes_max: int, several: Callable[[Node], bool], severity: Severity
) -> tuple[list[Node], list[Finding], bool]:
    """Return documents, findings, and whether the text was read to its end."""
    bad = _SURROGATE.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        message = "this file is not UTF-8 text"
        return [], [Finding(file, line, 1, 1, "yaml-encoding", message, "save it as UTF-8")], False
    if len(text) > bytes_max:
        message = f"this file has {len(text):,} characters, the limit is {bytes_max:,}"
        help_text = "split it, or raise limits.rule_file_bytes_max"
        return [], [Finding(file, 1, 1, 1, "yaml-limit", message, help_text)], False
    composer = _Composer(text.removeprefix("\ufeff"), file)
    roots: list[Node] = []
    try:
        roots.extend(
            root
            for root in composer.documents(several, severity)
            if not (isinstance(root, ScalarNode) and root.value is None)
        )
    except _StopError:
        return roots, composer.findings, False
    except yaml.YAMLError as error:
        composer.findings.append(_syntax(error, composer.text, file))
        return roots, composer.findings, False
    return roots, composer.findings, True


class _Mark(Protocol):
    """Where an event stands: of PyYAML's two mark classes, what is used here."""

    @property
    def index(self) -> int: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class _StopError(Exception):
    """A bound was passed; the finding is already there."""


class _Composer:
    """One pass over the parser's events."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.findings: list[Finding] = []
        self._events: Iterator[yaml.Event] = iter(())
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def documents(self, several: Callable[[Node], bool], severity: Severity) -> Iterator[Node]:
        """Compose the first document; at a second one go on, or say that it is there and stop."""
        self._events = iter(yaml.parse(self.text, Loader=_LOADER))
        first: Node | None = None
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            if first is not None and not several(first):
                self._add(_span(event), "yaml-documents", "a second document starts here",
                          "only the first is read: keep one document in a file, remove the `---`",
                          severity)  # fmt: skip
                raise _StopError
            self._anchors.clear()
            root = self._node(next(self._events), 0)
            first = root if first is None else first
            yield root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._nodes
        self._grow(1, event, depth)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "tag:yaml.org,2002:seq")
            node = self._sequence(event, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent), f"unexpected event {event!r}"
            self._check_tag(event, "tag:yaml.org,2002:map")
            node = self._mapping(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - before)
        return node

    def _grow(self, nodes: int, event: yaml.Event, depth: int) -> None:
        """Count nodes as if aliases were written out: that is what reading the tree costs."""
        self._nodes += nodes
        if self._nodes > _NODES_MAX:
            message = f"more than {_NODES_MAX:,} values, aliases written out"
            help_text = "split the file, or use fewer aliases"
            self._add(_span(event), "yaml-limit", message, help_text)
            raise _StopError
        if depth > _DEPTH_MAX:
            message = f"nested deeper than {_DEPTH_MAX}"
            self._add(_span(event), "yaml-limit", message, "flatten it")
            raise _StopError

    def _alias(self, event: yaml.AliasEvent) -> Node:
        span = _span(event)
        found = self._anchors.get(event.anchor or "")
        if found is None:
            self._add(span, "yaml-alias", f"there is no finished anchor `&{event.anchor}` before",
                      "define the anchor first, and not around its own alias")  # fmt: skip
            raise _StopError
        node, size = found
        self._grow(size, event, 0)
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        text: str = event.value
        plain = bool(event.implicit[0]) and event.style in (None, "")
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self._check_tag(event, "")
        start, end = _marks(event)
        source = self.text[start.index : end.index]
        value = _plain_value(text) if plain and event.tag is None else text
        return ScalarNode(_span(event), value, text, source)

    def _sequence(self, event: yaml.Event, depth: int) -> ListNode:
        elements = []
        while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
            elements.append(self._node(inner, depth + 1))
        return ListNode(_span(event), tuple(elements))

    def _mapping(self, event: yaml.Event, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        merged: list[tuple[ScalarNode, Node]] = []
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            key = self._node(inner, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, ScalarNode):
                self._add(key.span, "yaml-key", f"a {key.kind} cannot be a key",
                          "quote it if it is meant as text")  # fmt: skip
            elif key.text == "<<" and key.source == "<<" and not merged:
                merged.append((key, value))
            elif key.text == "<<" and key.source == "<<":
                self._add(key.span, "yaml-duplicate-key", "`<<` is here twice",
                          "write `<<: [*one, *two]`; the earlier one wins")  # fmt: skip
            elif key.text in entries:
                first = entries[key.text].key.span.line
                self._add(key.span, "yaml-duplicate-key", f"`{key.text}` is here twice",
                          f"it is already on line {first}: keep one of them")  # fmt: skip
            else:
                entries[key.text] = Entry(key, value)
        for key, value in merged:
            self._merge(entries, key, value)
        # Something about the mapping as a whole is best shown at its first key.
        first_key = next(iter(entries.values()), None)
        span = first_key.key.span if first_key else _span(event)
        return MapNode(span, tuple(entries.values()))

    def _merge(self, entries: dict[str, Entry], key: ScalarNode, value: Node) -> None:
        parts = value.elements if isinstance(value, ListNode) else (value,)
        for part in parts:
            if not isinstance(part, MapNode):
                self._add(key.span, "yaml-key", "`<<` merges mappings, this is something else",
                          "write `<<: *anchor` of a mapping")  # fmt: skip
                continue
            for entry in part:
                entries.setdefault(entry.name, entry)

    def _check_tag(self, event: yaml.Event, expected: str) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", expected):
            self._add(_span(event), "yaml-tag", f"the tag {tag} has no meaning here",
                      "remove it; `!!str` is the only tag that is understood")  # fmt: skip

    def _add(
        self, span: Span, code: str, message: str, help_text: str, severity: Severity = "error"
    ) -> None:
        self.findings.append(
            Finding(self.file, span.line, span.column, span.length, code, message, help_text,
                    severity)
        )  # fmt: skip


def _marks(event: yaml.Event) -> tuple[_Mark, _Mark]:
    start, end = event.start_mark, event.end_mark
    assert start is not None, "PyYAML marks every event"
    assert end is not None, "PyYAML marks every event"
    return start, end


def _span(event: yaml.Event) -> Span:
    start, end = _marks(event)
    one_line = start.line == end.line
    length = end.column - start.column if one_line else 1
    return Span(start.line + 1, start.column + 1, max(length, 1))


def _plain_value(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by YAML 1.2's core schema."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _SPECIAL.get(text.lower(), text)


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "broken YAML"
    context = getattr(error, "context", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    if mark is None and isinstance(getattr(error, "position", None), int):
        position = error.position  # type: ignore[attr-defined]
        line = text.count("\n", 0, position) + 1
    lines = text.split("\n")
    if line > len(lines):  # YAML has more line breaks than editors show
        line, column = len(lines), len(lines[-1].rstrip())
    while line > 1 and not lines[line - 1].strip():
        # At the end of the file there is nothing to point at: show what is unfinished.
        line -= 1
        column = len(lines[line - 1].rstrip())
    column = max(column, 1)
    written = lines[line - 1]
    message = f"{context}: {problem}" if context else str(problem)
    help_text = "check the indentation and quotes here and on the line before"
    if "\t" in written[: len(written) - len(written.lstrip())]:
        help_text = "indent with spaces: YAML does not allow tabs"
    elif _SELECTOR_IN_BRACES.match(written):
        help_text = "quote the selector, as YAML reads braces as a mapping: '{service=\"web\"}'"
    elif "`" in message or "'%'" in message or "'@'" in message:
        help_text = "quote the whole value"
    return Finding(file, line, column, 1, "yaml-syntax", message, help_text)
