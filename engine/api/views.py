"""What the HTTP room shows: plain values that the worker fills from the notifier and the rules.

Times are milliseconds since the epoch; 0 means "none" (Go's zero time on the wire).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from engine.alerts import SilenceMatcher

AlertState = Literal["unprocessed", "active", "suppressed"]


class AlertView(Protocol):
    """An alert as the notifier sees it now: labels, times, and what keeps it quiet.

    The notifier's own view is one: lists of ten thousand are not copied on their way out.
    """

    @property
    def fingerprint(self) -> str:
        """16 hex digits, Alertmanager's."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels, without empty values."""
        ...

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations."""
        ...

    @property
    def starts_at_ms(self) -> int:
        """When it began."""
        ...

    @property
    def ends_at_ms(self) -> int:
        """When it ends by itself; 0: when its rule says so."""
        ...

    @property
    def updated_at_ms(self) -> int:
        """When something of it was last recorded."""
        ...

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names, in the order of the route tree."""
        ...

    @property
    def state(self) -> AlertState:
        """Whether it is notified."""
        ...

    @property
    def silenced_by(self) -> tuple[str, ...]:
        """Ids of silences."""
        ...

    @property
    def inhibited_by(self) -> tuple[str, ...]:
        """Fingerprints."""
        ...

    @property
    def muted_by(self) -> tuple[str, ...]:
        """Names of time intervals; known of alerts in a group."""
        ...

    @property
    def generator_url(self) -> str:
        """Where it comes from, or ""."""
        ...

    @property
    def rule(self) -> str:
        """The rule, as "rules/checkout.yaml:14"; "" where somebody posted it."""
        ...

    @property
    def values(self) -> Mapping[str, float | str]:
        """What its rule computed."""
        ...


class GroupView(Protocol):
    """Alerts that are notified together."""

    @property
    def labels(self) -> Mapping[str, str]:
        """What they have in common."""
        ...

    @property
    def receiver(self) -> str:
        """The name of who is told."""
        ...

    @property
    def alerts(self) -> Sequence[AlertView]:
        """Its alerts, with `muted_by` of this group."""
        ...

    @property
    def route_labels(self) -> Mapping[str, str]:
        """The labels of its route."""
        ...

    @property
    def muted(self) -> bool:
        """Whether a time interval mutes it now."""
        ...


class SilenceView(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as it was last written; its state follows from the clock."""

    id: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    updated_at_ms: int
    created_by: str
    comment: str
    annotations: Mapping[str, str] = {}
    origin: str = ""  # "file:PATH": read-only here; "": the API's


class ReceiverView(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver of the notification configuration."""

    name: str
    labels: Mapping[str, str] = {}


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded rule and how its last evaluation went."""

    identity: str
    group: str
    name: str
    file: str
    line: int
    version: str
    query: str  # what it reads and when it fires, as text
    kind: Literal["alerting", "recording"] = "alerting"
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    interval_ms: int = 0
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    health: Literal["ok", "err", "unknown"] = "unknown"
    last_error: str = ""
    last_evaluation_ms: int = 0
    evaluation_s: float = 0.0  # how long the last evaluation took
    native: bool = False  # a rule of our own form
    group_limit: int = 0  # of its group: series or alerts a rule may give; 0: any number


class RuleFailureView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fails at a shard, as the notifier was told."""

    identity: str
    version: str
    shard: int
    error: str


class RuleAlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of a rule, pending ones too."""

    rule_id: str  # RuleView.identity
    state: Literal["pending", "firing"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    active_at_ms: int
    level: str = ""
    values: Mapping[str, float | str] = {}
    shard: int = 0  # that judges it
    keep_firing_since_ms: int = 0  # since when only `keep_firing_for` keeps it; 0: it does not


class LoadView(msgspec.Struct, frozen=True, kw_only=True):
    """How loading went: which set is in force, and what was wrong with the last bad one."""

    digest: str = ""  # of the set in force; "" before the first
    loaded_at_ms: int = 0  # last good load
    failed_at_ms: int = 0  # last bad load, 0 where the newest load was good
    findings: str = ""  # of the last bad load, rendered


class RulesView(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of the set in force and the state of its loading."""

    rules: tuple[RuleView, ...] = ()
    load: LoadView = LoadView()


class Obstacle(msgspec.Struct, frozen=True):
    """One reason why this worker is not ready."""

    code: str  # "recovery", "rebalance", "rules_not_loaded" ...
    text: str


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """How this worker is, for the page: each line is a name and a value."""

    roles: tuple[str, ...] = ()
    shards: tuple[int, ...] = ()
    is_notifier: bool = False
    facts: tuple[tuple[str, str], ...] = ()


class Rejected(msgspec.Struct, frozen=True):
    """One record of a request that was not taken."""

    line: int  # from 1; 0: the request as a whole
    reason: str
    text: str
