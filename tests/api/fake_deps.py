"""A worker for the tests of the HTTP room: a log, a notifier behind it, and nothing else.

It refuses what the real one refuses: a log that is down, records that are too large or that no
reader could decode, an unknown role. The notifier applies the log only when somebody waits for it
(or calls `pump`), so an endpoint that forgets to wait shows its client an old state.
"""

import asyncio
import re
from collections.abc import Sequence

from msgspec.structs import replace

from engine.alerts import (
    LogEntry,
    PostedAlert,
    RetryDelivery,
    SilenceMatcher,
    SilenceRecord,
    decode,
)
from engine.api import (
    ApiSettings,
    Asked,
    Counted,
    DeliveriesView,
    DestinationView,
    Endpoint,
    Ingested,
    Inspected,
    Judged,
    LetterView,
    LiveExpression,
    LiveMatcher,
    LiveSelector,
    LoadView,
    Obstacle,
    ReceiverView,
    Rejected,
    Reloaded,
    RuleAlertView,
    RuleFailureView,
    RulesView,
    RuleView,
    SilenceView,
    Standing,
    WorkerView,
)
from engine.clock import Clock
from engine.errors import StreamError
from engine.limits import Limits
from engine.owner import Output
from engine.series import Census, Met, canonical, series_key, sketch_of
from notifiers import AlertView, GroupView

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class FakeLog:
    """The topics that several workers share."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.topics: dict[str, list[bytes]] = {"alerts": [], "shards": [], "rejects": []}
        self.down = False

    def append(self, outputs: Sequence[Output]) -> list[int]:
        if self.down:
            raise StreamError("the broker does not answer")
        assert outputs, "an append of nothing"
        for output in outputs:
            assert output.topic in self.topics, f"no topic with the role {output.topic!r}"
            if len(output.value) > self.limits.batch_bytes_max:
                raise StreamError("MessageSizeTooLarge")
            if output.topic == "alerts":
                decode(output.value)
        offsets = []
        for output in outputs:
            self.topics[output.topic].append(output.value)
            offsets.append(len(self.topics[output.topic]) - 1)
        return offsets


def fingerprint(labels: dict[str, str]) -> str:
    """FNV-1a 64 over sorted name 0xff value 0xff."""
    state = 0xCBF29CE484222325
    for name, value in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"{state:016x}"


def _selects(matcher: SilenceMatcher, labels: dict[str, str]) -> bool:
    have = labels.get(matcher.name, "")
    if matcher.is_regex:
        return (re.fullmatch(matcher.value, have, re.DOTALL) is not None) == matcher.is_equal
    return (have == matcher.value) == matcher.is_equal


class FakeNotifier:
    """A notifier with one receiver a team, and one group an alert name."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self.next_offset = 0
        self._silences: dict[str, SilenceView] = {}
        self._posted: dict[str, PostedAlert] = {}
        self._updated_ms: dict[str, int] = {}
        self.inhibited: dict[str, tuple[str, ...]] = {}
        self.muted: set[str] = set()
        self.pending: list[RuleAlertView] = []
        self.failures: list[RuleFailureView] = []
        self.letters: dict[str, LetterView] = {}
        self.destinations: tuple[DestinationView, ...] = ()
        self.retried: list[RetryDelivery] = []
        self.hurried = 0
        self.config = "route:\n  receiver: team-a\nreceivers:\n- name: team-a\n- name: team-b\n"

    def pump(self) -> None:
        while self.next_offset < len(self._log.topics["alerts"]):
            self._apply(decode(self._log.topics["alerts"][self.next_offset]))
            self.next_offset += 1

    def _apply(self, entry: LogEntry) -> None:
        if isinstance(entry, SilenceRecord):
            self._silences[entry.id] = SilenceView(
                id=entry.id,
                matchers=tuple(entry.matchers),
                starts_at_ms=entry.starts_at_ms,
                ends_at_ms=entry.ends_at_ms,
                updated_at_ms=entry.updated_at_ms,
                created_by=entry.created_by,
                comment=entry.comment,
                annotations=entry.annotations,
                origin=entry.origin,
            )
        elif isinstance(entry, RetryDelivery):
            self.retried.append(entry)
            if entry.over:
                self.letters.pop(entry.letter_id, None)
        elif isinstance(entry, PostedAlert):
            self._posted[fingerprint(entry.labels)] = entry

    def alerts(self, now_ms: int) -> list[AlertView]:
        return [
            self._view(mark, alert, now_ms)
            for mark, alert in self._posted.items()
            if alert.ends_at_ms > now_ms
        ]

    def _view(self, mark: str, alert: PostedAlert, now_ms: int) -> AlertView:
        silenced_by = tuple(
            silence.id
            for silence in self._silences.values()
            if silence.starts_at_ms <= now_ms < silence.ends_at_ms
            and all(_selects(matcher, alert.labels) for matcher in silence.matchers)
        )
        inhibited_by = self.inhibited.get(alert.labels.get("alertname", ""), ())
        return AlertView(
            fingerprint=mark,
            labels=alert.labels,
            annotations=alert.annotations,
            starts_at_ms=alert.starts_at_ms,
            ends_at_ms=alert.ends_at_ms,
            updated_at_ms=alert.arrival_ms,
            receivers=(self._receiver(alert),),
            state="suppressed" if silenced_by or inhibited_by else "active",
            silenced_by=silenced_by,
            inhibited_by=inhibited_by,
            muted_by=(),
            generator_url=alert.generator_url,
            rule="",
            values={},
            record=None,
        )

    def _receiver(self, alert: PostedAlert) -> str:
        return "team-b" if alert.labels.get("team") == "b" else "team-a"

    def groups(self, now_ms: int) -> list[GroupView]:
        by_name: dict[tuple[str, str], list[AlertView]] = {}
        for alert in self.alerts(now_ms):
            key = (alert.labels.get("alertname", ""), alert.receivers[0])
            by_name.setdefault(key, []).append(alert)
        return [
            GroupView(
                labels={"alertname": name} if name else {},
                receiver=receiver,
                group_key="",
                route_labels={},
                next_flush_ms=0,
                alerts=tuple(
                    replace(alert, muted_by=("night",)) if name in self.muted else alert
                    for alert in alerts
                ),
                muted=name in self.muted,
            )
            for (name, receiver), alerts in by_name.items()
        ]

    def silences(self) -> list[SilenceView]:
        return list(self._silences.values())

    def silence(self, silence_id: str) -> SilenceView | None:
        return self._silences.get(silence_id)

    def receivers(self) -> list[ReceiverView]:
        return [
            ReceiverView(name="team-a", labels={"owner": "ann"}),
            ReceiverView(name="team-b"),
        ]

    def rule_alerts(self, now_ms: int) -> list[RuleAlertView]:
        return list(self.pending)

    def rule_failures(self) -> list[RuleFailureView]:
        return self.failures

    def config_text(self) -> str:
        return self.config

    def deliveries(self) -> DeliveriesView:
        return DeliveriesView(
            letters=tuple(self.letters.values()), destinations=self.destinations, in_flight=2
        )

    def outlook(self, letter_id: str, now_ms: int) -> str | None:
        letter = self.letters.get(letter_id)
        return None if letter is None else letter.state

    def hurry(self) -> None:
        self.hurried += 1


