"""The worker as the HTTP room sees it: notifier, rules and streams turned into the API's views."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from engine import api, version
from engine.alerts import AlertRecord
from engine.config import Config
from engine.owner import Output
from engine.sources import RemoteWriteError
from engine.worker.sending import deliveries, sending_facts
from engine.worker.standing import standing
from notifiers import Delivery, Notifier

if TYPE_CHECKING:
    from engine.worker.worker import Worker


class NotifierViews:
    """A live notifier in the API's terms."""

    def __init__(
        self, notifier: Notifier, delivery: Delivery | None, clock: Callable[[], int]
    ) -> None:
        self._notifier, self._delivery, self._clock = notifier, delivery, clock

    def alerts(self, now_ms: int) -> Sequence[api.AlertView]:
        """Return all alerts that are not resolved."""
        return self._notifier.alerts(now_ms)

    def groups(self, now_ms: int) -> Sequence[api.GroupView]:
        """Return all groups with an alert that is not resolved."""
        return self._notifier.groups(now_ms)

    def silences(self) -> Sequence[api.SilenceView]:
        """Return all silences that are kept."""
        return [_silence(record) for record in self._notifier.silences(self._clock())]

    def silence(self, silence_id: str) -> api.SilenceView | None:
        """Return one silence."""
        record = self._notifier.silence(silence_id)
        return None if record is None else _silence(record)

    def receivers(self) -> Sequence[api.ReceiverView]:
        """Return the receivers."""
        found = self._notifier.receivers()
        return [api.ReceiverView(name=each.name, labels=each.labels) for each in found]

    def rule_alerts(self, now_ms: int) -> Sequence[api.RuleAlertView]:
        """Return our own pending and firing alerts."""
        del now_ms
        return [_rule_alert(record) for record in self._notifier.rule_alerts()]

    def rule_failures(self) -> Sequence[api.RuleFailureView]:
        """Return the rules that fail, one entry for each shard."""
        return [
            api.RuleFailureView(
                identity=each.rule_id, version=each.rule_version, shard=each.shard, error=each.error
            )
            for each in self._notifier.failing_rules()
        ]

    def deliveries(self) -> api.DeliveriesView:
        """Return what was given up, where notifications go, what failed lately."""
        return deliveries(self._notifier, self._delivery)

    def outlook(self, letter_id: str, now_ms: int) -> str | None:
        """Say what sending a dead letter again would do."""
        return self._notifier.outlook(letter_id, now_ms)

    def hurry(self) -> None:
        """Probe what is left alone now."""
        if self._delivery is not None:
            self._delivery.retry_now()

    def config_text(self) -> str:
        """Return the notification configuration without its secrets."""
        return self._notifier.config.text


def _silence(record: msgspec.Struct) -> api.SilenceView:
    fields = {name: getattr(record, name) for name in api.SilenceView.__struct_fields__}
    return api.SilenceView(**{**fields, "matchers": tuple(fields["matchers"])})


def _rule_alert(record: AlertRecord) -> api.RuleAlertView:
    return api.RuleAlertView(
        rule_id=record.rule_id,
        state="firing" if record.state == "firing" else "pending",
        labels=record.labels,
        annotations=record.annotations,
        active_at_ms=record.active_at_ms,
        level=record.level,
        values=record.values,
        shard=record.shard,
    )


