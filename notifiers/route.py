"""The route tree: which receiver gets an alert, and how it is grouped."""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.series import Matcher, Selector, selects

DEFAULT_GROUP_WAIT_MS = 30_000
DEFAULT_GROUP_INTERVAL_MS = 300_000
DEFAULT_REPEAT_INTERVAL_MS = 14_400_000

_OPERATORS = ("=", "!=", "=~", "!~")  # in the order that Alertmanager sorts by
_RESERVED = frozenset("{}!=~,\\\"'`")


@dataclass(frozen=True, slots=True)
class Route:
    """One node, with everything inherited from its parents filled in."""

    key: str  # the matchers on the way here: {}/{team="db"}
    id: str  # the key and its place, unique in a tree
    receiver: str
    matchers: Selector = ()
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False  # group_by: ['...']
    group_wait_ms: int = DEFAULT_GROUP_WAIT_MS
    group_interval_ms: int = DEFAULT_GROUP_INTERVAL_MS
    repeat_interval_ms: int = DEFAULT_REPEAT_INTERVAL_MS
    goes_on: bool = False  # `continue`: later siblings are tried too
    labels: Mapping[str, str] = field(default_factory=dict)
    mute_time_intervals: tuple[str, ...] = ()  # names; within one of them nobody is told
    active_time_intervals: tuple[str, ...] = ()  # names; outside of all of them neither
    routes: tuple["Route", ...] = ()

    def walk(self) -> Iterator["Route"]:
        """Yield this node and all below it, in the order written."""
        yield self
        for route in self.routes:
            yield from route.walk()

    def digest(self) -> str:
        """Return a text that changes with who gets which alert, and in which group."""
        said = hashlib.blake2b(digest_size=16)
        for route in self.walk():
            group_by = "..." if route.group_by_all else ",".join(sorted(route.group_by))
            said.update(f"{route.id}|{route.receiver}|{group_by}|{route.goes_on}\n".encode())
        return said.hexdigest()

    def match(self, labels: Mapping[str, str]) -> list["Route"]:
        """Return the deepest nodes that take these labels; [] if not even this one does."""
        if not selects(self.matchers, labels):
            return []
        taken: list[Route] = []
        for route in self.routes:
            found = route.match(labels)
            taken.extend(found)
            if found and not route.goes_on:
                break
        return taken or [self]

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return those labels that name the group of an alert."""
        if self.group_by_all:
            return dict(labels)
        return {name: labels[name] for name in self.group_by if name in labels}

    def group_key(self, group_labels: Mapping[str, str]) -> str:
        """Return Alertmanager's text of a group: {}/{team="db"}:{alertname="X"}."""
        return f"{self.key}:{format_labels(group_labels)}"


def child_key(parent_key: str, matchers: Selector) -> str:
    """Return the key of a child with these matchers."""
    return f"{parent_key}/{format_matchers(matchers)}"


def format_matchers(matchers: Selector) -> str:
    """Write matchers as Alertmanager does: sorted, in braces, without blanks."""
    ordered = sorted(
        matchers, key=lambda one: (one.name, one.value, _OPERATORS.index(one.operator))
    )
    return "{" + ",".join(format_matcher(matcher) for matcher in ordered) + "}"


def format_matcher(matcher: Matcher) -> str:
    """Write one matcher; a name with reserved characters or blanks is quoted."""
    if any(letter in _RESERVED or letter.isspace() for letter in matcher.name):
        return f"{go_quote(matcher.name)}{matcher.operator}{go_quote(matcher.value)}"
    value = matcher.value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'{matcher.name}{matcher.operator}"{value}"'


def format_labels(labels: Mapping[str, str]) -> str:
    """Write a label set as Prometheus does: sorted, values quoted."""
    return _formatted(tuple(sorted(labels.items())))


@functools.lru_cache(maxsize=100_000)
def _formatted(pairs: tuple[tuple[str, str], ...]) -> str:
    return "{" + ", ".join(f"{name}={go_quote(value)}" for name, value in pairs) + "}"


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def go_quote(text: str) -> str:
    """Quote a text as Go's %q does: group keys are compared with Alertmanager's."""
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
