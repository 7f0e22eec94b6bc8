"""Compose the alert record of a change: labels, annotations, values, evidence, times."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.alerts import AlertRecord, Change, Evidence, Value, to_value
from engine.plan import RulePlan, comparisons, evaluate
from engine.series import canonical
from engine.shard.judge import Columns, Judged
from engine.template import render_all

if TYPE_CHECKING:
    from engine.shard.owner import ShardOwner


@dataclass(frozen=True, slots=True)
class _Said:
    """What a reader gets of a change: its texts and the numbers in them."""

    level: str
    labels: dict[str, str]
    annotations: dict[str, str]
    values: dict[str, Value]
    lines: list[str]
    window_end_ms: int


def compose(
    owner: "ShardOwner", judged: Judged, change: Change, offset: int, stamp_ms: int
) -> AlertRecord:
    """Return the record of one change; everything but the two stamps follows from the log."""
    state, rule, group = judged.state, judged.state.rule, change.group
    row = state.table.rows[group]
    said = _said(owner, judged, change)
    over = change.state in ("resolved", "inactive")
    if change.state == "firing":
        state.fired_values.setdefault(group, said.values)
    active_at_ms = int(row["active_at_ms"])
    record = AlertRecord(
        tenant=rule.tenant, group=rule.group, rule=rule.name, rule_id=rule.identity,
        rule_version=rule.version, rule_file=rule.file, rule_line=rule.line,
        episode=_episode(rule, judged.feed.labels(group), active_at_ms),
        shard=owner.shard, sequence=owner.sequence,
        state=change.state, reason=change.reason, level=said.level,
        labels=said.labels,
        annotations=said.annotations,
        values=said.values,
        values_at_firing=dict(state.fired_values.get(group, {})),
        evidence=evidence_of(rule, judged.columns, change.level, group),
        lines=said.lines,
        active_at_ms=active_at_ms,
        starts_at_ms=int(row["starts_at_ms"]),
        ends_at_ms=judged.at_ms if over else 0,
        event_ms=judged.at_ms,
        window_start_ms=said.window_end_ms - rule.width_ms,
        window_end_ms=said.window_end_ms,
        watermark_ms=owner.watermark.known_ms,
        input_offset=offset,
        arrival_ms=int(judged.cells["arrived_ms"][group]) if judged.columns else 0,
        decision_ms=stamp_ms,
    )  # fmt: skip
    state.told_values[group] = said.values
    if over:
        del state.told_values[group]
        state.fired_values.pop(group, None)
        state.labels.pop(group, None)
    return record


def _said(owner: "ShardOwner", judged: Judged, change: Change) -> _Said:
    """Compute the values of a change and render its texts from them."""
    rule, group = judged.state.rule, change.group
    level = rule.levels[change.level].name if change.level >= 0 else ""
    # Where the rule is gone nothing is computed any more: its end is told with what was said last.
    told = judged.state.told_values.get(group, {})
    values = values_of(judged.columns, group) if judged.columns else dict(told)
    window_end_ms = judged.run[1] * rule.every_ms
    lines = owner.leaves.lines(rule.lines_leaf, judged.run, group) if judged.columns else []
    context = {
        "values": values,
        **values,
        "level": level,
        "lines": lines,
        "window_start": (window_end_ms - rule.width_ms) / 1000.0,
        "window_end": window_end_ms / 1000.0,
    }
    labels = dict(_labels(judged, group, context, owner.limits.label_value_bytes_max))
    if level:
        labels["severity"] = level
    annotations = render_all(
        rule.annotations, {**context, "labels": labels},
        output_bytes_max=owner.limits.template_output_bytes_max,
    )  # fmt: skip
    return _Said(level, labels, annotations, values, lines, window_end_ms)


def _labels(
    judged: Judged, group: int, context: Mapping[str, object], bytes_max: int
) -> Mapping[str, str]:
    """Return the alert's labels, rendered when its episode began and then kept.

    A label that follows the value would be another alert at every tick.
    """
    state = judged.state
    held = state.labels.get(group)
    if held is None:
        labels = judged.feed.labels(group)
        rendered = render_all(
            state.rule.labels, {**context, "labels": labels}, output_bytes_max=bytes_max
        )
        held = {**labels, **{name: value for name, value in rendered.items() if value}}
        held["alertname"] = state.rule.name
        state.labels[group] = held
    return held


def values_of(columns: Columns, group: int) -> dict[str, Value]:
    """Return the computed columns of one group."""
    return {name: to_value(float(column[group])) for name, column in columns.items()}


def evidence_of(rule: RulePlan, columns: Columns, level: int, group: int) -> list[Evidence]:
    """Return each comparison of a level's condition with what its sides were."""
    if level < 0 or not columns:
        return []
    one = {name: column[group : group + 1] for name, column in columns.items()}
    found = []
    for part in comparisons(rule.levels[level].condition):
        left = float(evaluate(part.left, one, 1)[0])
        right = float(evaluate(part.right, one, 1)[0])
        held = bool(evaluate(part, one, 1)[0])
        found.append(Evidence(str(part), to_value(left), part.operator, to_value(right), held))
    return found


def _episode(rule: RulePlan, labels: Mapping[str, str], active_at_ms: int) -> str:
    identity = canonical(rule.tenant, {"": rule.identity, **labels})
    start = active_at_ms.to_bytes(8, "little", signed=True)
    return hashlib.blake2b(identity + start, digest_size=8).hexdigest()
