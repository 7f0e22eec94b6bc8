"""The alert record: the versioned schema of what shard owners append to the topic `alerts`.

JSON by msgspec. Fields are added, never renamed or given another meaning; a reader skips what it
does not know. A number that JSON cannot say is the string "NaN", "+Inf" or "-Inf". The header
`epoch` says under which epoch the owner wrote it; everything in the value but `arrival_ms` and
`decision_ms` is a function of the owner's log, so a replay writes the same bytes.
"""

import math
from typing import Literal

import msgspec

from engine.series import Matcher

RECORD_VERSION = 1

State = Literal["pending", "firing", "resolved", "inactive"]
"""`inactive` ends an alert that was pending and never fired; `resolved` one that fired."""

Reason = Literal[
    "condition_met",        # inactive -> pending or firing
    "held_for",             # pending -> firing: `for` has passed
    "level_changed",        # firing -> firing at another level
    "condition_ended",      # -> resolved or inactive
    "recovered",            # -> resolved: `recover` held
    "keep_firing_ended",    # -> resolved: `keep_firing_for` has passed
    "no_data",              # -> resolved or inactive: nothing in the window any more
    "rule_removed",         # -> resolved or inactive: the rule is not in the set any more
    "limit_exceeded",       # -> resolved or inactive: the rule has more alerts than its `limit`
    "relabelled",           # an edit gave the rule's alerts other labels: the episode goes on
]  # fmt: skip

Value = float | str


def to_value(number: float) -> Value:
    """Return a number as JSON can say it."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return number


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One comparison of the condition: `timeouts > 10` with what both sides were."""

    text: str
    left: Value
    operator: str
    right: Value
    held: bool


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="alert"):
    """One change of one alert."""

    v: int = RECORD_VERSION
    tenant: str
    group: str  # rule group
    rule: str  # alert name
    rule_id: str  # NativeRule.identity
    rule_version: str  # NativeRule.version
    rule_file: str
    rule_line: int
    episode: str  # one alert instance from first pending to resolved, 16 hex
    shard: int
    sequence: int  # of this shard, from 1, without gaps
    state: State
    reason: Reason
    level: str  # "" where the rule has no levels
    labels: dict[str, str]  # with alertname and severity, as routed and shown
    annotations: dict[str, str]
    values: dict[str, Value]  # the computed columns now
    values_at_firing: dict[str, Value]  # when the episode began to fire; {} before
    evidence: list[Evidence]  # the parts of the condition of the level, now
    lines: list[str]  # up to three log lines of the window, oldest first
    active_at_ms: int  # event time: first pending
    starts_at_ms: int  # event time: firing since; 0 before
    ends_at_ms: int  # event time: resolved at; 0 before
    event_ms: int  # the tick (a window's end) or, on arrival, the newest row
    window_start_ms: int
    window_end_ms: int
    watermark_ms: int  # of the shard when it decided; 0: none yet
    input_offset: int  # in `shards`: the record that made the owner decide
    arrival_ms: int  # stamp: when the newest row of the window reached a worker
    decision_ms: int  # stamp: when the owner decided


Health = Literal["unknown", "ok", "err"]
"""Of a rule, as Prometheus says it; `unknown` until its first evaluation."""


class RuleHealth(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="health"):
    """A rule began or ceased to fail at a shard. Its epoch alone says whether it is old."""

    v: int = RECORD_VERSION
    tenant: str
    group: str
    rule: str
    rule_id: str
    rule_version: str
    shard: int
    health: Health
    error: str  # of the last evaluation; "" where it succeeded
    at_ms: int  # the tick


class ShardHello(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="hello"):
    """The first record of a shard's owner under a new epoch: older epochs are void from here."""

    v: int = RECORD_VERSION
    shard: int
    sequence: int  # the last one that its restored state has used
    fresh: bool  # state was lost; sequences start again after `sequence`


class PostedAlert(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="posted"):
    """An alert that somebody posted to /api/v2/alerts."""

    v: int = RECORD_VERSION
    tenant: str
    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    starts_at_ms: int
    ends_at_ms: int  # what the sender said, or arrival + resolve_timeout
    timeout: bool  # ends_at_ms comes from resolve_timeout
    arrival_ms: int


class SilenceMatcher(msgspec.Struct, frozen=True):
    """One matcher of a silence, in Alertmanager's v2 terms."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def as_matcher(self) -> Matcher:
        """Return it as rules and routes have matchers; its pattern is not compiled."""
        if self.is_regex:
            return Matcher(self.name, "=~" if self.is_equal else "!~", self.value)
        return Matcher(self.name, "=" if self.is_equal else "!=", self.value)


class SilenceRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="silence"):
    """A silence as it is now; the newest record of an id wins. Expiring one moves its end."""

    v: int = RECORD_VERSION
    tenant: str
    id: str  # uuid4
    matchers: list[SilenceMatcher]
    starts_at_ms: int
    ends_at_ms: int
    created_by: str
    comment: str
    updated_at_ms: int
    annotations: dict[str, str] = {}
    origin: str = ""  # "file:PATH": a silence of that file, which alone changes it; "": the API's


class Notified(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="notified"):
    """The notification log: notification n of a group to one integration is done."""

    v: int = RECORD_VERSION
    tenant: str
    receiver: str
    integration: str  # "<channel>/<index>", e.g. "slack/0"
    group_key: str
    n: int  # this group's notification counter for this integration
    at_ms: int  # when it was decided
    sent_ms: int  # when the far side confirmed; 0 where it was dropped
    outcome: Literal["sent", "adopted", "dropped", "withheld"]  # withheld: nobody wants resolves
    reason: str  # why it was sent, or why it was dropped
    firing: list[str]  # fingerprints of the alerts it told as firing, sorted
    resolved: list[str]
    content_hash: str
    far_id: dict[str, str] = {}  # e.g. Slack's channel and ts, an email's thread
    possibly_repeated: bool = False  # claimed by an owner that died; the far side has no key
    text: str = ""  # of one that was dropped: what the far side said, without secrets


class RetryDelivery(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retry"):
    """Somebody wants a dead letter sent again; the group is asked anew what there is to tell."""

    v: int = RECORD_VERSION
    tenant: str
    letter_id: str  # 12 hex
    at_ms: int  # when it was asked for
    by: str = ""  # who asked
    over: bool = False  # there was nothing to tell any more: the letter only goes


LogEntry = (
    AlertRecord | RuleHealth | ShardHello | PostedAlert | SilenceRecord | Notified | RetryDelivery
)
"""What the topic `alerts` holds. The field `kind` tells them apart."""

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[LogEntry] = msgspec.json.Decoder(LogEntry)


def encode(entry: LogEntry) -> bytes:
    """Return the bytes of an entry; equal entries give equal bytes."""
    return _encoder.encode(entry)


def decode(value: bytes) -> LogEntry:
    """Read an entry. Raises msgspec.DecodeError or ValidationError on what no version wrote."""
    try:
        return _decoder.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:  # msgspec lets these two through
        raise msgspec.DecodeError(f"not an entry of the topic alerts: {error}") from error
