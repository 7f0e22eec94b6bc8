"""Watch over the hosts: liveness, lag, status.

Nothing here reaches an owner but the record "continue without these sources".

A worker can hang between assignment and recovery, and an agent can die silently: a deadline on
progress ends the process, which is restarted. Stalls of our own (a paused process) do not count.
"""

import asyncio
from collections.abc import Sequence

from engine import metrics
from engine.stream import faust_private
from engine.stream.assembly import Parts
from engine.stream.embedded_sweep import sweep
from engine.stream.hosted import EndProcess, Hosted
from engine.stream.hosting import Coroutine
from engine.stream.settings import StreamSettings, StreamsStatus
from engine.stream.takeover import Events

MARK_EVERY_S = 0.1
COMMIT_EVERY_S = 0.5
LOOK_EVERY_S = 0.5
SWEEP_EVERY_S = 5.0
UNHEARD_S = 3.0  # with a backlog and nothing applied: it is read again
STALL_S = 1.5  # between two looks: our own stall, nobody else's hang

LAG = metrics.gauge("tocsin_log_lag_records", "Records not yet applied here.", ["topic"])
OWNERS = metrics.gauge("tocsin_owners_count", "Live owners in this process.", ["topic"])
SKIPS = metrics.counter(
    "tocsin_skips_sent_total", 'Records "continue without these sources" that were appended.'
)


