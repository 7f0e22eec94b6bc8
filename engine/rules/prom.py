"""Read one Prometheus rule of a rule file: what promtool accepts, and where it is wrong."""

from dataclasses import dataclass

from engine.document import MapNode, Node, Reader, ScalarNode
from engine.plan import PromRule, RuleKind
from engine.promql import Expr
from engine.rules.go_texts import GoTexts, check_templates, plain, read_map, texts
from engine.rules.promql import Expression, Expressions

PROM_RULE_KEYS = (
    "record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations", "id",
)  # fmt: skip
_ALERT_ONLY = ("for", "keep_firing_for", "annotations")
_VMALERT = {
    key: f"`{key}` is a key of vmalert, which Prometheus does not have"
    for key in ("debug", "update_entries_limit")
}
_NATIVE = {
    key: f"`{key}` belongs to native rules, this one has `expr`"
    for key in ("metrics", "logs", "window", "by", "compute", "when", "recover", "evaluate",
                "no_data")
} | {"tenant": "a Prometheus rule has its group's tenant: write `tenant` there"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PromReading:
    """What reading rules of one load shares: each text is read once."""

    expressions: Expressions
    templates: GoTexts


def is_native(node: MapNode) -> bool:
    """Say whether a rule is one of ours; what is neither is read as a Prometheus rule."""
    return not ("expr" in node or "record" in node) and any(
        key in node for key in ("metrics", "logs", "window", "compute", "when")
    )


def read_prom_rule(
    node: MapNode, group_labels: dict[str, str], reader: Reader, reading: PromReading
) -> PromRule | None:
    """Return the rule, or None after all of its findings.

    `identity` is the `id` as written or "", `version` the expression as Prometheus prints it:
    both are finished when all rules of a set are known (rules.identity).
    """
    errors = len(reader.findings)
    alert, record = _text(node, "alert", reader), _text(node, "record", reader)
    name = alert or record
    where = f"rule {name}" if name else "this rule"
    reader.keys(node, where, PROM_RULE_KEYS, _VMALERT | _NATIVE)
    kind: RuleKind = "record" if record else "alert"
    _kind(node, alert, record, where, reader)
    expression, text = _expression(node, where, reader, reading)
    identity = _text(node, "id", reader)
    times = {key: _duration(node, key, reader) for key in ("for", "keep_firing_for")}
    labels = read_map(node.get("labels"), "label", reader)
    annotations = read_map(node.get("annotations"), "annotation", reader)
    if record:
        _alert_only(node, record, times, bool(annotations), reader)
        _record_name(node, record, reader)
    else:
        check_templates(labels, "label", reading.templates, reader)
        check_templates(annotations, "annotation", reading.templates, reader)
    tree: Expr | None = expression.tree if expression is not None else None
    failed = any(finding.severity == "error" for finding in reader.findings[errors:])
    if failed or tree is None or expression is None:
        return None
    return PromRule(
        kind=kind, name=name, identity=identity, version=expression.canonical, file=reader.file,
        line=node.span.line, text=text, expr=tree, for_ms=times["for"],
        keep_firing_for_ms=times["keep_firing_for"], labels={**group_labels, **texts(labels)},
        annotations=texts(annotations),
    )  # fmt: skip


def _text(node: MapNode, key: str, reader: Reader) -> str:
    """Return a text, "" where it is absent or empty: to Prometheus that is the same."""
    value = node.get(key)
    if value is None:
        return ""
    if not isinstance(value, ScalarNode):
        reader.add(value, "value-type", f"{key} must be a text, this is a {value.kind}",
                   "write one text here; quote it when it begins with { or [")  # fmt: skip
        return ""
    return plain(value)


def _kind(node: MapNode, alert: str, record: str, where: str, reader: Reader) -> None:
    if alert and record:
        reader.add(node.key("record") or node, "rule-kind", f"{where} has both alert and record",
                   "an alerting rule has alert, a recording rule has record")  # fmt: skip
    wrong = any(isinstance(node.get(key), (MapNode,)) for key in ("alert", "record"))
    if not alert and not record and not wrong:
        at = node.key("alert") or node.key("record") or node
        reader.add(at, "rule-kind", f"{where} has neither alert nor record",
                   "write alert: and a name, or record: and a metric name")  # fmt: skip


def _expression(
    node: MapNode, where: str, reader: Reader, reading: PromReading
) -> tuple[Expression | None, str]:
    value = node.get("expr")
    if value is not None and not isinstance(value, ScalarNode):
        reader.add(value, "value-type", f"expr must be a text, this is a {value.kind}",
                   "quote it, as YAML reads braces as a mapping: expr: '{…}'")  # fmt: skip
        return None, ""
    text = plain(value) if value is not None else ""
    if not text or value is None:
        at = node.key("expr") or node
        reader.add(at, "key-missing", f"{where} has no `expr`",
                   "write expr: and what it watches in PromQL")  # fmt: skip
        return None, ""
    found = reading.expressions.read(text)
    for problem in found.problems:
        reader.problem(value, problem)
    return found, text


def _duration(node: MapNode, key: str, reader: Reader) -> int:
    value: Node | None = node.get(key)
    if value is None or (isinstance(value, ScalarNode) and value.value is None):
        return 0
    return reader.duration(value, key) or 0


def _alert_only(
    node: MapNode, record: str, times: dict[str, int], annotated: bool, reader: Reader
) -> None:
    """Refuse what only alerts have; `for: 0s` and no annotations are nothing, as in Prometheus."""
    for key in _ALERT_ONLY:
        at = node.key(key)
        if at is not None and (annotated if key == "annotations" else times[key]):
            reader.add(at, "record-key", f"the recording rule {record} cannot have `{key}`",
                       f"remove `{key}`; only alerting rules have it")  # fmt: skip


def _record_name(node: MapNode, record: str, reader: Reader) -> None:
    value = node.get("record")
    if value is not None and ("{" in record or "}" in record):
        reader.add(value, "record-name", f"{record!r} is recorded under a name with braces",
                   "write a metric name; selectors go to expr:, labels to labels:")  # fmt: skip
