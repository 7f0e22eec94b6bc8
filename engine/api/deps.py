"""What the HTTP room needs of a worker. The worker implements it; tests have a fake of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from engine.api.live import Asked, Inspected
from engine.api.sending import DeliveriesView
from engine.api.standing import Standing
from engine.api.tokens import Token
from engine.api.views import (
    AlertView,
    GroupView,
    Obstacle,
    ReceiverView,
    Rejected,
    RuleAlertView,
    RuleFailureView,
    RulesView,
    SilenceView,
    WorkerView,
)
from engine.limits import DEFAULT_LIMITS, Limits
from engine.owner import Output
from engine.series import MatcherMode

Endpoint = Literal["metrics", "logs", "write"]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What does not change while the process lives."""

    version: str  # of Tocsin
    started_ms: int
    instance_id: str = "tocsin"
    tenant: str = "default"
    external_url: str = ""
    route_prefix: str = ""  # what every path begins with: "" or "/tocsin"
    limits: Limits = field(default=DEFAULT_LIMITS)
    tokens: tuple[Token, ...] | None = None  # None: no authentication
    hosts: tuple[str, ...] = ()  # accepted names in `Host`; (): any (see guard.py)
    matcher_parsing: MatcherMode = "fallback"  # "classic" refuses label names beyond ASCII too


class Ingested(NamedTuple):
    """What became of a request body, before anything of it is appended."""

    outputs: Sequence[Output]
    accepted: int
    rejects: Sequence[Rejected]


class Reloaded(NamedTuple):
    """How a reload went."""

    good: bool
    text: str  # the digest in force, or the findings


class NotifierView(Protocol):
    """The notifier's state, asked only where its owner lives. Calls are synchronous and quick."""

    def alerts(self, now_ms: int) -> Sequence[AlertView]:
        """Return all alerts that are not resolved at `now_ms`, in any order."""
        ...

    def groups(self, now_ms: int) -> Sequence[GroupView]:
        """Return all groups with an alert that is not resolved, in Alertmanager's order."""
        ...

    def silences(self) -> Sequence[SilenceView]:
        """Return all silences that are still kept, expired ones too."""
        ...

    def silence(self, silence_id: str) -> SilenceView | None:
        """Return one silence, None where it is not known (any more)."""
        ...

    def receivers(self) -> Sequence[ReceiverView]:
        """Return the receivers in the order of the configuration."""
        ...

    def rule_alerts(self, now_ms: int) -> Sequence[RuleAlertView]:
        """Return the pending and firing alerts of our own rules, as last recorded."""
        ...

    def rule_failures(self) -> Sequence[RuleFailureView]:
        """Return the rules that fail, as last recorded: one entry for each shard."""
        ...

    def deliveries(self) -> DeliveriesView:
        """Return what was given up, where notifications go, what failed lately."""
        ...

    def outlook(self, letter_id: str, now_ms: int) -> str | None:
        """Say what sending a dead letter again would do: "waiting" means that it would be sent.

        Else "on its way" or "over"; None where there is no such letter.
        """
        ...

    def hurry(self) -> None:
        """Probe destinations that are left alone now, not when their pause is over."""
        ...

    def config_text(self) -> str:
        """Return the notification configuration, secrets replaced by <secret>."""
        ...


class ApiDeps(Protocol):
    """A worker as the HTTP room sees it."""

    @property
    def settings(self) -> ApiSettings:
        """What does not change while the process lives."""
        ...

    def now_ms(self) -> int:
        """Return the wall clock."""
        ...

    def notifier(self) -> NotifierView | None:
        """Return the notifier if this worker owns it and it is live, else None."""
        ...

    def notifier_url(self) -> str | None:
        """Return the base URL of the worker that owns the notifier, None while unknown."""
        ...

    def resolve_timeout_ms(self) -> int:
        """Return `global.resolve_timeout` of the notification configuration."""
        ...

    async def append(self, outputs: Sequence[Output]) -> list[int]:
        """Append durably and return the offsets. Raises StreamError if that is not certain."""
        ...

    async def wait_applied(self, offset: int, timeout_ms: int) -> bool:
        """Wait until this worker's notifier has applied that offset of `alerts`."""
        ...

    def ingest(self, endpoint: Endpoint, body: bytes, stamp_ms: int) -> Ingested:
        """Decode a body (NDJSON, or snappy protobuf for "write") into what must be appended."""
        ...

    def rules(self) -> RulesView:
        """Return the rules in force and the state of their loading."""
        ...

    async def standing(self) -> Standing:
        """Return what the shards here know of rules and alerts, without records."""
        ...

    def obstacles(self) -> Sequence[Obstacle]:
        """Return why this worker is not ready; nothing: it is."""
        ...

    def worker(self) -> WorkerView:
        """Return how this worker is."""
        ...

    async def inspect(self, asked: Asked) -> Inspected:
        """Return what this worker knows of series. Changes nothing."""
        ...

    def peers(self) -> Mapping[str, str]:
        """Return the base URLs of the other live workers, by instance id."""
        ...

    async def reload(self) -> Reloaded:
        """Read rules and notifications again; a bad file changes nothing."""
        ...
