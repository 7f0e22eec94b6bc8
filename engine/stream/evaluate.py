"""Host the owners of `shards` and `alerts`: feed, send, checkpoint, hand over.

One Faust app. Its agents hand fetches to the owners of their partitions; an owner is live from its
takeover (takeover.py) to the revoke of its partition, a refused commit, or the process's end.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from engine import metrics
from engine.clock import Clock
from engine.errors import MissingPlanError
from engine.owner import LogRecord
from engine.stream import apps, checkpoints, faust_private
from engine.stream.broker import Broker
from engine.stream.fetches import Polled, parts_of
from engine.stream.hosted import EndProcess, Hosted
from engine.stream.settings import StreamSettings
from engine.stream.state_store import Cut, StateStore
from engine.stream.takeover import Events, Takeover
from engine.stream.topics import TABLES, Topics

RECORDS_AT_ONCE = 512  # applied in one breath, then others may run
SEEK_AGAIN_S = 2.0
PLAN_WAIT_S = 0.1
TAKEOVER_TIMEOUT_S = 120.0

RECORDS_APPLIED = metrics.counter(
    "tocsin_records_applied_total", "Records of internal topics that owners applied.", ["topic"]
)
RECORDS_REPEATED = metrics.counter(
    "tocsin_records_repeated_total", "Records that Faust delivered again; dropped.", ["topic"]
)
HOLES_REFUSED = metrics.counter(
    "tocsin_holes_refused_total", "Fetches that did not begin at the next offset.", ["topic"]
)
RECORDS_GONE = metrics.counter(
    "tocsin_records_gone_total",
    "Records that the log had dropped before they were read.",
    ["topic"],
)
CHECKPOINT_SECONDS = metrics.histogram(
    "tocsin_checkpoint_seconds", "From the cut to the accepted commit, all owners of a worker."
)
COMMITS_REFUSED = metrics.counter(
    "tocsin_commits_refused_total", "Commits that the broker refused: not ours any more.", ["role"]
)

Key = tuple[str, int]


class Evaluate:
    """The evaluate role of one process."""

    def __init__(
        self,
        settings: StreamSettings,
        topics: Topics,
        broker: Broker,
        app: Any,
        *,
        takeover: Callable[[StateStore], Takeover],
        clock: Clock,
        end_process: EndProcess,
        events: Events,
    ) -> None:
        self.settings, self.topics, self.app = settings, topics, app
        self.hosted: dict[Key, Hosted] = {}
        self._kept: dict[Key, Hosted] = {}
        self._broker, self._clock = broker, clock
        self._end_process, self._events = end_process, events
        self._turn = 0  # revokes seen: a takeover of an earlier turn is void
        self._saving = asyncio.Lock()
        self.on_live: Callable[[Hosted], None] = lambda _: None
        self.on_applied: Callable[[Hosted], None] = lambda _: None
        self.on_gone: Callable[[Iterable[Hosted]], None] = lambda _: None
        self.may_restore: Callable[[], bool] = lambda: True
        tables = {
            role: apps.state_table(app, table, topics.partitions(role))
            for role, table in TABLES.items()
        }
        self.store = StateStore(app, tables, broker)
        self.takeover = takeover(self.store)
        for role, table in tables.items():
            table.on_recover(self._recovery_of(role))
            topic = apps.stream_topic(app, topics.name(role))
            app.agent(topic, name=f"{topics.evaluate_group}.{role}")(self._agent_of(role))
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.before_stop = self._before_stop

    def live(self, role: str) -> list[Hosted]:
        """Return the live owners of a role."""
        return [hosted for (name, _), hosted in self.hosted.items() if name == role]

    # Feeding

    def _agent_of(self, role: str) -> Callable[[Any], Any]:
        async def agent(stream: Any) -> None:
            async for event in stream.events():
                for tp, polled in parts_of(event):
                    hosted = self.hosted.get((role, tp.partition))
                    if hosted is None:
                        continue
                    try:
                        await self._feed(hosted, polled)
                    except Exception as error:  # noqa: BLE001 - Faust would ack it and go on
                        self._end_process(f"owner of {role}/{hosted.partition}: {error!r}")

        return agent

    async def _feed(self, hosted: Hosted, polled: Polled) -> None:
        owner = hosted.owner
        if polled.start > owner.next_offset:
            await self._hole(hosted, polled.start)
            return
        records = polled.log_records(owner.next_offset)
        repeated = len(polled.records) - len(records)
        if repeated:
            RECORDS_REPEATED.labels(hosted.role).inc(repeated)
        for at in range(0, len(records), RECORDS_AT_ONCE):
            some = records[at : at + RECORDS_AT_ONCE]
            if self.hosted.get((hosted.role, hosted.partition)) is not hosted:
                return  # lost meanwhile
            await self._apply(hosted, some)
            await hosted.drain()
            await asyncio.sleep(0)

    async def _apply(self, hosted: Hosted, records: list[LogRecord]) -> None:
        """Fold records and take the outputs in one breath: a checkpoint sees both or neither."""
        while True:
            try:
                hosted.say(hosted.owner.apply(records, self._clock()))
                break
            except MissingPlanError as missing:
                # `control` tells it before the log names it; its reader is a moment behind.
                self._events("waiting_for_plan", {"digest": missing.digest})
                await asyncio.sleep(PLAN_WAIT_S)
        hosted.moved_s = asyncio.get_running_loop().time()
        RECORDS_APPLIED.labels(hosted.role).inc(len(records))
        self.on_applied(hosted)

    async def _hole(self, hosted: Hosted, at: int) -> None:
        """Refuse a fetch that begins too late; Faust hands out records before its own seek."""
        owner, loop = hosted.owner, asyncio.get_running_loop()
        HOLES_REFUSED.labels(hosted.role).inc()
        start = (await self._broker.starts([hosted.tp]))[hosted.tp]
        if start > owner.next_offset:
            gone = start - owner.next_offset
            RECORDS_GONE.labels(hosted.role).inc(gone)
            self._events("records_gone", {"topic": hosted.tp.topic, "partition": hosted.partition,
                                          "records": gone})  # fmt: skip
            owner.next_offset = start
        if hosted.sought[0] == owner.next_offset and loop.time() - hosted.sought[1] < SEEK_AGAIN_S:
            return  # what was in the queue behind the hole
        self._events("hole", {"topic": hosted.tp.topic, "partition": hosted.partition,
                              "found": at, "next": owner.next_offset})  # fmt: skip
        hosted.sought = owner.next_offset, loop.time()
        await faust_private.seek(self.app, hosted.tp, owner.next_offset)

    async def listen_again(self, hosted: Hosted) -> None:
        """Read on where the owner is: what was fetched for it never came.

        Faust empties its queues when a rebalance ends. Where nothing follows, no hole shows it.
        """
        now_s = asyncio.get_running_loop().time()
        if self.app.rebalancing or self.app.in_recovery or now_s - hosted.sought[1] < SEEK_AGAIN_S:
            return
        self._events("unheard", {"topic": hosted.tp.topic, "partition": hosted.partition,
                                 "next": hosted.owner.next_offset})  # fmt: skip
        hosted.sought = hosted.owner.next_offset, now_s
        await faust_private.seek(self.app, hosted.tp, hosted.owner.next_offset)

    # Checkpoints

    async def checkpoint(self, some: list[Hosted], why: str) -> bool:
        """Save owners; False if the broker says that they are not ours."""
        async with self._saving:
            return await self._checkpoint(some, why)

    async def _checkpoint(self, some: list[Hosted], why: str) -> bool:
        loop = asyncio.get_running_loop()
        began_s, cuts = loop.time(), []
        for hosted in some:
            # One breath: state, position and outbox belong together.
            known = hosted.manifest.known if hosted.manifest else {}
            snapshot = hosted.owner.snapshot(known)
            plan = checkpoints.plan(
                hosted.partition, snapshot, hosted.epoch, hosted.manifest, hosted.garbage
            )
            cuts.append(Cut(hosted, plan))
            await hosted.drain()
        for hosted in some:
            await hosted.settled()  # outputs first, or a crash after the commit loses them
        kept = await self.store.save(cuts)
        if kept:
            CHECKPOINT_SECONDS.observe(loop.time() - began_s)
        else:
            COMMITS_REFUSED.labels("evaluate").inc()
            self._events("checkpoint_refused", {"why": why})
        return kept

    async def regularly(self) -> None:
        """Checkpoint every live owner that has moved; fall silent where the broker refuses."""
        if self.app.rebalancing or self.app.in_recovery:
            return
        some = [h for h in self.hosted.values() if self._has_moved(h)]
        if some and not await self.checkpoint(some, "timer"):
            self.drop(some)

    @staticmethod
    def _has_moved(hosted: Hosted) -> bool:
        return hosted.manifest is None or (
            hosted.owner.next_offset != hosted.manifest.next_offset or bool(hosted.garbage)
        )

    def drop(self, some: Iterable[Hosted]) -> None:
        """Fall silent: these are not ours."""
        gone = [h for h in some if self.hosted.get((h.role, h.partition)) is h]
        for hosted in gone:
            del self.hosted[hosted.role, hosted.partition]
        if gone:
            self.on_gone(gone)

    # Changing hands

    def _recovery_of(self, role: str) -> Callable[[], Any]:
        async def recovered() -> None:
            turn = self._turn
            kept = {p: hosted for (name, p), hosted in self._kept.items() if name == role}
            try:
                async with asyncio.timeout(TAKEOVER_TIMEOUT_S):
                    # Snapshots name rule sets of `control`.
                    while not self.may_restore():  # noqa: ASYNC110 - a flag of another room
                        await asyncio.sleep(PLAN_WAIT_S)
                    taken = await self.takeover.run(role, kept, lambda: self._turn == turn)
            except BaseException as error:  # Faust swallows it and would wait
                self._end_process(f"takeover of {role}: {error!r}")
                raise
            for hosted in taken:
                self.hosted[role, hosted.partition] = hosted
                self._kept.pop((role, hosted.partition), None)
                self.on_live(hosted)
            self._events("taken_over", {
                "role": role, "epochs": {h.partition: h.epoch for h in taken},
                "fresh": [h.partition for h in taken if h.fresh],
            })  # fmt: skip

        return recovered

    async def _revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        """Save and let go; the objects are kept for partitions that come back."""
        del revoked  # eager: all of them, whatever is said
        self._turn += 1
        mine = list(self.hosted.values())
        self.drop(mine)
        self._kept = {}
        if not mine:
            return
        if faust_private.membership_lost(self.app):
            # A paused or cut-off worker: a successor lives, and this state is old. No checkpoint.
            self._events("membership_lost", {"owners": len(mine)})
            return
        try:
            async with asyncio.timeout(self.settings.session_timeout_ms / 1000 * 0.7):
                saved = await self.checkpoint(mine, "revoke")
        except Exception as error:  # noqa: BLE001 - the successor restores the one before
            self._events("checkpoint_failed", {"why": "revoke", "error": repr(error)})
            return
        if saved:
            self._kept = {(h.role, h.partition): h for h in mine}

    async def _before_stop(self) -> None:
        self._turn += 1
        mine = list(self.hosted.values())
        self.drop(mine)
        if not mine:
            return
        try:
            async with asyncio.timeout(self.settings.session_timeout_ms / 1000):
                await self.checkpoint(mine, "stop")
        except Exception as error:  # noqa: BLE001 - the next start replays
            self._events("checkpoint_failed", {"why": "stop", "error": repr(error)})
