"""Put owners, streams and HTTP together for the roles of one process.

The only place that knows both engine and notifiers. It holds no state of its own that matters:
what survives is in the log.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Any

from engine import api, metrics
from engine.clock import Clock, system_clock
from engine.config import Config
from engine.groups import External
from engine.owner import Owner
from engine.plan import Plan
from engine.series import HTTP_INGEST, HTTP_WRITE
from engine.shard import ShardOwner
from engine.sources import SourceSpec, SourceStage
from engine.stream import Hooks, SourceTopic, Streams, StreamSettings
from engine.worker.delivering import Append, Delivering, Renew
from engine.worker.fences import make_fence
from engine.worker.files import Files, read_files
from engine.worker.inspecting import Inspecting
from engine.worker.rule_views import rule_views
from engine.worker.ruling import Ruling
from engine.worker.screen import AlertLog, ScreenSnapshot, SentLog
from engine.worker.silencing import Silencing
from engine.worker.views import Deps, settings_of
from notifiers import Delivery, Notifier, NotifierConfig, close_channels

log = logging.getLogger("tocsin.worker")

START_LOOK_S = 0.02
RETIRE_S = 75.0  # an attempt to send takes a minute at most (notifiers.delivery)

RULES_LOADED = metrics.gauge("tocsin_rules", "Rules of the set in force.")
RULES_GOOD = metrics.gauge(
    "tocsin_rules_last_load_successful", "Whether the last load of the rule files was good."
)
EVENTS = metrics.counter("tocsin_stream_events_total", "Events of the streams.", ["event"])


class Worker:
    """One process: streams, owners, HTTP, deliveries."""

    def __init__(self, config: Config, files: Files, clock: Clock = system_clock) -> None:
        self.config, self.clock = config, clock
        self.notifications = files.notifications
        self.local, self.seen = files.rules, files.seen
        self.load = api.LoadView(digest="", loaded_at_ms=clock())
        self.sent, self._alert_log = SentLog(), AlertLog()
        self.exit_code: int | None = None
        self.live_notifier: Notifier | None = None
        self._epoch, self._notify_from_ms = -1, 0
        self._delivering: Delivering | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reloading = asyncio.Lock()
        self.stage = self._stage()
        self.ruling = Ruling(self, files.rules)
        self.library = self.ruling.library
        self.inspecting = Inspecting(self)
        self.fence = make_fence(config, clock)
        self.streams = Streams(
            _stream_settings(config),
            stage=self.stage,
            make_shard=self._shard,
            make_notifier=lambda: Notifier(self.notifications, config.limits),
            clock=clock,
            on_event=self.event,
            hooks=Hooks(
                notifier_live=self._notifier_live,
                notifier_gone=self._notifier_gone,
                notifier_applied=self._notifier_applied,
                control=self.ruling.told,
            ),
        )
        self.deps = Deps(self, settings_of(self, files.tokens))
        self.silencing = Silencing(self, files.silences, self.deps.settings.tenant)
        RULES_GOOD.set(1)

    # -- owners ---------------------------------------------------------------------------------

    def _stage(self) -> SourceStage:
        config = self.config
        specs = [SourceSpec(s.topic, s.kind, s.lateness_ms) for s in config.sources]
        late = config.http_lateness
        return SourceStage(
            specs, config.shards, config.app_id.encode(), config.limits,
            http_lateness_ms={HTTP_INGEST: late.ingest_ms, HTTP_WRITE: late.write_ms},
        )  # fmt: skip

    def _shard(self, shard: int) -> ShardOwner:
        config = self.config
        return ShardOwner(
            shard, config.shards, self.library.plan_of, config.limits,
            config.evaluation_timeout_ms, external=External(url=config.external_url),
            stopwatch=perf_counter,
        )  # fmt: skip

    def project(self, plans: list[Plan]) -> None:
        """Let the source stage take what these plans read."""
        self.stage.use(plans)
        RULES_LOADED.set(plans[0].size)

    # -- the notifier ---------------------------------------------------------------------------

    def _notifier_live(self, owner: Owner, epoch: int) -> None:
        assert isinstance(owner, Notifier)
        self.live_notifier, self._epoch = owner, epoch
        self.keep(self._deliver(owner, epoch))
        self.keep(self.ruling.activate(self.local))

    async def _deliver(self, notifier: Notifier, epoch: int) -> None:
        def make(append: Append, renew: Renew) -> Delivery:
            return Delivery(
                lambda: self.notifications,
                self.fence,
                owner=f"{self.config.instance_id}/{epoch}",
                still_owner=lambda: self.streams.still_notifier(epoch),
                append=append,
                renew=renew,
                clock=self.clock,
            )

        delivering = Delivering(
            notifier, make, self.streams.append_as_notifier,
            lambda offset: self.streams.wait_applied(offset, 30_000), self.clock, self.sent.add,
        )  # fmt: skip
        # First what the files keep quiet: nobody is told of it in between.
        await self.silencing.settle()
        await self._delayed()
        if self._epoch == epoch:
            self._delivering = delivering
            delivering.start(self._fail)

    async def _delayed(self) -> None:
        """Wait out `start_delay`: once in the life of a process, from when it serves."""
        delay_ms = self.config.start_delay_ms
        while delay_ms and not self._notify_from_ms:
            if self.obstacles():
                await asyncio.sleep(START_LOOK_S)
            else:
                self._notify_from_ms = self.clock() + delay_ms
        await asyncio.sleep(max(0, self._notify_from_ms - self.clock()) / 1000)

    def _notifier_gone(self) -> None:
        self.live_notifier, self._epoch = None, -1
        delivering, self._delivering = self._delivering, None
        if delivering is not None:
            self.keep(delivering.stop())

    def _notifier_applied(self, owner: Owner) -> None:
        del owner
        if self._delivering is not None:
            self._delivering.wake()

    # -- rules ----------------------------------------------------------------------------------

    async def reload(self) -> tuple[bool, str]:
        """Read rules, notifications and silences again; a bad file changes nothing."""
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> tuple[bool, str]:
        reading = await asyncio.to_thread(read_files, self.config, self.clock(), with_tokens=False)
        files = reading.files
        if files is None:
            self.seen = reading.seen
            self.load = api.LoadView(
                digest=self.library.active,
                loaded_at_ms=self.load.loaded_at_ms,
                failed_at_ms=self.clock(),
                findings=reading.bad,
            )
            RULES_GOOD.set(0)
            log.error("reload refused, the last good files stay in force:\n%s", reading.bad)
            return False, reading.bad
        RULES_GOOD.set(1)
        self.seen, self.local = files.seen, files.rules
        self.load = api.LoadView(digest=files.rules.digest, loaded_at_ms=self.clock())
        self.keep(self._retire(self.notifications))
        self.notifications, self.silencing.wanted = files.notifications, files.silences
        if self.live_notifier is not None:
            self.live_notifier.reconfigure(files.notifications, self.clock())
            if self.delivery is not None:
                self.delivery.reconfigured()
            await self.silencing.settle()
            await self.ruling.activate(files.rules)
        return True, files.rules.digest

    async def _retire(self, config: NotifierConfig) -> None:
        """Close the channels of a configuration when nothing is being sent by them any more."""
        await asyncio.sleep(RETIRE_S)
        await close_channels(config)

    # -- what the API asks ----------------------------------------------------------------------

    @property
    def delivery(self) -> Delivery | None:
        """What sends, where the notifier is live here and has begun."""
        return self._delivering.delivery if self._delivering is not None else None

    @property
    def series(self) -> int:
        """Series known to the shards here."""
        owners = self.streams.shards.values()
        return sum(len(owner.series.raw) for owner in owners if isinstance(owner, ShardOwner))

    def rules_view(self) -> api.RulesView:
        """Return the rules in force and how loading went."""
        rules = self.library.sets.get(self.library.active)
        load = api.LoadView(
            digest=self.library.active,
            loaded_at_ms=self.load.loaded_at_ms,
            failed_at_ms=self.load.failed_at_ms,
            findings=self.load.findings,
        )
        if rules is None:
            return api.RulesView(rules=(), load=load)
        return api.RulesView(rules=rule_views(rules), load=load)

    def obstacles(self) -> list[api.Obstacle]:
        """Return why this worker is not ready, nothing where it is."""
        status = self.streams.status()
        found = []
        if not status.started:
            found.append(api.Obstacle("log", "the log is not reached yet"))
        elif not status.control_read:
            found.append(api.Obstacle("control", "rule sets are being read from the log"))
        if status.rebalancing:
            found.append(api.Obstacle("rebalance", "partitions are being handed over"))
        elif status.recovering:
            found.append(api.Obstacle("recovery", "state is being restored"))
        if not self.stage.ready or not self.library.active:
            found.append(api.Obstacle("rules_not_loaded", "no rule set is in force yet"))
        return found

    # -- the demo's door ------------------------------------------------------------------------

    async def broker_append(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        """Append records to a source topic as any producer would."""
        await self.streams.append_source(topic, [(partition, value) for value in values])

    def snapshot_for_screen(self) -> ScreenSnapshot:
        """Say what is going on, without waiting for anything."""
        return ScreenSnapshot(
            ready=not self.obstacles(),
            samples_total=self.stage.samples_total,
            lines_total=self.stage.lines_total,
            rejected_total=self.stage.rejected_total,
            series=self.series,
            shards=len(self.streams.shards),
            alerts=self._alert_log.rows(self.live_notifier, self.clock()),
            sent=tuple(self.sent.rows),
            sent_total=self.sent.total,
        )

    def stop(self, exit_code: int = 0) -> None:
        """End the worker in good order; `run` returns `exit_code`."""
        self.exit_code = exit_code
        # The same way out as from outside: checkpoints, commits, then the end.
        signal.raise_signal(signal.SIGTERM)

    # -- life -----------------------------------------------------------------------------------

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """Count an event and log it."""
        EVENTS.labels(name).inc()
        log.info("%s %s", name, " ".join(f"{key}={value}" for key, value in fields.items()))

    def _fail(self, reason: str) -> None:
        log.critical("%s", reason)
        self.stop(1)

    def keep(self, work: Awaitable[Any]) -> None:
        """Run work beside everything else; if it fails the process ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(f"a task of the worker failed: {error!r}")


def _stream_settings(config: Config) -> StreamSettings:
    return StreamSettings(
        app_id=config.app_id,
        broker=config.broker,
        data_dir=config.data_dir,
        instance_id=config.instance_id,
        advertised_url=config.advertised_url,
        shards=config.shards,
        sources=tuple(SourceTopic(s.topic, s.partitions) for s in config.sources),
        roles=config.roles,
        fsync=config.fsync,
        checkpoint_every_ms=config.checkpoint_every_ms,
        session_timeout_ms=config.session_timeout_ms,
        evaluation_timeout_ms=config.evaluation_timeout_ms,
        buffer_bytes_max=config.limits.worker_buffer_bytes_max,
        fetch_bytes_max=config.limits.fetch_bytes_max,
    )
