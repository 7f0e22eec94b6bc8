"""Host owners on streams: the one class that the worker sees."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from faust.types import TP

from engine.clock import Clock
from engine.errors import FencedError, StreamError
from engine.owner import Output, Owner
from engine.stream import assembly, fence, hosting
from engine.stream.control import NOTIFIER_KEY, Control
from engine.stream.embedded_log import Append
from engine.stream.hosted import Hosted
from engine.stream.settings import Hooks, SourceStage, StreamSettings, StreamsStatus
from engine.stream.watch import Watch

PROOF_KEPT_S = 1.0
PUBLISH_MS = 60_000  # a broker that has just begun to lead is slow


class Streams:
    """Hosts the source stage, the shard owners and the notifier on Faust."""

    def __init__(
        self,
        settings: StreamSettings,
        *,
        stage: SourceStage | None,
        make_shard: Callable[[int], Owner],
        make_notifier: Callable[[], Owner],
        clock: Clock,
        on_event: Callable[[str, dict[str, Any]], None],
        hooks: Hooks | None = None,
        end_process: Callable[[str], None] = hosting.end_process,
    ) -> None:
        self.settings, self.hooks, self._clock = settings, hooks or Hooks(), clock
        self._on_event = on_event
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        try:
            self._parts = assembly.assemble(
                settings,
                stage=stage,
                make={"shards": make_shard, "alerts": lambda _: make_notifier()},
                clock=clock,
                events=on_event,
                end_process=end_process,
            )
        except BaseException:
            self._loop.close()
            raise
        self._watch = Watch(settings, self._parts, end_process, on_event)
        self._end_process = end_process
        self._topics, self._broker = self._parts.topics, self._parts.broker
        self._started = False
        self._control = Control(settings, self.hooks.control, end_process, on_event)
        self._live_told = False  # the hook notifier_live was called
        self._applied = asyncio.Event()
        self._proved: tuple[int, float] = (-1, 0.0)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listen()

    def _listen(self) -> None:
        """Be told of what happens to owners here."""
        if (evaluate := self._parts.evaluate) is not None:
            evaluate.may_restore = lambda: self._control.read
            evaluate.on_live = self._on_live
            evaluate.on_applied = self._on_applied
            evaluate.on_gone = self._on_gone

    # Running

    def run(self, services: Sequence[Any] = ()) -> int:
        """Serve until a signal or a crash and return the exit code.

        Raises StreamError if the log cannot be reached or its topics are not as they must be.
        `services` are mode.Services, started before recovery and stopped after the streams.
        """
        # Before everything else, so that a wrong address is the caller's exception.
        start = self._broker.start(self._topics.all, self.settings.sources)
        self._loop.run_until_complete(start)
        ground = hosting.Ground(self._begin, self._end)
        beats = [*self._watch.beats(), ("proof", PROOF_KEPT_S / 2, self._prove)]
        pulse = hosting.Pulse(beats, self._end_process)
        apps = hosting.Together(self._parts.apps)
        return hosting.serve([ground, *services, pulse, apps], self._loop)

    async def _begin(self) -> None:
        self._started = True
        control = self._topics.tp("control", 0)
        self._keep(self._broker.follow(control, self._control.take, self._control.caught_up))
        self._keep(self._control.announce(self.publish))

    async def _end(self) -> None:
        self._started = False
        for task in list(self._tasks):
            task.cancel()
        await self._broker.stop()

    def _keep(self, work: Any) -> None:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._end_process(f"a task of the streams failed: {error!r}")

    def status(self) -> StreamsStatus:
        """Return what /-/ready and the page show."""
        return self._watch.status(
            started=self._started,
            control_read=self._control.read,
            notifier=self.notifier_epoch is not None,
        )

    # Owners

    @property
    def shards(self) -> Mapping[int, Owner]:
        """The live owners in this process."""
        evaluate = self._parts.evaluate
        live = evaluate.live("shards") if evaluate else []
        return {hosted.partition: hosted.owner for hosted in live}

    def _notifier(self) -> Hosted | None:
        evaluate = self._parts.evaluate
        return evaluate.hosted.get(("alerts", 0)) if evaluate else None

    @property
    def notifier(self) -> Owner | None:
        """The live notifier, if this process owns it (perhaps still catching up)."""
        hosted = self._notifier()
        return hosted.owner if hosted else None

    @property
    def notifier_epoch(self) -> int | None:
        """The epoch of the live notifier, None when it is not here or not caught up."""
        hosted = self._notifier()
        return hosted.epoch if hosted and hosted.caught_up else None

    def notifier_url(self) -> str | None:
        """Return where the owner of `alerts` listens, as `control` tells it; None: unknown."""
        at = self._control.notifier_at
        return at.url if at else None

    async def still_notifier(self, epoch: int) -> bool:
        """Ask the broker whether we still are the notifier of that epoch (before each send).

        An answer counts for a second: the broker waits longer before it gives a partition away.
        """
        hosted, now_s = self._notifier(), self._loop.time()
        if hosted is None or hosted.epoch != epoch or hosted.manifest is None:
            return False
        if self._proved[0] == epoch and now_s - self._proved[1] < PROOF_KEPT_S:
            return True
        return await self._proves(hosted, hosted.manifest.next_offset)

    async def _proves(self, hosted: Hosted, next_offset: int) -> bool:
        assert self._parts.evaluate is not None
        epoch, now_s = hosted.epoch, self._loop.time()
        # Committing again what is committed changes nothing, and is refused to a stranger.
        ours = await self._parts.evaluate.store.commit({hosted.tp: next_offset})
        if ours:
            self._proved = epoch, now_s
        return ours and self._notifier() is hosted

    async def _prove(self) -> None:
        """Have an answer at hand before somebody waits for it: it takes as long as a send."""
        hosted, evaluate = self._notifier(), self._parts.evaluate
        if hosted is None or hosted.manifest is None or evaluate is None:
            return
        if self.settings.embedded or evaluate.app.rebalancing or evaluate.app.in_recovery:
            return
        try:
            await self._proves(hosted, hosted.manifest.next_offset)
        except Exception as error:  # noqa: BLE001 - who needs it asks again, and is told
            self._on_event("proof_failed", {"error": repr(error)})

    def _on_live(self, hosted: Hosted) -> None:
        if hosted.role != "alerts":
            return
        self._keep(self.publish(NOTIFIER_KEY, self._control.notifier_here(hosted.epoch)))
        self._on_applied(hosted)

    def _on_applied(self, hosted: Hosted) -> None:
        if hosted.role != "alerts":
            return
        self._applied.set()
        self._applied = asyncio.Event()
        if not hosted.caught_up or self._notifier() is not hosted:
            return
        if not self._live_told:
            self._live_told = True
            self.hooks.notifier_live(hosted.owner, hosted.epoch)
        self.hooks.notifier_applied(hosted.owner)

    def _on_gone(self, gone: Iterable[Hosted]) -> None:
        if any(hosted.role == "alerts" for hosted in gone):
            self._applied.set()  # who waits looks again, and sees that it is not ours
            self._applied = asyncio.Event()
            if self._live_told:
                self._live_told = False
                self.hooks.notifier_gone()

    # Appending

    async def append(self, outputs: Sequence[Output], timeout_ms: int = 10_000) -> list[int]:
        """Append durably, as anybody; return the offsets. Raises StreamError."""
        records = [Append(self._topics.name(o.topic), o.partition, o.key, o.value) for o in outputs]
        return await self._append(records, timeout_ms)

    async def append_source(
        self, topic: str, records: Sequence[tuple[int, bytes]], timeout_ms: int = 10_000
    ) -> list[int]:
        """Append (partition, value) records to a source topic; for the demo and for tests."""
        return await self._append([Append(topic, p, None, v) for p, v in records], timeout_ms)

    async def _append(self, records: Sequence[Append], timeout_ms: int) -> list[int]:
        if not self._started:
            raise StreamError("the streams are not up yet: try again in a moment")
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await asyncio.shield(await self._broker.append(records))
        except TimeoutError as error:
            raise StreamError(f"the log gave no answer in {timeout_ms} ms") from error

    async def append_as_notifier(self, outputs: Sequence[Output]) -> list[int]:
        """Append under the notifier's epoch. Raises FencedError if it is not ours any more."""
        hosted = self._notifier()
        if hosted is None:
            raise FencedError("another process owns the notifier now, or nobody yet")
        return await hosted.append(outputs)

    def applied_offset(self, role: str = "alerts") -> int:
        """Return the first offset of `alerts` not yet applied here, -1 if it is not ours."""
        assert role == "alerts", role
        hosted = self._notifier()
        return hosted.owner.next_offset if hosted else -1

    async def wait_applied(self, offset: int, timeout_ms: int = 5_000) -> bool:
        """Wait until the notifier here has applied the record at `offset` of `alerts`."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while 0 <= self.applied_offset() <= offset:
                    await self._applied.wait()
        except TimeoutError:
            return False
        return self.applied_offset() > offset

    def fence(
        self, encode: fence.Encode, decode: fence.Decode[fence.ClaimT], free: fence.ClaimT
    ) -> "fence.EmbeddedFence[fence.ClaimT, Any]":
        """Open the fence store of one process; its codec is that of notifiers.store."""
        path = self.settings.data_dir / "fence"
        return fence.EmbeddedFence(path, self._clock, encode, decode, free)

    # Control

    async def publish(self, key: str, payload: bytes | None) -> int:
        """Append to `control` under a key (None removes it); return the offset."""
        tp: TP = self._topics.tp("control", 0)
        return (await self._append([Append(tp.topic, 0, key.encode(), payload)], PUBLISH_MS))[0]