class Deps:
    """engine.api.ApiDeps over a worker."""

    def __init__(self, worker: "Worker", settings: api.ApiSettings) -> None:
        self._worker, self._settings = worker, settings

    @property
    def settings(self) -> api.ApiSettings:
        """What does not change while the process lives."""
        return self._settings

    def now_ms(self) -> int:
        """Return the wall clock."""
        return self._worker.clock()

    def notifier(self) -> NotifierViews | None:
        """Return the live notifier, if it is here."""
        live = self._worker.live_notifier
        if live is None:
            return None
        return NotifierViews(live, self._worker.delivery, self._worker.clock)

    def notifier_url(self) -> str | None:
        """Return where the notifier's owner listens."""
        return self._worker.streams.notifier_url()

    def resolve_timeout_ms(self) -> int:
        """Return the default end of posted alerts."""
        return self._worker.notifications.global_.resolve_timeout_ms

    async def append(self, outputs: Sequence[Output]) -> list[int]:
        """Append durably. Raises StreamError."""
        return await self._worker.streams.append(outputs)

    async def wait_applied(self, offset: int, timeout_ms: int) -> bool:
        """Wait for the notifier here."""
        return await self._worker.streams.wait_applied(offset, timeout_ms)

    def ingest(self, endpoint: api.Endpoint, body: bytes, stamp_ms: int) -> api.Ingested:
        """Decode a request into batches; nothing of it is appended yet."""
        try:
            taken = self._worker.stage.take_http(endpoint, body, stamp_ms)
        except RemoteWriteError as error:
            return api.Ingested([], 0, [api.Rejected(0, error.reason, str(error))])
        rejects = [api.Rejected(r.position, r.reason, r.text) for r in taken.rejects]
        return api.Ingested(taken.outputs, taken.accepted, rejects)

    def rules(self) -> api.RulesView:
        """Return the rules in force."""
        return self._worker.rules_view()

    async def standing(self) -> api.Standing:
        """Return what the shards here know of rules and alerts."""
        config = self._worker.config
        return await standing(self._worker.streams.shards, config.shards, self._settings.tenant)

    def obstacles(self) -> Sequence[api.Obstacle]:
        """Return why this worker is not ready."""
        return self._worker.obstacles()

    def worker(self) -> api.WorkerView:
        """Return how this worker is."""
        status = self._worker.streams.status()
        return api.WorkerView(
            roles=self._worker.config.roles,
            shards=status.assigned,
            is_notifier=status.notifier,
            facts=(
                ("lag (records of internal topics)", str(status.lag)),
                ("source lag (records)", str(status.source_lag)),
                ("series", str(self._worker.series)),
                ("checkpoint age", f"{status.checkpoint_age_ms / 1000:.1f} s"),
                ("epochs", ", ".join(f"{s}:{e}" for s, e in sorted(status.epochs.items()))),
                *sending_facts(self._worker.live_notifier, self._worker.delivery),
            ),
        )

    async def inspect(self, asked: api.Asked) -> api.Inspected:
        """Return what this worker knows of series."""
        return await self._worker.inspecting.inspect(asked)

    def peers(self) -> Mapping[str, str]:
        """Return where the other live workers listen."""
        roster, me = self._worker.ruling.roster, self._worker.config.instance_id
        found = roster.urls(self._worker.clock())
        return {instance: url for instance, url in found.items() if instance != me}

    async def reload(self) -> api.Reloaded:
        """Read rules and notifications again."""
        good, text = await self._worker.reload()
        return api.Reloaded(good, text)


def settings_of(worker: "Worker", tokens: tuple[api.Token, ...] | None) -> api.ApiSettings:
    """Return what the HTTP room is told once."""
    return api.ApiSettings(
        version=version(),
        started_ms=worker.clock(),
        instance_id=worker.config.instance_id,
        external_url=worker.config.external_url,
        route_prefix=worker.config.route_prefix,
        matcher_parsing=worker.config.matcher_parsing,
        limits=worker.config.limits,
        tokens=tokens,
        hosts=_hosts(worker.config),
    )


def _hosts(config: Config) -> tuple[str, ...]:
    """Return the names that this worker answers to; (): any.

    Open to all on loopback, the name is what tells our user from a page of another site that lets
    its own name point here (DNS rebinding). Elsewhere names are many, and tokens guard.
    """
    if not config.listen.loopback or not config.auth.open:
        return ()
    urls = (config.external_url, config.advertised_url)
    named = [(urlsplit(url).hostname or "").lower() for url in urls]
    ours = ("localhost", "127.0.0.1", "::1", config.listen.host.lower())
    return tuple(dict.fromkeys(name for name in (*ours, *named) if name))
