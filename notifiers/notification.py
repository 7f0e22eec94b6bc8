"""What is sent, what became of it, and what a channel is.

The contract between the notifier (notifiers.owner, notifiers.delivery) and the channels
(notifiers.channels.*). A channel is a class, registered as an entry point `tocsin.channels` under
its short name; `slack` reads the receivers' `slack_configs`. A channel is built once a load from
its configuration and then only asked to `notify`. It holds no state that a restart would miss:
what must be remembered about the far side is its `far_id` and comes back with the next
notification of the same group and integration.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, Self

from engine.alerts import Evidence, Value
from notifiers.egress import EGRESS_DEFAULT, Egress
from notifiers.fields import NO_TEMPLATING, Field, Report, Secret, Templating

Status = Literal["firing", "resolved"]

NotificationReason = Literal[
    "first notification",
    "new alerts added",
    "some alerts resolved",
    "all alerts resolved",
    "repeat interval elapsed",
]
"""Why a notification is sent, in Alertmanager's words (its `notificationReason`)."""

FailureReason = Literal[
    "clientError",
    "authError",
    "rateLimited",
    "serverError",
    "contextDeadlineExceeded",
    "other",
]
"""Why one was not sent, in Alertmanager's words (`alertmanager_notifications_failed_total`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifiedAlert:
    """One alert of a notification. Posted alerts have only the first eight; the rest is empty."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at_ms: int
    ends_at_ms: int  # 0 while it fires and nobody set an end
    generator_url: str
    fingerprint: str  # 16 hex, FNV-1a of the labels as Alertmanager computes it
    updated_at_ms: int = 0
    superseded: bool = False
    """Resolved only because its level changed: the episode fires on, in this same notification,
    under another fingerprint."""
    values: Mapping[str, Value] = field(default_factory=dict)
    values_at_firing: Mapping[str, Value] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    lines: tuple[str, ...] = ()  # log lines of the window, oldest first
    level: str = ""  # "" where the rule has no levels
    episode: str = ""  # 16 hex; equal over level changes and until resolved
    rule_group: str = ""
    rule_file: str = ""
    rule_line: int = 0
    event_ms: int = 0  # the footer: data ->
    arrival_ms: int = 0  # arrived ->
    decision_ms: int = 0  # decided -> (sent)
    window: tuple[int, int] | None = None  # (start, end] in event time


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification of one group to one integration."""

    tenant: str
    receiver: str
    integration: str  # "<channel>/<index>", e.g. "slack/0"
    group_key: str  # Alertmanager's: {}/{team="db"}:{alertname="X"}
    group_labels: Mapping[str, str]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    route_labels: Mapping[str, str]  # labels set on the route; {} until it has any
    status: Status  # "firing" where at least one alert fires
    reason: NotificationReason
    external_url: str  # of this Tocsin, without a slash at the end
    n: int  # this group's notification counter for this integration
    episodes: tuple[str, ...]  # of its alerts, sorted, without the empty ones
    alerts: tuple[NotifiedAlert, ...]  # Alertmanager's order: job, instance, other labels
    previous: Mapping[str, str] | None
    """The far_id of the group's last notification while something in it still fires; None starts
    a new message (a new thread) on the far side."""
    redis_degraded: bool  # say so in the footer: it may come twice
    possibly_repeated: bool  # its first sender died between sending and its answer
    now_ms: int  # when it was decided; the key does not depend on it
    group_created_ms: int = 0
    """When the group came to be. Part of the key: after a loss of all state n begins at 1 again."""

    @property
    def firing(self) -> tuple[NotifiedAlert, ...]:
        """The alerts that fire."""
        return tuple(alert for alert in self.alerts if alert.status == "firing")

    @property
    def resolved(self) -> tuple[NotifiedAlert, ...]:
        """The alerts that have ended, without those that fire on in here at another level.

        Messages to people show these; a machine's body shows all of `alerts`.
        """
        return tuple(
            alert for alert in self.alerts if alert.status == "resolved" and not alert.superseded
        )

    @property
    def key(self) -> str:
        """The text a far side that knows keys deduplicates by: equal for equal notifications."""
        where = (self.tenant, self.receiver, self.integration, self.group_key)
        return fence_key(where, self.group_created_ms, self.n)


def fence_key(where: tuple[str, str, str, str], group_created_ms: int, n: int) -> str:
    """Return the key of notification n of (tenant, receiver, integration, group key)."""
    tenant, receiver, integration, group_key = where
    group = hashlib.blake2b(group_key.encode(), digest_size=16).hexdigest()
    return f"{tenant}/{receiver}/{integration}/{group}/{group_created_ms}/{n}"


def common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the pairs that all label sets (or annotations) share, sorted by name."""
    shared = dict(sorted(sets[0].items())) if sets else {}
    for each in sets[1:]:
        if shared.items() <= each.items():
            continue
        shared = {name: value for name, value in shared.items() if each.get(name) == value}
    return shared


