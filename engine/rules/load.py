"""Load rule files: every finding of every file at once, or a rule set."""

from collections.abc import Mapping

from engine.document import (
    Finding,
    ListNode,
    MapNode,
    Node,
    Reader,
    ScalarNode,
    failed,
    load_yaml,
    ordered,
)
from engine.limits import DEFAULT_LIMITS, Limits
from engine.rules.codes import RULE_CODES
from engine.rules.meaning import digest
from engine.rules.model import NativeRule, RuleSet
from engine.rules.native import GroupDefaults, plain_text, read_rule

_GROUP_KEYS = ("name", "interval", "labels", "tenant", "rules")
_GROUP_LATER = {
    key: f"`{key}` of a group is not supported yet"
    for key in ("limit", "query_offset", "partial_response_strategy", "shard_by")
}
_EXAMPLE = "write groups:, then - name: and rules: below it"


def load(
    files: Mapping[str, str], *, limits: Limits = DEFAULT_LIMITS
) -> tuple[RuleSet | None, list[Finding]]:
    """Read rule files (path -> text).

    Returns the rule set and warnings, or None and all findings in reading order. Raises nothing
    on what a user wrote.
    """
    findings: list[Finding] = []
    rules: list[NativeRule] = []
    for file in sorted(files):
        reader = Reader(file, RULE_CODES)
        root, broken = load_yaml(files[file], file, limits.rule_file_bytes_max)
        findings += broken
        if root is not None:
            rules += _File(reader, limits).read(root)
        findings += reader.findings
    findings += _duplicates(rules) + _too_many(rules, limits)
    findings = ordered(findings)
    if failed(findings):
        return None, findings
    return RuleSet(digest(files), dict(files), tuple(rules)), findings


class _File:
    """One file's walk."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        self._names: dict[str, int] = {}

    def read(self, root: Node) -> list[NativeRule]:
        reader = self._reader
        top = reader.mapping(root, "a rule file")
        if top is None:
            return []
        reader.keys(top, "a rule file", ("groups",))
        groups = reader.require(top, "this file", "groups", _EXAMPLE)
        if isinstance(groups, ScalarNode) and groups.value is None:
            return []
        elements = reader.sequence(groups, "groups") or ListNode(top.span, ())
        return [rule for group in elements for rule in self._group(group)]

    def _group(self, node: Node) -> list[NativeRule]:
        reader = self._reader
        mapping = reader.mapping(node, "a group")
        if mapping is None:
            return []
        reader.keys(mapping, "a group", _GROUP_KEYS, _GROUP_LATER)
        defaults = self._defaults(mapping)
        rules = reader.require(mapping, "this group", "rules", "write rules: and a list of them")
        if isinstance(rules, ScalarNode) and rules.value is None:
            return []
        found = []
        for element in reader.sequence(rules, "rules") or ():
            rule_node = reader.mapping(element, "a rule")
            if rule_node is not None:
                rule = read_rule(rule_node, defaults, reader, self._limits)
                found += [rule] if rule is not None else []
        return found

    def _defaults(self, mapping: MapNode) -> GroupDefaults:
        reader = self._reader
        name_node = reader.require(mapping, "this group", "name", "write name: and a name")
        name = plain_text(name_node, "name", reader) or ""
        if name and name_node is not None:
            if name in self._names:
                reader.add(name_node, "group-duplicate", f"a second group {name!r}",
                           f"the first is on line {self._names[name]}: rename one")  # fmt: skip
            self._names.setdefault(name, name_node.span.line)
        interval_ms = reader.duration(mapping.get("interval"), "interval", 100, 86_400_000)
        labels = mapping.get("labels")
        tenant = plain_text(mapping.get("tenant"), "tenant", reader) or "default"
        return GroupDefaults(
            name, tenant, interval_ms, reader.mapping(labels, "labels") if labels else None
        )


def _duplicates(rules: list[NativeRule]) -> list[Finding]:
    first: dict[str, NativeRule] = {}
    findings = []
    for rule in rules:
        other = first.setdefault(rule.identity, rule)
        if other is not rule:
            findings.append(
                Finding(rule.file, rule.line, 1, 1, "rule-duplicate",
                        f"a second rule with the identity {rule.identity!r}",
                        f"the first is {other.file}:{other.line}; rename one, give one an id:, "
                        "or use levels in when:")
            )  # fmt: skip
    return findings


def _too_many(rules: list[NativeRule], limits: Limits) -> list[Finding]:
    if len(rules) <= limits.rules_max:
        return []
    rule = rules[limits.rules_max]
    message = f"{len(rules):,} rules, the limit is {limits.rules_max:,}"
    help_text = "raise limits.rules_max, or split the tenants"
    return [Finding(rule.file, rule.line, 1, 1, "rules-limit", message, help_text)]
