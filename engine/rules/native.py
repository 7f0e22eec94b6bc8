"""Read one native rule of a rule file."""

import re
from dataclasses import dataclass, replace
from typing import Literal, cast

from engine.document import MapNode, Node, Reader, ScalarNode
from engine.limits import Limits
from engine.plan import Expression, names
from engine.rules.compute import FUNCTIONS, parse_compute
from engine.rules.condition import parse_condition
from engine.rules.meaning import version
from engine.rules.model import Compute, Evaluate, Input, InputKind, Level, LineFilter, NativeRule
from engine.rules.selector import parse_logs, parse_metrics
from engine.rules.texts import RESERVED, Texts, read_texts
from engine.rules.window import read_window

RULE_KEYS = (
    "alert", "metrics", "logs", "window", "by", "compute", "when", "recover", "for",
    "keep_firing_for", "evaluate", "no_data", "labels", "annotations", "id", "tenant",
)  # fmt: skip
_LATER = {
    key: f"`{key}` is not supported yet"
    for key in ("let", "late", "slo", "flap", "heartbeat", "notify", "depends_on", "lookup")
}
_KINDS: tuple[InputKind, ...] = ("metrics", "logs")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEVEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FREE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class GroupDefaults:
    """What a rule takes from its group."""

    name: str
    tenant: str
    interval_ms: int | None
    labels: MapNode | None


def read_rule(
    node: MapNode, group: GroupDefaults, reader: Reader, limits: Limits
) -> NativeRule | None:
    """Return the rule, or None after all of its findings."""
    name = _name(node, reader)
    where = f"rule {name}" if name else "this rule"
    reader.keys(node, where, RULE_KEYS, _LATER)
    before = len(reader.findings)
    source = _input(node, where, reader)
    window_node = reader.require(node, where, "window", "write window: {sliding: 1m, every: 5s}")
    window = read_window(window_node, reader, limits, group.interval_ms)
    by = _by(node, reader)
    compute, computed = _compute(node, where, reader, limits)
    levels = _levels(node, where, computed, reader, limits)
    recover = _condition(node.get("recover"), "recover", computed, reader)
    fixed = any(level.name for level in levels)
    texts = read_texts(node, group.labels, by, computed, fixed, reader)
    for_ms = reader.duration(node.get("for"), "for", 0, 30 * _DAY_MS)
    keep_ms = reader.duration(node.get("keep_firing_for"), "keep_firing_for", 0, 30 * _DAY_MS)
    evaluate = reader.choice(node.get("evaluate"), "evaluate", ("tick", "arrival"))
    no_data = _no_data(node, reader)
    tenant = plain_text(node.get("tenant"), "tenant", reader) or group.tenant
    identity = plain_text(node.get("id"), "id", reader) or f"{group.name}/{name}"
    if len(reader.findings) == before:
        _unused(node, compute, levels, recover, texts, reader)
    if not name or source is None or window is None or not levels:
        return None
    rule = NativeRule(
        tenant=tenant, group=group.name, name=name, identity=identity, version="",
        file=reader.file, line=node.span.line, input=source, window=window, by=by,
        compute=compute, levels=levels, recover=recover, for_ms=for_ms or 0,
        keep_firing_for_ms=keep_ms or 0, evaluate=cast(Evaluate, evaluate or "tick"),
        no_data=no_data, labels=texts.labels, annotations=texts.annotations,
    )  # fmt: skip
    return replace(rule, version=version(rule))


def _name(node: MapNode, reader: Reader) -> str | None:
    found = reader.require(node, "this rule", "alert", "write alert: and a name")
    return plain_text(found, "alert", reader)


def plain_text(node: Node | None, where: str, reader: Reader) -> str | None:
    """Expect a short text without control characters."""
    text = reader.text(node, where)
    if text is not None and node is not None and not _FREE.fullmatch(text):
        reader.add(node, "name", f"{where} has more than 200 or unprintable characters",
                   "use a short name on one line")  # fmt: skip
        return None
    return text


def _input(node: MapNode, where: str, reader: Reader) -> Input | None:
    keys = [key for key in ("metrics", "logs") if key in node]
    if len(keys) != 1:
        what = "both metrics: and logs:" if keys else "neither metrics: nor logs:"
        at = node.key("logs") or node
        reader.add(at, "rule-input", f"{where} reads {what}", "a rule reads exactly one of them")
        return None
    kind = cast(InputKind, keys[0])
    value = node.get(kind)
    if not isinstance(value, ScalarNode) or value.value is None:
        assert value is not None, f"{kind} is a key of this rule"
        example = f"{kind}: '{{service=\"web\"}}'"
        reader.add(value, "selector", f"{kind} takes a selector as text",
                   f"quote it, as YAML reads braces as a mapping: {example}")  # fmt: skip
        return None
    filters: tuple[LineFilter, ...] = ()
    if kind == "metrics":
        selector, problems = parse_metrics(value.text)
    else:
        selector, filters, problems = parse_logs(value.text)
    for problem in problems:
        reader.problem(value, problem)
    return None if problems else Input(kind, selector, filters)


