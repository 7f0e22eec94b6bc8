"""What a tick of a group says: alert records, health records, results of queries."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from engine.alerts import (
    AlertRecord,
    Change,
    Evidence,
    Health,
    RuleHealth,
    Value,
    encode,
    to_value,
)
from engine.owner import Output
from engine.plan import PromGroup, PromRule
from engine.promql import COMPARISONS, Binary, Expr, Number, Paren, PromQLError, Unary, parse
from engine.series import canonical
from engine.vector import LabelSet


@dataclass(frozen=True, slots=True)
class Moment:
    """What the shard's owner says of the record that made it tick; written into alert records."""

    shard: int
    watermark_ms: int
    input_offset: int
    stamp_ms: int
    next_sequence: Callable[[], int]  # counts this shard's alert records, native ones too


@dataclass(frozen=True, slots=True)
class External:
    """What templates read of the installation."""

    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One alert at the time of a change: what its record says of it."""

    labels: LabelSet
    annotations: Mapping[str, str]
    value: float
    value_at_firing: float | None
    episode: str
    active_at_ms: int
    starts_at_ms: int
    held: bool  # whether the expression gave the value at this tick


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a query gave at a tick; on the topic `results`."""

    v: int = 1
    query: str  # PromRule.name
    at_ms: int  # the tick
    type: str  # vector, scalar, string; "" where it failed
    rows: list[tuple[dict[str, str], Value]] = []  # in order; one without labels of a scalar
    text: str = ""  # of a string
    warnings: list[str] = []
    infos: list[str] = []
    error: str = ""


_results: msgspec.json.Decoder[QueryResult] = msgspec.json.Decoder(QueryResult)


def decode_result(raw: bytes) -> QueryResult:
    """Read a record of `results`. Raises msgspec.DecodeError or ValidationError."""
    return _results.decode(raw)


def result_output(result: QueryResult) -> Output:
    """Return the record of a query's result."""
    return Output("results", 0, None, msgspec.json.encode(result))


def health_output(
    group: PromGroup, rule: PromRule, health: Health, error: str, at_ms: int, shard: int
) -> Output:
    """Return the record of a rule that began or ceased to fail."""
    record = RuleHealth(
        tenant=group.tenant, group=group.name, rule=rule.name, rule_id=rule.identity,
        rule_version=rule.version, shard=shard, health=health, error=error, at_ms=at_ms,
    )  # fmt: skip
    return Output("alerts", 0, None, encode(record))


def alert_output(
    group: PromGroup, rule: PromRule, told: Told, change: Change, at_ms: int, moment: Moment
) -> Output:
    """Return the record of one change of one alert."""
    over = change.state in ("resolved", "inactive")
    record = AlertRecord(
        tenant=group.tenant, group=group.name, rule=rule.name, rule_id=rule.identity,
        rule_version=rule.version, rule_file=rule.file, rule_line=rule.line,
        episode=told.episode,
        shard=moment.shard, sequence=moment.next_sequence(),
        state=change.state, reason=change.reason, level="",
        labels=dict(told.labels), annotations=dict(told.annotations),
        values={"value": to_value(told.value)},
        values_at_firing=(
            {} if told.value_at_firing is None else {"value": to_value(told.value_at_firing)}
        ),
        evidence=evidence_of(rule, told.value, told.held),
        lines=[],
        active_at_ms=told.active_at_ms,
        starts_at_ms=told.starts_at_ms,
        ends_at_ms=at_ms if over else 0,
        event_ms=at_ms,
        window_start_ms=at_ms, window_end_ms=at_ms,
        watermark_ms=moment.watermark_ms, input_offset=moment.input_offset,
        arrival_ms=0, decision_ms=moment.stamp_ms,
    )  # fmt: skip
    return Output("alerts", 0, None, encode(record))


def episode_of(tenant: str, identity: str, labels: LabelSet, active_at_ms: int) -> str:
    """Return the name of an alert from first pending to resolved, 16 hex."""
    raw = canonical(tenant, {"": identity, **dict(labels)})
    start = active_at_ms.to_bytes(8, "little", signed=True)
    return hashlib.blake2b(raw + start, digest_size=8).hexdigest()


def evidence_of(rule: PromRule, value: float, held: bool) -> list[Evidence]:
    """Return the comparison that gave the value, where it was with a number."""
    compared = _compared(rule.text)
    if compared is None:
        return []
    left, operator, right = compared
    return [
        Evidence(
            rule.text,
            to_value(value if left is None else left),
            operator,
            to_value(value if right is None else right),
            held,
        )
    ]


@lru_cache(maxsize=4_096)
def _compared(text: str) -> tuple[float | None, str, float | None] | None:
    """Return number, operator, number of a rule as it was written; None: the vector's side.

    At a component's owner the comparison itself is often cut out of the rule's tree.
    """
    try:
        comparison = _comparison(parse(text))
    except PromQLError:
        return None
    if comparison is None:
        return None
    return _number(comparison.left), comparison.operator, _number(comparison.right)


def _comparison(expr: Expr) -> Binary | None:
    """Find the comparison with a number whose vector side the result's values are."""
    while True:
        match expr:
            case Paren():
                expr = expr.expr
            case Binary(operator="and" | "unless"):
                expr = expr.left
            case Binary() if expr.operator in COMPARISONS and not expr.bool_modifier:
                sides = (_number(expr.left), _number(expr.right))
                return expr if (sides[0] is None) != (sides[1] is None) else None
            case _:
                return None


def _number(expr: Expr) -> float | None:
    match expr:
        case Number():
            return expr.value
        case Paren():
            return _number(expr.expr)
        case Unary():
            inner = _number(expr.expr)
            return inner if inner is None or expr.operator == "+" else -inner
        case _:
            return None
