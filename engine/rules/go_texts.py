"""Read `labels` and `annotations` of Prometheus rules and groups: Go templates, checked."""

import re
from collections.abc import Mapping
from typing import Literal

from engine.document import Entry, MapNode, Node, Problem, Reader, ScalarNode
from engine.series import METRIC_NAME
from engine.template import go

Place = Literal["label", "annotation"]


class GoTexts:
    """Checks templates and keeps the verdicts: rule files say the same thing many times."""

    def __init__(self) -> None:
        self._known: dict[str, Problem | None] = {}

    def problem(self, text: str) -> Problem | None:
        """Return what Prometheus would refuse in a template."""
        if "{{" not in text:
            return None
        if text not in self._known:
            self._known[text] = _check(text)
        return self._known[text]


def read_map(node: Node | None, place: Place, reader: Reader) -> dict[str, ScalarNode]:
    """Return the texts of a mapping by name; names as Prometheus allows them: any but "".

    An empty value is the empty text. Numbers and truth values are what was written.
    """
    if node is None or (isinstance(node, ScalarNode) and node.value is None):
        return {}
    mapping = reader.mapping(node, f"{place}s")
    return _texts(mapping, place, reader) if mapping is not None else {}


def _texts(mapping: MapNode, place: Place, reader: Reader) -> dict[str, ScalarNode]:
    found = {}
    for entry in mapping:
        if not isinstance(entry.value, ScalarNode):
            reader.add(entry.value, "value-type", f"{entry.name} must be a text, this is a "
                       f"{entry.value.kind}", "write one text here, in quotes")  # fmt: skip
        elif not _named(entry, place):
            reader.add(entry.key, "label-name", f"{entry.name!r} is no name of {_A[place]}",
                       "use another name")  # fmt: skip
        else:
            found[entry.name] = entry.value
    return found


_A: Mapping[Place, str] = {"label": "a label", "annotation": "an annotation"}


def _named(entry: Entry, place: Place) -> bool:
    return bool(entry.name) and not (place == "label" and entry.name == METRIC_NAME)


def texts(nodes: Mapping[str, ScalarNode]) -> dict[str, str]:
    """Return the plain texts; the empty value is ""."""
    return {name: plain(node) for name, node in nodes.items()}


def plain(node: ScalarNode) -> str:
    """Return what Prometheus reads: the text as written, and "" for an empty value."""
    return "" if node.value is None else node.text


def check_templates(
    nodes: Mapping[str, ScalarNode], place: Place, templates: GoTexts, reader: Reader
) -> None:
    """Add a finding for each template that does not parse."""
    for name, node in nodes.items():
        text = plain(node)
        problem = templates.problem(text)
        if problem is not None:
            reader.problem(node, problem._replace(message=f"{place} {name}: {problem.message}"))
        elif "query" in text:
            _check_queries(node, text, reader)


def _check_queries(node: ScalarNode, text: str, reader: Reader) -> None:
    for query in go.references(text).queries:
        if query.text is None:
            reader.add(node.at(query.start, query.end - query.start), "template-query",
                       "this query is only known when the template runs: it finds nothing",
                       "write its text here, or printf with its text and %s for label values",
                       severity="warning")  # fmt: skip


def _check(text: str) -> Problem | None:
    found = go.check(text)
    if found is None:
        return None
    return Problem(found.start, found.end - found.start, "template", found.message, _help(text))


def _help(text: str) -> str:
    if re.search(r"\{\{-?\s*(labels|value|values)\b", text):
        return "in Prometheus rules write {{ $labels.name }} and {{ $value }}"
    if "{%" in text:
        return "this is a Go template; {% … %} belongs to native rules"
    return "it is a Go template, as in Prometheus: {{ $labels.instance }}, {{ $value | humanize }}"
