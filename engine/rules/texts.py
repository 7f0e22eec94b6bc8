"""Read `labels` and `annotations` of a rule: Jinja2 sources and what they may refer to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.document import Entry, MapNode, Node, Reader, ScalarNode, did_you_mean
from engine.template import check, references

CONTEXT = ("labels", "values", "level", "lines", "window_start", "window_end")
"""What a template knows besides the computed columns."""
RESERVED = frozenset({*CONTEXT, "and", "or", "not", "true", "false", "none", "in", "is", "if"})
"""What a computed column cannot be called."""
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENTRIES_MAX = 40


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates of a rule and the names that they read."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    names: frozenset[str] = field(default=frozenset())


def read_texts(
    node: MapNode,
    group_labels: MapNode | None,
    by: tuple[str, ...],
    computed: tuple[str, ...],
    has_levels: bool,
    reader: Reader,
) -> Texts:
    """Return the merged labels and the annotations after all of their findings."""
    own = _mapping(node.get("labels"), "labels", reader)
    merged = {entry.name: entry for entry in group_labels} if group_labels else {}
    merged.update({entry.name: entry for entry in own})
    annotations = {e.name: e for e in _mapping(node.get("annotations"), "annotations", reader)}
    names: set[str] = set()
    known = (*CONTEXT, *computed)
    of_alert = {*by, *merged, "severity", "alertname"}
    for entry in merged.values():
        _check_label(entry, by, has_levels, reader)
    # A label's own template sees what the rule groups by; annotations see the finished labels.
    for entries, labels in ((merged, set(by)), (annotations, of_alert)):
        for entry in entries.values():
            names |= _check_template(entry, known, labels, reader)
    return Texts(_sources(merged), _sources(annotations), frozenset(names))


def _mapping(value: Node | None, where: str, reader: Reader) -> tuple[Entry, ...]:
    if value is None or (isinstance(value, ScalarNode) and value.value is None):
        return ()
    mapping = reader.mapping(value, where)
    if mapping is None:
        return ()
    if len(mapping.entries) > _ENTRIES_MAX:
        reader.add(mapping, "rules-limit", f"more than {_ENTRIES_MAX} {where}", "remove some")
        return ()
    return mapping.entries


def _check_label(entry: Entry, by: tuple[str, ...], has_levels: bool, reader: Reader) -> None:
    name = entry.name
    if not _LABEL.fullmatch(name) or name.startswith("__"):
        reader.add(entry.key, "label-name", f"{name!r} is no label name",
                   "use letters, digits and _, not two _ in front")  # fmt: skip
    elif name == "alertname":
        reader.add(entry.key, "label-name", "Tocsin sets the label alertname itself",
                   "rename the rule, or use another label")  # fmt: skip
    elif name == "severity" and has_levels:
        reader.add(entry.key, "severity-fixed", "the levels of `when` set the label severity",
                   "remove it here, or write `when` as one condition")  # fmt: skip
    elif name in by:
        reader.add(entry.key, "label-name", f"the rule groups by {name}, which sets that label",
                   "use another name")  # fmt: skip


def _check_template(
    entry: Entry, known: tuple[str, ...], labels: set[str], reader: Reader
) -> frozenset[str]:
    value = entry.value
    if not isinstance(value, ScalarNode):
        reader.add(value, "value-type", f"{entry.name} must be a text", "write one text here")
        return frozenset()
    problem = check(value.text)
    if problem is not None:
        reader.add(value.at(*problem.place(value.text)), "template", problem.message,
                   "values are written {{ name }}, see rules/README.md")  # fmt: skip
        return frozenset()
    found = references(value.text)
    for name in sorted(found.names - set(known)):
        at = _place(value, name)
        near = did_you_mean(name, known)
        help_text = f"did you mean {near}? " if near else ""
        reader.add(value.at(*at), "template-name", f"the template knows no {name!r}",
                   f"{help_text}known names: {', '.join(known)}")  # fmt: skip
    for name in sorted(found.labels - labels):
        listed = ", ".join(sorted(labels)) or "none"
        reader.add(value.at(*_place(value, name)), "template-name",
                   f"the alert has no label {name!r}",
                   f"add it to by:; its labels are {listed}")  # fmt: skip
    return found.names


def _place(value: ScalarNode, name: str) -> tuple[int, int]:
    """Return the first place of a name inside the marks of a template."""
    start = max(value.text.find("{{"), 0)
    block = value.text.find("{%")
    if 0 <= block < start:
        start = block
    found = re.compile(rf"\b{re.escape(name)}\b").search(value.text, start)
    return (found.start(), len(name)) if found else (0, len(value.text))


def _sources(entries: Mapping[str, Entry]) -> dict[str, str]:
    return {
        name: entry.value.text
        for name, entry in entries.items()
        if isinstance(entry.value, ScalarNode)
    }
