"""The snapshot of an evaluator: one core chunk, and a chunk for each rule with alerts.

A rule's chunk has what changes when its alerts change; their values, which change at every tick,
are a column of the core. Alerts are kept by label sets, not by slots: an evaluator that was made
anew gives others. A rule that went well, without alerts and recorded series, costs nothing: its
group's last tick says it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from engine.alerts import Health, to_value
from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError
from engine.groups.alerting import Alerting, Kept
from engine.groups.health import RuleState
from engine.owner import Chunk
from engine.vector import LabelSet

if TYPE_CHECKING:
    from engine.groups.evaluator import GroupEvaluator
    from engine.groups.rule import JudgedRule

CORE = "alerts"
_SPECIAL = {"NaN": float("nan"), "+Inf": float("inf"), "-Inf": float("-inf")}


class _Alert(msgspec.Struct, array_like=True):
    labels: LabelSet
    metric: LabelSet
    fired_value: float | str | None
    episode: str
    state: int
    active_at_ms: int
    starts_at_ms: int
    kept_since_ms: int


class _Alerts(msgspec.Struct, array_like=True):
    version: int
    alerts: list[_Alert]


class _Rule(msgspec.Struct, array_like=True):
    key: str
    health: Health
    error: str
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    at_ms: int | None
    written: int  # so many of the column `written` are its own
    alerts: int  # and of `values`


class _Core(msgspec.Struct, array_like=True):
    ticked: list[tuple[str, str, str, int]]  # tenant, file, group, its last tick
    rules: list[_Rule]


def freeze(evaluator: "GroupEvaluator", known: Mapping[str, int], version: int) -> Iterator[Chunk]:
    """Yield the chunks of alerts, health and last written series."""
    core = _Core([], [])
    written, values = [evaluator.ended], []
    for judged in evaluator.groups:
        group = judged.group
        if judged.ticked_ms is not None:
            core.ticked.append((group.tenant, group.file, group.name, judged.ticked_ms))
        for rule in judged.rules:
            if _plain(rule, judged.ticked_ms):
                continue
            core.rules.append(_frozen(rule))
            written.append(rule.written)
            if rule.alerting is not None and rule.alerting.active:
                values.append(rule.alerting.values())
                yield _chunk(f"{CORE}/{rule.key}", rule.alerting, known)
    arrays = {
        "written": np.concatenate(written),
        "values": np.concatenate(values) if values else np.empty(0),
    }
    yield Chunk(CORE, version, pack({"core": msgspec.to_builtins(core)}, arrays))


def _plain(rule: "JudgedRule", ticked_ms: int | None) -> bool:
    """Say whether the last tick of a rule's group says everything of the rule."""
    state = rule.state
    if rule.written.size or (rule.alerting is not None and rule.alerting.active):
        return False
    if ticked_ms is None:
        return state.at_ms is None
    return state == RuleState(health="ok", at_ms=ticked_ms)


def _frozen(rule: "JudgedRule") -> _Rule:
    state = rule.state
    alerts = 0 if rule.alerting is None else rule.alerting.active
    return _Rule(
        rule.key, state.health, state.error, state.warnings, state.infos, state.at_ms,
        rule.written.size, alerts,
    )  # fmt: skip


def _chunk(name: str, alerting: Alerting, known: Mapping[str, int]) -> Chunk:
    version = alerting.version
    if known.get(name) == version:
        return Chunk(name, version, b"")
    alerts = [
        _Alert(
            kept.labels, kept.metric,
            None if kept.fired_value is None else to_value(kept.fired_value),
            kept.episode, kept.state, kept.active_at_ms, kept.starts_at_ms, kept.kept_since_ms,
        )
        for kept in alerting.kept()
    ]  # fmt: skip
    return Chunk(name, version, msgspec.json.encode(_Alerts(version, alerts)))


def thaw(evaluator: "GroupEvaluator", name: str, payload: bytes) -> None:
    """Take back a chunk, in any order, into an evaluator of the same groups.

    Raises SnapshotError, ValueError or LookupError.
    """
    try:
        if name == CORE:
            _thaw_core(evaluator, payload)
        else:
            _thaw_alerts(evaluator, name.partition("/")[2], payload)
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"the alerts of groups cannot be read: {error}") from error


def _thaw_core(evaluator: "GroupEvaluator", payload: bytes) -> None:
    meta, arrays = unpack(payload)
    core = msgspec.convert(meta["core"], _Core)
    held = {rule.key: rule for rule in core.rules}
    columns = _columns(core, arrays)
    evaluator.ended = columns[""][0]
    ticked = {(tenant, file, name): at_ms for tenant, file, name, at_ms in core.ticked}
    for judged in evaluator.groups:
        group = judged.group
        judged.ticked_ms = ticked.get((group.tenant, group.file, group.name))
        for rule in judged.rules:
            kept = held.get(rule.key)
            if kept is not None:
                written, values = columns[rule.key]
                rule.state = RuleState(
                    kept.health, kept.error, kept.warnings, kept.infos, kept.at_ms
                )
                rule.wrote(written)
                if rule.alerting is not None:
                    rule.alerting.value_as(values)
            elif judged.ticked_ms is not None:
                rule.state = RuleState(health="ok", at_ms=judged.ticked_ms)


def _columns(core: _Core, arrays: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Cut the columns: written and values of each rule by its key; "" has what comes before."""
    first = arrays["written"].size - sum(rule.written for rule in core.rules)
    found = {"": (arrays["written"][:first], arrays["values"][:0])}
    start, value = first, 0
    for rule in core.rules:
        found[rule.key] = (
            arrays["written"][start : start + rule.written],
            arrays["values"][value : value + rule.alerts],
        )
        start, value = start + rule.written, value + rule.alerts
    return found


def _thaw_alerts(evaluator: "GroupEvaluator", key: str, payload: bytes) -> None:
    rule = evaluator.by_key.get(key)
    if rule is None or rule.alerting is None:
        return
    stored = msgspec.json.decode(payload, type=_Alerts)
    for one in stored.alerts:
        rule.alerting.take(_kept(one))
    rule.alerting.version, rule.alerting.changed = stored.version, False


def _kept(one: _Alert) -> Kept:
    fired = _SPECIAL[one.fired_value] if isinstance(one.fired_value, str) else one.fired_value
    return Kept(
        one.labels, one.metric, 0.0, fired, one.episode, one.state, one.active_at_ms,
        one.starts_at_ms, one.kept_since_ms,
    )  # fmt: skip