class FakeDeps:
    """One worker. Give two of them the same log, and one of them the notifier."""

    def __init__(
        self,
        settings: ApiSettings | None = None,
        *,
        log: FakeLog | None = None,
        owner: bool = True,
        url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or ApiSettings(version="0.1.0", started_ms=START_MS)
        self.log = log or FakeLog(self._settings.limits)
        self.fake_notifier = FakeNotifier(self.log) if owner else None
        self.url = url
        self._clock = clock
        self.clock_ms = START_MS + 60_000
        self.obstacle_list: list[Obstacle] = []
        self.bodies: list[tuple[str, bytes]] = []
        self.reload_result = Reloaded(True, "digest abc")
        self.reloads = 0
        self.series: list[dict[str, str]] = []  # that came to this worker
        self.gaps_ms: list[int] = [15_000]
        self.rows: dict[str, int] = {}  # by expression
        self.shard, self.shards = 0, 1
        self.judged: list[Judged] = []  # by this worker's shard
        self.judged_alerts: list[RuleAlertView] = []
        self.stands_at = 7  # in its shard's log
        self.standings = 0  # asked for
        self.peer_urls: dict[str, str] = {}
        self.append_waits: asyncio.Event | None = None
        self.rules_view = RulesView(
            rules=(
                RuleView(
                    identity="checkout/PaymentTimeouts",
                    group="checkout",
                    name="PaymentTimeouts",
                    file="rules/checkout.yaml",
                    line=14,
                    version="ab12",
                    query='logs {service="payments"} |= "timeout"',
                    interval_ms=5_000,
                    for_ms=60_000,
                ),
            ),
            load=LoadView(digest="d1g3st", loaded_at_ms=START_MS),
        )

    @property
    def settings(self) -> ApiSettings:
        return self._settings

    def now_ms(self) -> int:
        return self._clock() if self._clock else self.clock_ms

    def notifier(self) -> FakeNotifier | None:
        return self.fake_notifier

    def notifier_url(self) -> str | None:
        return self.url

    def resolve_timeout_ms(self) -> int:
        return 300_000

    async def append(self, outputs: Sequence[Output]) -> list[int]:
        if self.append_waits is not None:
            await self.append_waits.wait()
        return self.log.append(outputs)

    async def wait_applied(self, offset: int, timeout_ms: int) -> bool:
        assert self.fake_notifier is not None, "waiting for a notifier that is not here"
        assert offset < len(self.log.topics["alerts"]), "waiting for what was never appended"
        self.fake_notifier.pump()
        return True

    def ingest(self, endpoint: Endpoint, body: bytes, stamp_ms: int) -> Ingested:
        """Take lines that start with `{`; of a write request each byte "x" is a sample."""
        self.bodies.append((endpoint, body))
        if endpoint == "write":
            taken, bad = body.count(b"x"), body.count(b"!")
            rejects = [Rejected(0, "not_a_number", "bad sample")] * bad
        else:
            lines = list(enumerate(body.splitlines(), 1))
            taken = sum(line.startswith(b"{") for _, line in lines)
            rejects = [
                Rejected(number, "malformed_json", "expected {")
                for number, line in lines
                if line and not line.startswith(b"{")
            ]
        outputs = [Output("shards", 0, None, b"rows")] if taken else []
        outputs += [Output("rejects", 0, None, b"reject") for _ in rejects]
        return Ingested(outputs, taken, rejects)

    def rules(self) -> RulesView:
        return self.rules_view

    async def standing(self) -> Standing:
        self.standings += 1
        return Standing(
            shards={self.shard: self.stands_at},
            of=self.shards,
            rules=self.judged,
            alerts=self.judged_alerts,
        )

    def obstacles(self) -> list[Obstacle]:
        return self.obstacle_list

    def worker(self) -> WorkerView:
        return WorkerView(
            roles=("ingest", "evaluate"),
            shards=tuple(range(16)),
            is_notifier=self.fake_notifier is not None,
            facts=(("log", "embedded://data/log"), ("behind", "0 records")),
        )

    async def inspect(self, asked: Asked) -> Inspected:
        """Count in `series`; a worker of one shard, whose number is `shard`."""
        census = Census(asked.tenant, [selector for _, selector in asked.selectors])
        raw = [canonical("default", labels) for labels in self.series]
        census.take(0, [series_key(b"", form) for form in raw], raw, lambda: False)
        return Inspected(
            shards=[self.shard], of=self.shards,
            selectors=[self._live(text, met) for (text, _), met in zip(asked.selectors, census.met)],
            expressions=[
                LiveExpression(text, self.rows.get(text), "" if text in self.rows else "unheard of")
                for text, _ in asked.expressions
            ],
        )  # fmt: skip

    def _live(self, text: str, met: Met) -> LiveSelector:
        def counted(series: set[int]) -> Counted:
            return Counted(len(series), True, sketch_of(series))

        return LiveSelector(
            selector=text,
            metric=counted(met.metric) if met.name else None,
            series=counted(met.series),
            held=len(met.series),
            gaps_ms=self.gaps_ms,
            matchers=[
                LiveMatcher(str(m.matcher), m.labelled, m.passed, sorted(m.values))
                for m in met.matchers
            ],
            near=sorted({labels["__name__"] for labels in self.series}),
        )

    def peers(self) -> dict[str, str]:
        return self.peer_urls

    async def reload(self) -> Reloaded:
        self.reloads += 1
        return self.reload_result
