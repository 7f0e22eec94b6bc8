"""A notifier in a bottle: its log, its clock and receivers that only write down what they get.

Times are milliseconds after T0. Nothing here sends: a flush is taken as sent at once, as a
receiver that answers immediately would make it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from engine.alerts import AlertRecord, LogEntry, Notified, PostedAlert, ShardHello, encode
from engine.limits import DEFAULT_LIMITS, Limits
from engine.owner import LogRecord
from notifiers import Flush, Notifier, NotifierConfig, load
from notifiers.fields import Field, Report
from notifiers.notification import Global, Notification, Outcome, Sent
from notifiers.pacing import Pace

T0 = 1_700_000_000_000
RESOLVE_TIMEOUT_MS = 300_000


class Recorder:
    """A channel that keeps what it was asked to send and answers as it is told to."""

    fields: ClassVar[Mapping[str, Field]] = {
        "url": Field("secret_url", required=True),
        "title": Field(),
        "tags": Field("strings"),
        "http_config": Field("map", fields={"proxy_url": Field("url")}, refused={"oauth2": "no"}),
    }
    refused: ClassVar[Mapping[str, str]] = {"timeout": "leave it out"}
    send_resolved_default: ClassVar[bool] = True
    pace = Pace(per_second=1e6, burst=1_000_000)

    def __init__(self, url: str, has_key: bool = False) -> None:
        self.url = url
        self.destination = url
        self.has_key = has_key
        self.sent: list[Notification] = []
        self.answers: list[Outcome] = []  # taken from the front; empty: Sent

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        url: Any = values["url"]
        return cls(url.read())

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        self.sent.append(notification)
        if self.answers:
            return self.answers.pop(0)
        return Sent({"id": f"{len(self.sent)}"}, now_ms)


class Quiet(Recorder):
    """The same, that does not want to hear of ends, as Slack."""

    send_resolved_default: ClassVar[bool] = False


CHANNELS: Any = {"webhook": Recorder, "slack": Quiet}


def config(text: str) -> NotifierConfig:
    """Read a configuration that must be good."""
    made, findings = load(text, "notifiers.yaml", channels=CHANNELS, external_url="http://tocsin/")
    assert made is not None, findings
    return made


SIMPLE = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s,
        repeat_interval: 1h}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""


@dataclass
class Told:
    """What a receiver got, and when."""

    at_ms: int
    flush: Flush

    @property
    def names(self) -> list[str]:
        """The alerts with their status, by the label `i` or the alert's name."""
        return sorted(
            f"{a.labels.get('i', a.labels['alertname'])}:{a.status}"
            for a in self.flush.notification.alerts
        )


@dataclass
class World:
    """A notifier with its log."""

    config: NotifierConfig
    limits: Limits = DEFAULT_LIMITS
    now_ms: int = T0
    answer: bool = True  # receivers answer at once
    log: list[LogRecord] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    unanswered: list[Flush] = field(default_factory=list)
    notifier: Notifier = field(init=False)

    def __post_init__(self) -> None:
        self.notifier = Notifier(self.config, self.limits)

    def append(self, *entries: LogEntry, epoch: int = 0) -> None:
        """Append records at the present time and apply them."""
        headers = (("epoch", str(epoch).encode()),) if epoch else ()
        records = [
            LogRecord(len(self.log) + i, self.now_ms, None, encode(entry), headers)
            for i, entry in enumerate(entries)
        ]
        self.log.extend(records)
        assert self.notifier.apply(records, self.now_ms) == []

    def run(self, until_ms: int) -> list[Told]:
        """Let time pass, at each due time as it comes; return what was told on the way."""
        before = len(self.told)
        while True:
            due_ms = self.notifier.next_due_ms()
            if due_ms is None or max(due_ms, self.now_ms) > until_ms:
                break
            self.now_ms = max(due_ms, self.now_ms)
            self.flush()
        self.now_ms = until_ms
        return self.told[before:]

    def flush(self) -> None:
        """Ask what is due now and answer for the receivers."""
        for flush in self.notifier.due(self.now_ms):
            if not flush.withheld:
                self.told.append(Told(self.now_ms, flush))
            if self.answer:
                self.append(self.answered(flush))
            else:
                self.unanswered.append(flush)

    def answered(self, flush: Flush, outcome: str = "") -> Notified:
        """Return the record of a flush that went through."""
        n = flush.notification.n
        made = outcome or ("withheld" if flush.withheld else "sent")
        far_id = {} if flush.withheld else {"id": f"far-{n}"}
        return flush.record(made, sent_ms=self.now_ms, far_id=far_id)

    def answer_all(self, outcome: str = "") -> None:
        """Answer what waits."""
        waiting, self.unanswered = self.unanswered, []
        for flush in waiting:
            self.append(self.answered(flush, outcome))


def posted(
    labels: Mapping[str, str],
    now_ms: int,
    starts_at_ms: int | None = None,
    ends_at_ms: int | None = None,
    annotations: Mapping[str, str] | None = None,
    resolve_timeout_ms: int = RESOLVE_TIMEOUT_MS,
) -> PostedAlert:
    """Return an alert as POST /api/v2/alerts makes it of what was sent (Alertmanager's rules)."""
    if starts_at_ms is None:
        starts_at_ms = ends_at_ms if ends_at_ms is not None else now_ms
    return PostedAlert(
        tenant="default",
        labels=dict(labels),
        annotations=dict(annotations or {}),
        generator_url="",
        starts_at_ms=starts_at_ms,
        ends_at_ms=now_ms + resolve_timeout_ms if ends_at_ms is None else ends_at_ms,
        timeout=ends_at_ms is None,
        arrival_ms=now_ms,
    )


def alert(
    state: str,
    sequence: int,
    at_ms: int,
    *,
    rule: str = "ErrorRatio",
    shard: int = 0,
    level: str = "warning",
    labels: Mapping[str, str] | None = None,
    reason: str = "condition_met",
    starts_at_ms: int | None = None,
    tenant: str = "default",
) -> AlertRecord:
    """Return a change of one of our own alerts."""
    started = at_ms if starts_at_ms is None else starts_at_ms
    severity = {"severity": level} if level else {}
    return AlertRecord(
        tenant=tenant, group="checkout", rule=rule, rule_id=f"checkout/{rule}", rule_version="v1",
        rule_file="rules/checkout.yaml", rule_line=7, episode=f"{abs(hash(rule)) % 16**16:016x}",
        shard=shard, sequence=sequence, state=state, reason=reason,  # type: ignore[arg-type]
        level=level, labels={"alertname": rule, **severity, **(labels or {})},
        annotations={"summary": f"{rule} at {level}"}, values={"ratio": 0.25},
        values_at_firing={}, evidence=[], lines=[], active_at_ms=started,
        starts_at_ms=started if state in ("firing", "resolved") else 0,
        ends_at_ms=at_ms if state == "resolved" else 0, event_ms=at_ms,
        window_start_ms=at_ms - 60_000, window_end_ms=at_ms, watermark_ms=at_ms, input_offset=0,
        arrival_ms=at_ms, decision_ms=at_ms,
    )  # fmt: skip


def hello(shard: int = 0, sequence: int = 0, *, fresh: bool = False) -> ShardHello:
    """Return the first record of a shard's owner."""
    return ShardHello(shard=shard, sequence=sequence, fresh=fresh)


def reasons(told: Sequence[Told]) -> list[str]:
    """Return why each was sent."""
    return [each.flush.notification.reason for each in told]
