"""Lanes: what goes to one destination queues here, so that a slow one delays no other.

Each destination has its queue (first come, first served), its pace, its breaker and a bound on how
many attempts are made at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from engine import metrics
from engine.clock import Clock
from notifiers.breaker import Breaker, State
from notifiers.notification import FailureReason
from notifiers.pacing import PACE_DEFAULT, Pace, Pacing

AT_ONCE_MAX = 8
"""Attempts at one destination at the same time; the others queue behind them, first come."""

LANES_MAX = 10_000

LOOK_MS = 1_000
"""How often the first of a queue looks whether a pause has been ended early."""

OPENED = metrics.counter(
    "tocsin_breaker_opened_total", "Destinations left alone for a while after failures in a row.",
    ["channel"],
)  # fmt: skip
PAUSED = metrics.gauge("tocsin_breakers_open", "Destinations that are left alone for a while.")

Sleep = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing could be sent before the deadline."""

    reason: FailureReason
    text: str


GONE = Refused("other", "the receiver is not configured any more")


@dataclass(frozen=True, slots=True)
class LaneView:
    """A destination at the moment."""

    destination: str
    breaker: State
    failures: int  # in a row
    queued: int  # waiting for their turn
    wait_ms: int  # until the next attempt may begin, as far as it is known
    last_error: str  # "" where it works


@dataclass(slots=True)
class Lane:
    """One destination."""

    pace: Pace = PACE_DEFAULT
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_MAX))
    breaker: Breaker = field(default_factory=Breaker)
    queued: int = 0
    busy: int = 0
    last: Refused | None = None


class Lanes:
    """The lanes of one delivery."""

    def __init__(self, clock: Clock, sleep: Sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._pacing = Pacing(LANES_MAX)
        self._lanes: dict[str, Lane] = {}

    def of(self, destination: str, pace: Pace) -> Lane:
        """Return the lane of a destination."""
        lane = self._lanes.get(destination)
        if lane is None:
            if len(self._lanes) >= LANES_MAX:
                self._forget_idle()
            lane = self._lanes[destination] = Lane()
        lane.pace = pace
        return lane

    async def turn(
        self, destination: str, lane: Lane, deadline_ms: int, gone: Callable[[], bool]
    ) -> Refused | None:
        """Wait for the turn at a destination.

        Refused: it is left alone beyond the deadline, or `gone` by the time the turn comes.
        """
        lane.queued += 1
        try:
            async with lane.queue:
                return await self._turn(destination, lane, deadline_ms, gone)
        finally:
            lane.queued -= 1

    async def _turn(
        self, destination: str, lane: Lane, deadline_ms: int, gone: Callable[[], bool]
    ) -> Refused | None:
        while True:
            now_ms = self._clock()
            if gone():
                return GONE
            if pause_ms := lane.breaker.wait_ms(now_ms):
                if now_ms >= deadline_ms:
                    return self._refused(lane)
                await self._sleep(min(pause_ms, deadline_ms - now_ms, LOOK_MS))
            elif wait_ms := self._pacing.take(destination, now_ms, lane.pace):
                await self._sleep(wait_ms)
            else:
                lane.breaker.begin(now_ms)
                return None

    def hold(self, destination: str, lane: Lane, after_ms: int | None) -> int:
        """Pause a destination as it asks; return for how long."""
        return self._pacing.hold(destination, after_ms, self._clock(), lane.pace)

    def worked(self, lane: Lane) -> None:
        """Note that a destination has answered."""
        lane.breaker.succeeded()
        lane.last = None
        self._count()

    def failed(self, lane: Lane, kind: str, reason: FailureReason, text: str) -> None:
        """Note that a destination gave no answer, or said that it is broken."""
        lane.last = Refused(reason, text)
        if lane.breaker.failed(self._clock()):
            OPENED.labels(kind).inc()
        self._count()

    def unknown(self, lane: Lane) -> None:
        """Note an attempt that says nothing about the destination."""
        lane.breaker.abandoned(self._clock())

    def retry_now(self) -> None:
        """Probe what is left alone now: somebody says that it works again."""
        for lane in self._lanes.values():
            lane.breaker.retry_now(self._clock())

    def keep(self, destinations: Collection[str]) -> None:
        """Forget the lanes of other destinations, once nothing is on its way there."""
        for name, lane in tuple(self._lanes.items()):
            if name not in destinations and not lane.busy and not lane.queued:
                del self._lanes[name]
        self._count()

    def views(self) -> list[LaneView]:
        """Return the destinations that are in use or in trouble, by name."""
        now_ms = self._clock()
        return [
            LaneView(
                destination=name,
                breaker=lane.breaker.state,
                failures=lane.breaker.failures,
                queued=lane.queued,
                wait_ms=max(lane.breaker.wait_ms(now_ms), self._pacing.held_ms(name, now_ms)),
                last_error=lane.last.text if lane.last is not None else "",
            )
            for name, lane in sorted(self._lanes.items())
        ]

    def _refused(self, lane: Lane) -> Refused:
        last = lane.last or Refused("other", "no answer")
        return Refused(
            last.reason, f"left alone after {lane.breaker.failures} failures; {last.text}"
        )

    def _forget_idle(self) -> None:
        idle = [
            name
            for name, lane in self._lanes.items()
            if not lane.queued and not lane.busy and lane.breaker.state == "closed"
        ]
        for name in idle:
            del self._lanes[name]

    def _count(self) -> None:
        PAUSED.set(sum(lane.breaker.state != "closed" for lane in self._lanes.values()))