@dataclass(frozen=True, slots=True)
class Sent:
    """The far side has confirmed."""

    far_id: Mapping[str, str]  # what is needed to edit or continue it; {} if nothing
    sent_ms: int
    edited: bool = False  # an existing message was changed in place


@dataclass(frozen=True, slots=True)
class Retry:
    """It was not accepted and may be later."""

    reason: FailureReason
    after_ms: int | None  # not before that long from now (Retry-After); None: backoff
    text: str  # for log and status; without secrets


@dataclass(frozen=True, slots=True)
class Drop:
    """It will never be accepted as it is."""

    reason: FailureReason
    text: str  # says what to change; without secrets


Outcome = Sent | Retry | Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Global:
    """The part `global:` of the file, with Alertmanager's defaults filled in."""

    resolve_timeout_ms: int = 300_000
    http_config: Mapping[str, object] | None = None  # read by fields.HTTP_CONFIG
    slack_api_url: Secret | None = None
    slack_app_url: str | None = None
    slack_app_token: Secret | None = None
    smtp_from: str = ""
    smtp_hello: str = "localhost"
    smtp_smarthost: str = ""  # host:port
    smtp_auth_username: str = ""
    smtp_auth_password: Secret | None = None
    smtp_auth_secret: Secret | None = None
    smtp_auth_identity: str = ""
    smtp_require_tls: bool = True
    smtp_force_implicit_tls: bool | None = None
    smtp_tls_config: Mapping[str, object] | None = None  # read by fields.TLS_CONFIG
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    opsgenie_api_url: str = "https://api.opsgenie.com/"
    opsgenie_api_key: Secret | None = None
    telegram_api_url: str = "https://api.telegram.org"
    telegram_bot_token: Secret | None = None
    templates: Templating = NO_TEMPLATING
    """What `templates:` names, and Alertmanager's default templates."""
    egress: Egress = EGRESS_DEFAULT  # of tocsin.yaml: where nothing is sent


class Channel(Protocol):
    """One integration of one receiver: what sends.

    The usual shape: a pure `render(notification) -> Request` (its own type), a pure
    `classify(response) -> Sent | Retry | Drop`, and `notify` doing the I/O between them.
    """

    fields: ClassVar[Mapping[str, Field]]
    """What one entry of `<name>_configs` may hold. `send_resolved` is read for every channel and
    must not be named here. Names neither here nor in `refused` are a finding."""

    refused: ClassVar[Mapping[str, str]]
    """Fields that are known and refused -> the way round; a finding each."""

    send_resolved_default: ClassVar[bool]
    """Alertmanager's: false for slack and email, true for webhook."""

    has_key: bool
    """The far side deduplicates by our key, so sending again after a crash shows nothing twice.
    An instance's attribute, as it may depend on the configuration."""

    destination: str
    """Who is paced and queued together, e.g. "slack:hooks.example.org", "smtp:mail:587". It is
    shown in logs and metrics: without secrets and without a URL's path."""

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry, already read by `fields` (defaults filled in).

        What is missing or contradictory is reported, all of it, and None returned: e.g.
        report("api_url", "slack-url", "no api_url, and no slack_api_url in global", "set one").
        """
        ...

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once; no retries here (notifiers.delivery retries), bounded time.

        Never raises for what the network or the far side does. `now_ms` is when this attempt
        starts; sent_ms is that plus the time the attempt took.
        """
        ...


class Closable(Protocol):
    """A channel that holds connections; asked at reload and shutdown where it has the method."""

    async def close(self) -> None:
        """Give connections back."""
        ...
