"""Read `inhibit_rules` of a configuration file."""

from collections.abc import Mapping

from engine.document import MapNode, Node, Reader
from notifiers.config.matchers import MatcherReader, is_null, scalar_text
from notifiers.inhibit import InhibitRule

INHIBIT_CODES: Mapping[str, str] = {
    "inhibit-all": "A rule without matchers on a side takes every alert there.",
}
RULES_MAX = 10_000
"""How many inhibition rules a file may have: each costs a look for every alert that is told."""

_KEYS = (
    "name", "source_match", "source_match_re", "source_matchers", "target_match",
    "target_match_re", "target_matchers", "equal",
)  # fmt: skip


def read_inhibit_rules(
    reader: Reader, matchers: MatcherReader, node: Node | None
) -> tuple[InhibitRule, ...]:
    """Return the rules of a list; mistakes become findings."""
    if node is None or is_null(node):
        return ()
    nodes = reader.sequence(node, "inhibit_rules")
    if nodes is not None and len(nodes.elements) > RULES_MAX:
        reader.add(node, "value-range", f"more than {RULES_MAX:,} inhibition rules",
                   "write fewer, with `equal`")  # fmt: skip
        return ()
    # What is null is a rule without a word, and that takes every alert on both sides.
    entries = [
        MapNode(each.span, ()) if is_null(each) else reader.mapping(each, "an inhibition rule")
        for each in nodes or ()
    ]
    return tuple(_rule(reader, matchers, entry) for entry in entries if entry is not None)


def _rule(reader: Reader, matchers: MatcherReader, entry: MapNode) -> InhibitRule:
    reader.keys(entry, "an inhibition rule", _KEYS)
    before = len(reader.findings)
    source = matchers.selector(entry, "source_match", "source_match_re", "source_matchers")
    target = matchers.selector(entry, "target_match", "target_match_re", "target_matchers")
    read = len(reader.findings) == before  # else nobody knows what it was to take
    for side, selector in (("source", source), ("target", target)):
        if not selector and read:
            reader.add(entry, "inhibit-all", f"this rule takes every alert as a {side}",
                       f"write {side}_matchers", severity="warning")  # fmt: skip
    equal: list[str] = []
    node = entry.get("equal")
    nodes = None if node is None or is_null(node) else reader.sequence(node, "equal")
    for each in nodes or ():
        name = scalar_text(reader, each, "a label in equal")
        if name is not None and matchers.label_name(each, name, "equal"):
            equal.append(name)
    name_node = entry.get("name")
    name = None if name_node is None else scalar_text(reader, name_node, "name")
    return InhibitRule(source, target, frozenset(equal), name or "")
