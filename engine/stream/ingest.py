"""Host the source stage: whole fetches in, one batch for every shard out, marks for idle sources.

Nothing here is state that matters: positions come from the group's offsets, which are committed
only when all sends below them are acknowledged. Re-reads are harmless, because shards drop the
ranges they have seen; a failed send ends the process, because the next batch would leave a hole.
On a log that can (embedded) a fetch's batches and its offset are one unit.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from faust.types import TP

from engine import faults, metrics
from engine.clock import Clock
from engine.owner import Output
from engine.sources import Mark
from engine.stream import apps, faust_private
from engine.stream.broker import Acknowledged, Broker
from engine.stream.embedded_log import Append
from engine.stream.fetches import Polled, parts_of
from engine.stream.hosted import EndProcess
from engine.stream.settings import SourceStage, StreamSettings
from engine.stream.takeover import Events
from engine.stream.topics import Topics

IN_FLIGHT_MAX = 32  # fetches of one partition not yet acknowledged
QUIET_MS = 150  # a partition whose newest record is older is marked
SILENT_S = 0.2  # with nothing sent for so long, marks go out anyway
SETTLE_S = 8.0
SEEK_AGAIN_S = 2.0
PLAN_WAIT_S = 0.1

RECORDS_READ = metrics.counter("tocsin_source_records_total", "Records read.", ["topic"])
BYTES_READ = metrics.counter("tocsin_source_bytes_total", "Bytes of records read.", ["topic"])
MARKS_SENT = metrics.counter("tocsin_marks_total", "Marks of time that were sent to all shards.")
SOURCE_HOLES = metrics.counter(
    "tocsin_source_holes_refused_total", "Source fetches that began too late.", ["topic"]
)
SOURCE_GONE = metrics.counter(
    "tocsin_source_records_gone_total", "Source records dropped before they were read.", ["topic"]
)


class Source:
    """One assigned source partition. All of this may be lost."""

    def __init__(self, next_offset: int, now_s: float) -> None:
        self.next = next_offset  # the next record to take
        self.told = next_offset  # all below is on its way to every shard
        self.newest_ms = 0  # running maximum of record timestamps
        self.unacked: deque[tuple[int, Acknowledged]] = deque()
        self.moved_s = now_s
        self.sought: tuple[int, float] = (-1, 0.0)

    def acknowledged(self) -> int | None:
        """Return the offset up to which every send is acknowledged since the last question."""
        done = None
        while self.unacked and _succeeded(self.unacked[0][1]):
            done = self.unacked.popleft()[0]
        return done


def _succeeded(ack: Acknowledged) -> bool:
    return ack.done() and not ack.cancelled() and ack.exception() is None


class Ingest:
    """The ingest role of one process."""

    def __init__(
        self,
        settings: StreamSettings,
        topics: Topics,
        broker: Broker,
        app: Any | None,
        stage: SourceStage,
        *,
        clock: Clock,
        end_process: EndProcess,
        events: Events,
    ) -> None:
        self.topics, self.app, self.stage = topics, app, stage
        self.sources: dict[TP, Source] = {}
        self._broker, self._clock = broker, clock
        self._end_process, self._events = end_process, events
        self._committing = asyncio.Lock()
        self._placed = asyncio.Event()  # set while it is known where each partition goes on
        self._sent_s = 0.0  # loop time of the last batch or mark to every shard
        self._names = [source.topic for source in settings.sources]
        self.ends: dict[TP, int] = {}
        if app is None:  # HTTP only: nothing to read
            return
        for name in self._names:
            app.agent(apps.stream_topic(app, name), name=f"{topics.ingest_group}.{name}")(
                self._agent
            )
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.before_stop = self._before_stop

    # Reading

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            for tp, polled in parts_of(event):
                await self._placed.wait()  # it may have changed hands between two parts
                await self._one(tp, polled)

    async def _one(self, tp: TP, polled: Polled) -> None:
        while not self.stage.ready:  # noqa: ASYNC110 - a flag of another room
            await asyncio.sleep(PLAN_WAIT_S)
        source = self.sources.get(tp)
        if source is None:
            return
        try:
            await self._take(tp, source, polled)
        except Exception as error:  # noqa: BLE001 - Faust would ack it and go on
            self._end_process(f"source {tp.topic}/{tp.partition}: {error!r}")
        await asyncio.sleep(0)

    async def _take(self, tp: TP, source: Source, polled: Polled) -> None:
        if polled.next_offset <= source.next:
            return  # delivered again
        if polled.start > source.next:
            await self._hole(tp, source, polled.start)
            return
        fetch = polled.columns(source.next)
        outputs = self.stage.take(tp.topic, tp.partition, fetch, self._clock())
        source.next = fetch.offsets[-1] + 1
        # A producer's clock may be decades ahead: it must not keep its partition from being idle.
        newest_ms = min(max(fetch.timestamps_ms), self._clock())
        source.newest_ms = max(source.newest_ms, newest_ms)
        source.moved_s = self._sent_s = asyncio.get_running_loop().time()
        RECORDS_READ.labels(tp.topic).inc(len(fetch.offsets))
        BYTES_READ.labels(tp.topic).inc(sum(map(len, filter(None, fetch.values))))
        commits = {tp: source.next} if self._broker.atomic else None
        ack = await self._send(outputs, commits)
        source.unacked.append((source.next, ack))
        source.told = source.next  # from here on a mark comes behind it in every shard
        faults.point("ingest.after_send")
        if len(source.unacked) > IN_FLIGHT_MAX:
            await asyncio.wait([source.unacked[0][1]])

    async def _send(
        self, outputs: Sequence[Output], commits: dict[TP, int] | None = None
    ) -> Acknowledged:
        records = [Append(self.topics.name(o.topic), o.partition, o.key, o.value) for o in outputs]
        ack = await self._broker.append(records, commits, self.topics.ingest_group)
        ack.add_done_callback(self._answered)
        return ack

    def _answered(self, ack: Acknowledged) -> None:
        if not ack.cancelled() and (error := ack.exception()):
            self._end_process(f"a send of the source stage failed: {error!r}")

    async def _hole(self, tp: TP, source: Source, at: int) -> None:
        """Refuse a fetch that begins too late, and read on where we were."""
        SOURCE_HOLES.labels(tp.topic).inc()
        start = (await self._broker.starts([tp]))[tp]
        if start > source.next:
            gone = start - source.next
            SOURCE_GONE.labels(tp.topic).inc(gone)
            self._events(
                "records_gone", {"topic": tp.topic, "partition": tp.partition, "records": gone}
            )
            source.next = source.told = start
            self.stage.assign(tp.topic, tp.partition, start, gone_below=start)
        now_s = asyncio.get_running_loop().time()
        if source.sought[0] == source.next and now_s - source.sought[1] < SEEK_AGAIN_S:
            return  # what was in the queue behind the hole
        self._events("hole", {"topic": tp.topic, "partition": tp.partition, "found": at,
                              "next": source.next})  # fmt: skip
        source.sought = source.next, now_s
        await faust_private.seek(self.app, tp, source.next)

    # Changing hands

    async def _assigned(self, _app: Any, assigned: Iterable[TP], **_: Any) -> None:
        """Ask where to start: Faust may deliver before its own seek."""
        mine = [TP(*tp) for tp in assigned if tp.topic in self._names]
        async with asyncio.timeout(SETTLE_S):
            known = await faust_private.committed(self.app, mine)
            starts = await self._broker.starts([tp for tp in mine if known[tp] is None])
        now_s = asyncio.get_running_loop().time()
        for tp in mine:
            offset = known[tp]
            at = starts[tp] if offset is None else offset
            self.sources[tp] = Source(at, now_s)
            # Where no offset is committed (any more), what was before the log's start is gone.
            gone_below = at if offset is None else 0
            self.stage.assign(tp.topic, tp.partition, at, gone_below=gone_below)
        self._placed.set()
        self._events(
            "sources_assigned", {f"{tp.topic}/{tp.partition}": self.sources[tp].next for tp in mine}
        )

    async def _revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        del revoked  # eager: all of them
        await self._settle("revoke")

    async def _before_stop(self) -> None:
        await self._settle("stop")

    async def _settle(self, why: str) -> None:
        """Wait for what is on its way, commit, let go."""
        self._placed.clear()
        mine, self.sources = self.sources, {}
        waiting = [ack for s in mine.values() for _, ack in s.unacked if not ack.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=SETTLE_S)
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._commit(mine)
        except Exception as error:  # noqa: BLE001 - what is not committed is read again
            self._events("source_commit_failed", {"why": why, "error": repr(error)})
        for tp in mine:
            self.stage.revoke(tp.topic, tp.partition)

    async def regularly(self) -> None:
        """Commit what is acknowledged; let go of partitions where the broker refuses."""
        if self.app is None or self.app.rebalancing:
            return
        mine = dict(self.sources)
        if not await self._commit(mine):
            self._events("source_commit_refused", {"partitions": len(mine)})
            for tp, source in mine.items():
                if self.sources.get(tp) is source:
                    del self.sources[tp]
                    self.stage.revoke(tp.topic, tp.partition)

    async def _commit(self, mine: dict[TP, Source]) -> bool:
        async with self._committing:
            pairs = ((tp, source.acknowledged()) for tp, source in mine.items())
            done = {tp: offset for tp, offset in pairs if offset is not None}
            if not done or self._broker.atomic:
                return True  # atomic: the offsets went with the batches
            faults.point("ingest.after_ack")
            return await faust_private.commit(self.app, done)

    # Time

    async def mark(self) -> None:
        """Prove that idle partitions are at their end, and say so to every shard.

        The time is taken BEFORE the broker is asked: a stall anywhere only makes it older. (The
        naive "caught up, so the clock" gave 20 missing and 22 invented alerts after a stall of
        4.5 s, the proven clock none.)
        """
        asked_ms = self._clock()
        loop = asyncio.get_running_loop()
        for name in self._names:
            self.stage.partitions(name, self._broker.partitions(name))
        mine = dict(self.sources)
        ends = await self._broker.ends(mine) if mine else {}
        self.ends = ends
        quiet = []
        for tp, source in mine.items():
            told = source.told
            if faust_private.read_through(self.app, tp, told) < ends[tp]:
                continue
            source.moved_s = loop.time()
            if source.newest_ms < asked_ms - QUIET_MS and self.sources.get(tp) is source:
                # `told`, not the end: behind it come at most markers, which nobody takes.
                quiet.append(Mark(tp.topic, tp.partition, told, asked_ms))
        if quiet or loop.time() - self._sent_s >= SILENT_S:
            self._sent_s = loop.time()
            MARKS_SENT.inc()
            await self._send(self.stage.marks(quiet, self._clock()))

    def lag(self) -> int:
        """Return how many source records are not yet sent on by this process."""
        behind = 0
        for tp, source in self.sources.items():
            through = faust_private.read_through(self.app, tp, source.told)
            behind += max(0, self.ends.get(tp, 0) - through)
        return behind

    def stuck(self, now_s: float, timeout_s: float) -> str | None:
        """Return what has a backlog and did not move for so long."""
        for tp, source in self.sources.items():
            if not self.stage.ready:
                source.moved_s = now_s  # it waits for rules, and hangs on nothing
            if now_s - source.moved_s > timeout_s:
                return f"{tp.topic}/{tp.partition} at {source.told} of {self.ends.get(tp)}"
        return None
