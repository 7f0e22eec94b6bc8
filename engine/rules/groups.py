"""Read the documents and groups of one rule file."""

import re
from dataclasses import dataclass, field

from engine.document import ListNode, MapNode, Node, Reader, ScalarNode, load_documents
from engine.limits import Limits
from engine.plan import PromGroup, PromRule
from engine.rules.codes import RULE_CODES
from engine.rules.go_texts import read_map, texts
from engine.rules.kinds import is_object, rule_files_in
from engine.rules.model import NativeRule
from engine.rules.native import GroupDefaults, plain_text, read_rule
from engine.rules.prom import PromReading, is_native, read_prom_rule

GROUP_KEYS = ("name", "interval", "limit", "query_offset", "labels", "tenant", "rules")
_VMALERT = {
    key: f"`{key}` is a key of vmalert, which Prometheus does not have"
    for key in ("concurrency", "debug", "eval_alignment", "eval_delay", "eval_offset",
                "extra_filter_labels", "headers", "notifier_headers", "params", "type")
}  # fmt: skip
_LATER = {
    "partial_response_strategy": "`partial_response_strategy` is a key of Thanos",
    "shard_by": "`shard_by` of a group is not supported yet",
}
_OF_OBJECTS = ("partial_response_strategy",)  # Prometheus' operator drops it
_EXAMPLE = "write groups:, then - name: and rules: below it"
_INTERVAL_MS_MIN = 100
_DIGITS = re.compile(r"[-+]?[0-9][0-9_]{0,18}")  # 1_000 is a number to Prometheus' YAML


@dataclass(slots=True)
class Rules:
    """What was read."""

    native: list[NativeRule] = field(default_factory=list)
    prom: list[PromGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every group of a load."""

    limits: Limits
    interval_ms: int  # of groups that name none
    reading: PromReading


class RuleFile:
    """One file's walk."""

    def __init__(self, file: str, settings: Settings) -> None:
        self._reader = Reader(file, RULE_CODES)
        self._settings = settings
        self._rules = Rules()
        self._names: dict[str, int] = {}
        self._object = False

    def read(self, text: str) -> tuple[Rules, Reader]:
        """Return the rules of all documents and groups, and the findings."""
        reader = self._reader
        bytes_max = self._settings.limits.rule_file_bytes_max
        roots, broken = load_documents(text, reader.file, bytes_max, is_object)
        reader.findings += broken
        for root in roots:
            self._object = is_object(root)
            for mapping in rule_files_in(root, reader):
                self._names = {}
                self._file(mapping)
        return self._rules, reader

    def _file(self, top: MapNode) -> None:
        reader = self._reader
        reader.keys(top, "a rule file", ("groups",))
        groups = top.get("groups")
        if groups is None and not top.entries:
            return  # {}: as empty as an empty file
        if groups is None:
            reader.require(top, "this file", "groups", _EXAMPLE)
        if groups is None or (isinstance(groups, ScalarNode) and groups.value is None):
            return
        for group in reader.sequence(groups, "groups") or ListNode(top.span, ()):
            if not self._empty(group, "group"):
                self._group(group)

    def _empty(self, node: Node, what: str) -> bool:
        if not (isinstance(node, ScalarNode) and node.value is None):
            return False
        message = f"this {what} is empty and is left out"
        help_text = "remove the `-`, or write something behind it"
        self._reader.add(node, "value-type", message, help_text, severity="warning")
        return True

    def _group(self, node: Node) -> None:
        reader = self._reader
        mapping = reader.mapping(node, "a group")
        if mapping is None:
            return
        later = _VMALERT | _LATER
        known = (*GROUP_KEYS, *_OF_OBJECTS) if self._object else GROUP_KEYS
        reader.keys(mapping, "a group", known, later)
        name = self._name(mapping)
        interval_ms = self._interval(mapping)
        labels = texts(read_map(mapping.get("labels"), "label", reader))
        label_node = mapping.get("labels")
        tenant = plain_text(mapping.get("tenant"), "tenant", reader) or "default"
        defaults = GroupDefaults(
            name, tenant, interval_ms, label_node if isinstance(label_node, MapNode) else None
        )
        query_offset_ms = self._duration(mapping, "query_offset")
        limit = self._limit(mapping.get("limit"))
        rules = self._each(mapping, defaults, labels)
        if rules:
            self._rules.prom.append(
                PromGroup(tenant, name, reader.file, interval_ms or self._settings.interval_ms,
                          tuple(rules), query_offset_ms, limit)
            )  # fmt: skip

    def _each(
        self, mapping: MapNode, defaults: GroupDefaults, labels: dict[str, str]
    ) -> list[PromRule]:
        """Read the rules of a group; native ones go to the file's, the others are returned."""
        reader, settings = self._reader, self._settings
        rules = mapping.get("rules")
        if rules is None:
            reader.add(mapping, "key-missing", "this group has no `rules`",
                       "write rules: and a list of them", severity="warning")  # fmt: skip
        if rules is None or (isinstance(rules, ScalarNode) and rules.value is None):
            return []
        found = []
        for element in reader.sequence(rules, "rules") or ():
            node = None if self._empty(element, "rule") else reader.mapping(element, "a rule")
            if node is None:
                continue
            if is_native(node):
                native = read_rule(node, defaults, reader, settings.limits)
                self._rules.native += [native] if native is not None else []
            else:
                rule = read_prom_rule(node, labels, reader, settings.reading)
                found += [rule] if rule is not None else []
        return found

    def _name(self, mapping: MapNode) -> str:
        reader = self._reader
        node = reader.require(mapping, "this group", "name", "write name: and a name")
        if node is None:
            return ""
        name = reader.text(node, "name") or ""
        if name and name in self._names:
            reader.add(node, "group-duplicate", f"a second group {name!r}",
                       f"the first is on line {self._names[name]}: rename one")  # fmt: skip
        self._names.setdefault(name, node.span.line)
        return name

    def _interval(self, mapping: MapNode) -> int | None:
        """Return the interval; 0 and nothing mean the default, as in Prometheus."""
        interval_ms = self._duration(mapping, "interval")
        node = mapping.get("interval")
        if node is not None and 0 < interval_ms < _INTERVAL_MS_MIN:
            self._reader.duration(node, "interval", _INTERVAL_MS_MIN)
        return interval_ms or None

    def _duration(self, mapping: MapNode, key: str) -> int:
        node = mapping.get(key)
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return 0
        return self._reader.duration(node, key) or 0

    def _limit(self, node: Node | None) -> int:
        """Return the limit; Prometheus takes any number, and one below 1 as none."""
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return 0
        value = node.value if isinstance(node, ScalarNode) else None
        if (
            isinstance(value, str)
            and isinstance(node, ScalarNode)
            and node.source == value
            and _DIGITS.fullmatch(value)
        ):
            value = int(value.replace("_", ""))
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63:
            return max(int(value), 0)
        self._reader.integer(node, "limit", 0, 2**63)
        return 0
