"""A notifier with its delivery, under one virtual clock that jumps from sleeper to sleeper."""

import asyncio
import heapq
from collections.abc import Sequence

from engine.alerts import Notified, decode
from engine.owner import Output
from notifiers import Delivery, Flush
from tests.notifiers.fences import MemoryFence
from tests.notifiers.world import SIMPLE, T0, Recorder, World, alert, config

S = 1_000


class Died(BaseException):
    """The process ends here."""


class Time:
    """A clock that jumps to the next sleeper when nobody is busy."""

    def __init__(self) -> None:
        self.now_ms = T0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def clock(self) -> int:
        return self.now_ms

    async def sleep(self, duration_ms: int) -> None:
        future = asyncio.get_running_loop().create_future()
        order = len(self._sleepers)
        heapq.heappush(self._sleepers, (self.now_ms + duration_ms, order, future))
        await future

    async def run(self, until_ms: int) -> None:
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until_ms:
            due_ms, _, future = heapq.heappop(self._sleepers)
            self.now_ms = max(due_ms, self.now_ms)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self.now_ms = max(until_ms, self.now_ms)

    async def _settle(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)


class Bottle:
    """A notifier, its delivery and a fence, under one virtual clock."""

    def __init__(
        self, text: str = SIMPLE, *, time: Time | None = None, owner: str = "a",
        fence: MemoryFence | None = None, world: World | None = None,
    ) -> None:  # fmt: skip
        self.time = time or Time()
        self.world = world or World(config(text))
        self.fence = fence or MemoryFence(self.time.clock)
        self.live = True
        self.append_errors: list[Exception] = []
        self.logged: list[Notified] = []
        self.delivery = Delivery(
            lambda: self.world.notifier.config, self.fence, owner=owner,
            still_owner=self._still_owner, append=self._append, clock=self.time.clock,
            sleep=self.time.sleep, renew=self._renew,
        )  # fmt: skip

    def _renew(self, flush: Flush) -> Flush | None:
        self.world.now_ms = self.time.now_ms
        return self.world.notifier.renew(flush, self.time.now_ms)

    async def _still_owner(self) -> bool:
        return self.live

    async def _append(self, outputs: Sequence[Output]) -> list[int]:
        if self.append_errors:
            raise self.append_errors.pop(0)
        self.world.now_ms = self.time.now_ms
        for output in outputs:
            entry = decode(output.value)
            assert isinstance(entry, Notified)
            self.logged.append(entry)
            self.world.append(entry)
        return [len(self.world.log) - 1]

    def due(self) -> list[Flush]:
        self.world.now_ms = self.time.now_ms
        return self.world.notifier.due(self.time.now_ms)

    def submit(self) -> list[Flush]:
        flushes = self.due()
        for flush in flushes:
            self.delivery.submit(flush)
        return flushes

    async def play(self, until_ms: int) -> None:
        """Be the worker's loop until then."""
        while True:
            self.submit()
            await self.time.run(self.time.now_ms)
            due_ms = self.world.notifier.next_due_ms()
            wake_ms = (
                until_ms if due_ms is None else min(max(due_ms, self.time.now_ms + 1), until_ms)
            )
            await self.time.run(wake_ms)
            if wake_ms >= until_ms and (due_ms is None or due_ms > until_ms):
                break

    def channel(self, index: int = 0, receiver: str = "team") -> Recorder:
        made = self.world.config.receivers[receiver].integrations[index].channel
        assert isinstance(made, Recorder)
        return made


def firing(bottle: Bottle, sequence: int = 1, **labels: str) -> None:
    bottle.world.now_ms = bottle.time.now_ms
    bottle.world.append(alert("firing", sequence, bottle.time.now_ms, labels=labels))