class Watch:
    """Looks at the parts of one process."""

    def __init__(
        self, settings: StreamSettings, parts: Parts, end_process: EndProcess, events: Events
    ) -> None:
        self._settings, self._parts = settings, parts
        self._end_process, self._events = end_process, events
        self._looked_s = 0.0
        self._progress: tuple[object, float] = (None, 0.0)  # of recovery, since

    def beats(self) -> Sequence[tuple[str, float, Coroutine]]:
        """Return what must be done again and again: (name, every seconds, what)."""
        beats: list[tuple[str, float, Coroutine]] = [("watch", LOOK_EVERY_S, self.look)]
        if (evaluate := self._parts.evaluate) is not None:
            every_s = self._settings.checkpoint_every_ms / 1000
            beats.append(("checkpoint", every_s, evaluate.regularly))
        if (ingest := self._parts.ingest) is not None:
            beats.append(("marks", MARK_EVERY_S, ingest.mark))
            beats.append(("source commit", COMMIT_EVERY_S, ingest.regularly))
        if self._parts.log is not None:
            beats.append(("sweep", SWEEP_EVERY_S, self._sweep))
        return beats

    async def _sweep(self) -> None:
        assert self._parts.log is not None
        log = self._parts.log
        sources = [source.topic for source in self._settings.sources]
        sweep(log, log.now_ms(), self._settings.unread_bytes_max, sources)

    async def look(self) -> None:
        """Look once."""
        now_s = asyncio.get_running_loop().time()
        stalled = now_s - self._looked_s > STALL_S
        self._looked_s = now_s
        for app in self._parts.apps:
            if app.crashed:
                self._end_process(f"{app.conf.id} crashed: {app.crash_reason!r}")
        if self._parts.evaluate is not None:
            await self._look_at_owners(now_s, stalled)
            self._look_at_recovery(now_s, stalled)
        ingest, timeout_s = self._parts.ingest, self._settings.hang_timeout_ms / 1000
        if ingest is not None:
            if stalled:
                for source in ingest.sources.values():
                    source.moved_s = now_s
            if stuck := ingest.stuck(now_s, timeout_s):
                self._end_process(f"a source with a backlog did not move: {stuck}")

    async def _look_at_owners(self, now_s: float, stalled: bool) -> None:
        evaluate = self._parts.evaluate
        assert evaluate is not None
        mine = list(evaluate.hosted.values())
        ends = await self._parts.broker.ends([h.tp for h in mine]) if mine else {}
        lag: dict[str, int] = {"shards": 0, "alerts": 0}
        for hosted in mine:
            hosted.end = ends[hosted.tp]
            behind = max(0, hosted.end - hosted.owner.next_offset)
            lag[hosted.role] += behind
            if behind == 0 or stalled:
                hosted.moved_s = now_s
            elif now_s - hosted.moved_s > self._settings.hang_timeout_ms / 1000:
                self._end_process(
                    f"{hosted.role}/{hosted.partition} did not move: at"
                    f" {hosted.owner.next_offset} of {hosted.end}"
                )
            elif now_s - hosted.moved_s > UNHEARD_S:
                await evaluate.listen_again(hosted)
            await self._skip(hosted, now_s, behind)
        for role, count in lag.items():
            LAG.labels(role).set(count)
            OWNERS.labels(role).set(len(evaluate.live(role)))

    async def _skip(self, hosted: Hosted, now_s: float, behind: int) -> None:
        """Append "continue without these" when the same sources hold an owner's time too long."""
        held_back_by = getattr(hosted.owner, "held_back_by", None)
        if held_back_by is None:
            return
        sources = tuple(held_back_by())
        holding = (sources, getattr(hosted.owner, "watermark_ms", None))
        if not sources or hosted.held is None or hosted.held[0] != holding:
            hosted.held = (holding, now_s, hosted.owner.next_offset)
            return
        _, since_s, offset = hosted.held
        # Only at the end of a log that moves: in a backlog, what it waits for may still come.
        if behind or hosted.owner.next_offset == offset:
            return
        if now_s - since_s > self._settings.evaluation_timeout_ms / 1000:
            hosted.held = (holding, now_s, hosted.owner.next_offset)
            SKIPS.inc()
            self._events("skip", {"shard": hosted.partition, "sources": list(sources)})
            hosted.say([hosted.owner.skip_output(sources)])  # type: ignore[attr-defined]
            await hosted.drain()

    def _look_at_recovery(self, now_s: float, stalled: bool) -> None:
        evaluate = self._parts.evaluate
        assert evaluate is not None
        progress = (
            *faust_private.recovery_progress(evaluate.app),
            evaluate.takeover.steps,
            evaluate.app.consumer_generation_id,
            frozenset(evaluate.hosted),
        )
        if not self.missing() or stalled or progress != self._progress[0]:
            self._progress = (progress, now_s)
        elif now_s - self._progress[1] > self._settings.hang_timeout_ms / 1000:
            self._end_process(f"assigned, and no owner: {progress}")

    def missing(self) -> set[tuple[str, int]]:
        """Return what is assigned to this process and has no live owner yet."""
        evaluate = self._parts.evaluate
        if evaluate is None:
            return set()
        topics = self._parts.topics
        roles = {topics.name(role): role for role in ("shards", "alerts")}
        assigned = faust_private.assignment(evaluate.app)
        wanted = {(roles[tp.topic], tp.partition) for tp in assigned if tp.topic in roles}
        return wanted - set(evaluate.hosted)

    def status(self, *, started: bool, control_read: bool, notifier: bool) -> StreamsStatus:
        """Return what /-/ready and the page show."""
        evaluate, ingest = self._parts.evaluate, self._parts.ingest
        mine = list(evaluate.hosted.values()) if evaluate else []
        saved = [h.saved_s for h in mine if h.saved_s]
        now_s = asyncio.get_running_loop().time()
        settled = all(faust_private.settled(app) for app in self._parts.apps)
        return StreamsStatus(
            started=started,
            control_read=control_read,
            recovering=not settled or bool(self.missing()),
            rebalancing=any(app.rebalancing for app in self._parts.apps),
            assigned=tuple(sorted(h.partition for h in mine if h.role == "shards")),
            notifier=notifier,
            lag=sum(max(0, h.end - h.owner.next_offset) for h in mine),
            source_lag=ingest.lag() if ingest else 0,
            restored=evaluate.takeover.restored if evaluate else 0,
            fresh=evaluate.takeover.fresh if evaluate else 0,
            checkpoint_age_ms=int((now_s - min(saved)) * 1000) if saved else -1,
            epochs={h.partition: h.epoch for h in mine if h.role == "shards"},
        )
