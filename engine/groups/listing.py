"""What is asked of an evaluator from outside: alerts and rules, as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.alerts import Health, State
from engine.plan import PromGroup, PromRule


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that is pending or firing."""

    tenant: str
    group: str
    rule: str  # alert name
    rule_id: str
    labels: Mapping[str, str]  # with alertname
    annotations: Mapping[str, str]
    state: State
    value: float  # of the last evaluation that gave one
    active_at_ms: int
    starts_at_ms: int  # firing since; 0 while it is pending
    kept_since_ms: int | None  # keep_firing_for: since when the expression gives nothing
    episode: str


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule and how its last evaluation went."""

    group: PromGroup
    rule: PromRule
    health: Health
    last_error: str
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    evaluated_ms: int | None  # the last tick
    seconds: float  # that its evaluation took; 0: nobody measures
    state: State | None  # of an alerting rule: the highest of its alerts'; None before a tick
