"""Read matchers and label names of a configuration file: routes and inhibition share them."""

import re
from collections.abc import Mapping

from engine.document import MapNode, Node, Reader, ScalarNode
from engine.series import (
    Matcher,
    MatcherMode,
    MatcherTextError,
    Selector,
    compiled,
    parse_matchers,
)

MATCHER_CODES: Mapping[str, str] = {
    "label-name": "Not a label name.",
    "matcher": "A matcher that cannot be read.",
}

MATCHERS_MAX = 1_000
"""How many matchers one list of a route or a rule may have."""

_CLASSIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_MISTYPED = re.compile(r"[-\s].*|.*[-\s]", re.DOTALL)


def is_label_name(name: str, mode: MatcherMode) -> bool:
    """Say whether something can be a label's name.

    In the modes that know UTF-8 nearly every text can. What begins or ends in a dash or a blank
    is refused all the same: that is a mistake of typing.
    """
    if mode == "classic":
        return _CLASSIC_NAME.fullmatch(name) is not None
    return bool(name) and _MISTYPED.fullmatch(name) is None


class MatcherReader:
    """Reads `match`, `match_re`, `matchers` and their like of one file."""

    def __init__(self, reader: Reader, mode: MatcherMode) -> None:
        self.reader = reader
        self.mode: MatcherMode = mode

    def selector(self, entry: MapNode, match: str, match_re: str, matchers: str) -> Selector:
        """Return what three keys of an entry ask for, all of it."""
        found = [Matcher(name, "=", text) for name, text in self._equal(entry, match)]
        found += self._patterns(entry, match_re)
        node = entry.get(matchers)
        if node is not None and not is_null(node):
            found += self._matchers(node, matchers)
        return tuple(found)

    def label_name(self, node: Node, name: str, where: str) -> bool:
        """Check a label's name; a finding where it is none."""
        if is_label_name(name, self.mode):
            return True
        self._no_name(node, name, where)
        return False

    def _no_name(self, node: Node, name: str, where: str) -> None:
        self.reader.add(node, "label-name", f"{where}: {name!r} is no label name",
                        "write letters, digits and _, a letter or _ first")  # fmt: skip

    def _matchers(self, node: Node, where: str) -> list[Matcher]:
        found: list[Matcher] = []
        nodes = self.reader.sequence(node, where)
        if nodes is not None and len(nodes.elements) > MATCHERS_MAX:
            self.reader.add(node, "value-range", f"{where} has more than {MATCHERS_MAX:,} matchers",
                            "write one regular expression")  # fmt: skip
            return found
        for each in nodes or ():
            text = scalar_text(self.reader, each, "a matcher")
            if text is None:
                continue
            try:
                found.extend(parse_matchers(text, self.mode))
            except MatcherTextError as error:
                self.reader.add(each, "matcher", f"this is no matcher: {error}",
                                'write one like severity="critical"')  # fmt: skip
        return found

    def _patterns(self, entry: MapNode, where: str) -> list[Matcher]:
        found: list[Matcher] = []
        for name, node in self._pairs(entry, where):
            text = None if is_null(node) else scalar_text(self.reader, node, f"{where}.{name}")
            if is_null(node):
                self.reader.add(node, "matcher", f"{where}.{name} has no pattern",
                                "write a regular expression")  # fmt: skip
            if text is None:
                continue
            # Anchored in its text too, as Alertmanager shows it in group keys.
            pattern = f"^(?:{text})$"
            why = _pattern_problem(pattern)
            if why:
                why = _pattern_problem(text) or why  # with places in what was written
                self.reader.add(node, "matcher", f"{text!r} is no pattern: {why}",
                                "write a regular expression")  # fmt: skip
                continue
            found.append(Matcher(name, "=~", pattern))
        return found

    def _equal(self, entry: MapNode, where: str) -> list[tuple[str, str]]:
        pairs = [
            (name, scalar_text(self.reader, node, f"{where}.{name}"))
            for name, node in self._pairs(entry, where)
        ]
        return [(name, text) for name, text in pairs if text is not None]

    def _pairs(self, entry: MapNode, where: str) -> list[tuple[str, Node]]:
        """Return the entries of `match` and `match_re`, which know classic names only."""
        node = entry.get(where)
        if node is None or is_null(node):
            return []
        pairs: list[tuple[str, Node]] = []
        for each in self.reader.mapping(node, where) or ():
            if _CLASSIC_NAME.fullmatch(each.name):
                pairs.append((each.name, each.value))
            else:
                self._no_name(each.key, each.name, where)
        return pairs


def _pattern_problem(pattern: str) -> str:
    try:
        compiled(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error) or "too large"
    return ""


def scalar_text(reader: Reader, node: Node, where: str) -> str | None:
    """Return a text, "" for null, or None after a finding."""
    if isinstance(node, ScalarNode):
        return "" if node.value is None else node.text
    return reader.text(node, where)


def is_null(node: Node) -> bool:
    """Say whether a key is there without a value."""
    return isinstance(node, ScalarNode) and node.value is None
