"""What a YAML document is: a rule file, a PrometheusRule object, or something else by name."""

from engine.document import ListNode, MapNode, Node, Reader, ScalarNode

_RULE_KINDS = ("PrometheusRule", "PrometheusRuleList", "List")
_FILES = (
    (("slos", "service"), "a sloth SLO", "generate its rules with sloth and check those"),
    (("tests",), "a test of rules", "run it: tocsin test rules"),
    (("scrape_configs",), "a Prometheus configuration", "check the files under its rule_files:"),
    (("rule_files",), "a Prometheus configuration or a test", "check the files that it names"),
    (("global", "rule_files"), "a Prometheus configuration", "check the files that it names"),
    (("route", "receivers"), "a notification configuration", "tocsin check config reads it"),
    (("sources", "rules"), "a configuration of Tocsin", "check it: tocsin check config"),
)
"""Keys at the top that only one kind of file has; all of one line must be there."""
_OBJECTS = {
    "PrometheusServiceLevel": ("a sloth SLO", "generate its rules with sloth and check those"),
    "ServiceLevelObjective": ("a Pyrra SLO", "generate its rules with Pyrra and check those"),
    "SLO": ("an OpenSLO objective", "generate rules from it and check those"),
    "VMRule": ("rules of the VictoriaMetrics operator, in MetricsQL",
               "write a PrometheusRule; only PromQL is understood"),
    "RecordingRule": ("rules of the Loki operator, in LogQL", "write native rules on logs"),
    "AlertingRule": ("rules of the Loki operator, in LogQL", "write native rules on logs"),
}  # fmt: skip


def is_object(root: Node) -> bool:
    """Say whether a document is a Kubernetes object: then its file may have several."""
    return isinstance(root, MapNode) and "apiVersion" in root and "kind" in root


def rule_files_in(root: Node, reader: Reader) -> list[MapNode]:
    """Return the mappings with `groups` in a document; of what is no rule file, one finding."""
    if isinstance(root, ListNode) and _targets(root):
        reader.add(root, "file-kind", "this is a list of scrape targets, not rules",
                   "name rule files only")  # fmt: skip
        return []
    top = reader.mapping(root, "a rule file")
    if top is None:
        return []
    if is_object(top):
        return _of_object(top, reader)
    if "groups" not in top:
        for keys, what, help_text in _FILES:
            if all(key in top for key in keys):
                reader.add(top.key(keys[0]) or top, "file-kind", f"this file is {what}, not rules",
                           help_text)  # fmt: skip
                return []
    return [top]


def _targets(root: ListNode) -> bool:
    return all(isinstance(item, MapNode) and "targets" in item for item in root) and bool(
        root.elements
    )


def _of_object(top: MapNode, reader: Reader) -> list[MapNode]:
    kind_node = top.get("kind")
    kind = kind_node.text if isinstance(kind_node, ScalarNode) else ""
    at = kind_node or top
    if kind in _OBJECTS:
        what, help_text = _OBJECTS[kind]
        reader.add(at, "file-kind", f"this object is {what}", help_text)
        return []
    if kind not in _RULE_KINDS:
        reader.add(at, "file-kind", f"this object is a {kind or 'thing without kind'}, not rules",
                   "a PrometheusRule is read; keep other objects in other files")  # fmt: skip
        return []
    if kind != "PrometheusRule":
        items = reader.sequence(reader.require(top, "this list", "items", "write items:"), "items")
        return [found for item in items or () for found in rule_files_in(item, reader)]
    reader.keys(top, "a PrometheusRule", ("apiVersion", "kind", "metadata", "spec", "status"))
    spec = reader.require(top, "this PrometheusRule", "spec", "write spec: and groups: below it")
    mapping = reader.mapping(spec, "spec")
    return [mapping] if mapping is not None else []