def _by(node: MapNode, reader: Reader) -> tuple[str, ...]:
    value = node.get("by")
    if value is None:
        return ()
    elements = reader.sequence(value, "by") if not isinstance(value, ScalarNode) else (value,)
    seen: list[str] = []
    for element in elements or ():
        label = reader.text(element, "a label in by")
        if label is None:
            continue
        if not _NAME.fullmatch(label) or label.startswith("__"):
            reader.add(element, "name", f"{label!r} is no label name", "write by: [service, pod]")
        elif label in ("alertname", "severity"):
            reader.add(element, "label-name", f"Tocsin sets the label {label} itself",
                       "group by another label")  # fmt: skip
        elif label in seen:
            reader.add(element, "by-duplicate", f"{label} is here twice", "remove one")
        else:
            seen.append(label)
    return tuple(seen)


def _compute(
    node: MapNode, where: str, reader: Reader, limits: Limits
) -> tuple[tuple[Compute, ...], tuple[str, ...]]:
    """Return the columns and every name that was meant as one, broken ones too."""
    # Where it reads both or neither (a finding of its own), what suits either of them is right.
    kinds = [kind for kind in _KINDS if kind in node] or list(_KINDS)
    example = "write compute: {lines: count()}" if kinds[0] == "logs" else "compute: {v: avg()}"
    mapping = reader.mapping(reader.require(node, where, "compute", example), "compute")
    if mapping is None:
        return (), ()
    if len(mapping.entries) > limits.computes_per_rule_max:
        reader.add(mapping, "rules-limit", f"{len(mapping.entries)} computed columns, the limit is "
                   f"{limits.computes_per_rule_max}", "write several rules")  # fmt: skip
    columns: list[Compute] = []
    for entry in mapping:
        empty = isinstance(entry.value, ScalarNode) and entry.value.value is None
        if empty and entry.name.endswith(")"):
            continue  # the rest of a call that YAML cut at its comma: said there
        if not _NAME.fullmatch(entry.name) or entry.name in RESERVED:
            near = "it has a meaning in conditions or templates" if entry.name in RESERVED else (
                "use letters, digits and _"
            )  # fmt: skip
            reader.add(entry.key, "name", f"{entry.name!r} cannot name a column", near)
            continue
        if empty:
            reader.add(entry.key, "compute", f"{entry.name} has no function",
                       f"write {entry.name}: and one of {', '.join(FUNCTIONS)}")  # fmt: skip
            continue
        text = reader.scalar(entry.value, entry.name)
        if text is None:
            continue
        for kind in kinds:
            column, problems = parse_compute(entry.name, text.text, kind)
            if not problems:
                break
        for problem in problems:
            reader.problem(text, problem)
        if column is not None:
            columns.append(column)
    return tuple(columns), tuple(e.name for e in mapping if _NAME.fullmatch(e.name))


def _levels(
    node: MapNode, where: str, known: tuple[str, ...], reader: Reader, limits: Limits
) -> tuple[Level, ...]:
    value = reader.require(node, where, "when", "write when: and a condition over compute's names")
    if not isinstance(value, MapNode):
        condition = _condition(value, "when", known, reader)
        return (Level("", condition),) if condition is not None else ()
    if not value.entries:
        reader.add(value, "value-type", "when is empty", "write a condition, or levels")
    if len(value.entries) > limits.levels_per_rule_max:
        reader.add(value, "rules-limit", f"{len(value.entries)} levels, the limit is "
                   f"{limits.levels_per_rule_max}", "write several rules")  # fmt: skip
    levels = []
    for entry in value:
        if not _LEVEL.fullmatch(entry.name):
            reader.add(entry.key, "name", f"{entry.name!r} cannot name a level",
                       "use a word such as warning or critical")  # fmt: skip
            continue
        condition = _condition(entry.value, entry.name, known, reader)
        if condition is not None:
            levels.append(Level(entry.name, condition))
    return tuple(levels)


def _condition(
    node: Node | None, where: str, known: tuple[str, ...], reader: Reader
) -> Expression | None:
    if node is None:
        return None
    if isinstance(node, ScalarNode) and node.value is None:
        reader.add(node, "condition", f"{where} is empty", "write for example errors > 10")
        return None
    scalar = reader.scalar(node, where)
    if scalar is None:
        return None
    expression, problems = parse_condition(scalar.text, known)
    for problem in problems:
        reader.problem(scalar, problem)
    return expression


def _no_data(node: MapNode, reader: Reader) -> Literal["ok", "keep"]:
    value = node.get("no_data")
    if isinstance(value, ScalarNode) and value.text == "alert":
        reader.add(value, "unsupported", "no_data: alert is not supported yet",
                   "use ok (the alert ends) or keep (it stays as it is)")  # fmt: skip
        return "ok"
    return "keep" if reader.choice(value, "no_data", ("ok", "keep")) == "keep" else "ok"


def _unused(
    node: MapNode,
    compute: tuple[Compute, ...],
    levels: tuple[Level, ...],
    recover: Expression | None,
    texts: Texts,
    reader: Reader,
) -> None:
    """Warn about columns that cost state and change nothing."""
    read = set(texts.names)
    for expression in [level.condition for level in levels] + ([recover] if recover else []):
        read.update(names(expression))
    columns = node.get("compute")
    if "values" in read or not isinstance(columns, MapNode):
        return
    for column in compute:
        key = columns.key(column.name)
        if column.name not in read and key is not None:
            reader.add(key, "compute-unused", f"nothing reads {column.name}",
                       "remove it, or show it in an annotation", severity="warning")  # fmt: skip
