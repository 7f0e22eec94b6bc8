"""Drive the notifier by the clock: ask what is due, hand it to the delivery.

Lives only while this process owns the live notifier. How much can be on its way is bounded by the
notifier's outbox; a slow receiver delays no other (notifiers.delivery).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from engine.alerts import Notified, decode
from engine.clock import Clock
from engine.owner import Output
from notifiers import Delivery, Flush, Notifier, OpenFence

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 1_000  # even where nothing is due: clocks are set
Append = Callable[[Sequence[Output]], Awaitable[list[int]]]
OnSent = Callable[[Flush, Notified], None]
Renew = Callable[[Flush], Flush | None]
Where = tuple[str, str, str, str]


class Delivering:
    """The loop of one live notifier."""

    def __init__(
        self,
        notifier: Notifier,
        make_delivery: Callable[[Append, Renew], Delivery],
        append: Append,
        wait_applied: Callable[[int], Awaitable[bool]],
        clock: Clock,
        on_sent: OnSent,
    ) -> None:
        self.notifier, self._clock, self._on_sent = notifier, clock, on_sent
        self._append, self._wait_applied = append, wait_applied
        self.delivery = make_delivery(self._logged, self._renewed)
        self._flushes: dict[Where, Flush] = {}  # one a group and integration is on its way
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self, failed: Callable[[str], None]) -> None:
        """Begin; `failed` is told if the loop ends by an error."""

        def ended(task: "asyncio.Task[None]") -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                failed(f"the delivery loop failed: {error!r}")

        self._loop = asyncio.ensure_future(self._run())
        self._loop.add_done_callback(ended)

    def wake(self) -> None:
        """Look again: the notifier has applied records."""
        self._wake.set()

    async def stop(self) -> None:
        """End at once; what is on its way is settled by who owns the notifier next."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self.delivery.stop()

    async def _run(self) -> None:
        # What a predecessor sent and did not log must be known before anything is decided.
        while (offset := await self.delivery.recover(self._open_fences)) is not None:
            await self._wait_applied(offset)
        while True:
            for flush in self.notifier.due(self._clock()):
                self._flushes[flush.key] = flush
                self.delivery.submit(flush)
            due_ms = self.notifier.next_due_ms()
            wait_ms = LOOK_EVERY_MS if due_ms is None else max(0, due_ms - self._clock())
            try:
                async with asyncio.timeout(min(wait_ms, LOOK_EVERY_MS) / 1000):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    def _open_fences(self) -> list[OpenFence]:
        return self.notifier.open_fences(self._clock())

    async def _logged(self, outputs: Sequence[Output]) -> list[int]:
        offsets = await self._append(outputs)
        for output in outputs:
            entry = decode(output.value)
            if isinstance(entry, Notified):
                self._told(entry)
        return offsets

    def _renewed(self, flush: Flush) -> Flush | None:
        """Return what a group has to say when the turn of its notification has come."""
        fresh = self.notifier.renew(flush, self._clock())
        if fresh is None:
            self._flushes.pop(flush.key, None)
            self._wake.set()  # others may have waited for its place
        else:
            self._flushes[flush.key] = fresh
        return fresh

    def _told(self, entry: Notified) -> None:
        where = (entry.tenant, entry.receiver, entry.integration, entry.group_key)
        flush = self._flushes.pop(where, None)
        if flush is not None:
            self._on_sent(flush, entry)
