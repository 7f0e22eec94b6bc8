"""JSON that a file lays out with templates in it: a webhook's payload, the details of an event.

Every text is expanded; what comes out is read as YAML, so a template can make a number, a list or
an object. What YAML reads as a text, or not at all, stays the text that it is.
Source: Alertmanager 0.34, template.DeepCopyWithTemplate.
"""

import json
import math
from collections.abc import Callable

import msgspec

from engine.document import load_yaml
from notifiers import scalars
from notifiers.fields import JsonTemplate, Templated, TemplatedMap

CHARACTERS_MAX = 4_000_000
"""What the texts of one payload may expand to in all; nobody takes as much."""

_TEXT_CHARACTERS_MAX = 1_000_000  # of one text that is read as YAML

_SPECIAL = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)
"""What Go's encoder escapes besides what JSON demands."""


class PayloadError(Exception):
    """A payload that is too large, or that JSON cannot say."""


def rendered(template: JsonTemplate, expand: Callable[[Templated], str]) -> object:
    """Return the value of a notification. Raises PayloadError and what `expand` raises."""
    return _Rendering(expand).value(template)


def value_of(text: str) -> object:
    """Return what an expanded text says in YAML: a number, a truth value, null, a list, an object.

    A text is returned as it came, with its quotes and blanks.
    """
    if text[:1] in ("{", "["):
        try:
            return _plain(json.loads(text))
        except (ValueError, RecursionError):
            pass  # it may be YAML's own way of writing them
    tree, findings = load_yaml(text, "", _TEXT_CHARACTERS_MAX)
    if findings:
        return text
    value = None if tree is None else scalars.plain(tree)
    return text if isinstance(value, str) else _plain(value)


def encoded(value: object) -> bytes:
    """Return JSON as Go's encoder writes it: mappings by key, a line break at the end.

    Structs keep the order of their fields.
    """
    try:
        text = msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:
        # Half of a surrogate pair: nothing that anybody could read.
        plain = msgspec.to_builtins(value, order="deterministic")
        whole = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        text = whole.encode("utf-8", "replace")
    for raw, escaped in _SPECIAL:
        if raw in text:
            text = text.replace(raw, escaped)
    return text + b"\n"


class _Rendering:
    """One payload, and what it may still grow by."""

    def __init__(self, expand: Callable[[Templated], str]) -> None:
        self._expand = expand
        self._left = CHARACTERS_MAX

    def value(self, template: JsonTemplate) -> object:
        if isinstance(template, TemplatedMap):
            return {self._text(name): self.value(each) for name, each in template.entries}
        if isinstance(template, tuple):
            return [self.value(each) for each in template]
        if template is None or isinstance(template, bool | int | float):
            return _plain(template)
        return value_of(self._text(template))

    def _text(self, template: Templated) -> str:
        text = self._expand(template)
        self._left -= len(text)
        if self._left < 0:
            raise PayloadError(f"it expands to more than {CHARACTERS_MAX:,} characters")
        return text


def _plain(value: object) -> object:
    """Return a value with its whole numbers as Go writes them: 1000 where YAML says 1e3."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        value = float(value)  # Go has no larger ones
    if isinstance(value, float):
        if not math.isfinite(value):
            raise PayloadError("JSON knows no infinity and no NaN")
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    return value
