"""Delivery: a decision goes out effectively once, and comes back as a record of the log.

    decided n -> queue -> still the newest? -> claim at the fence -> still owner? -> send -> confirm
              -> append `Notified`

Each step may be the last one before a crash:

- before the claim: the successor decides the same n again and sends it. Until then, what n says
  may be replaced by what the group has to say by now: nobody can have seen it.
- claimed: the successor waits until the claim lapses and sends it again, with the same key where
  the far side has one, else marked as possibly repeated. Nothing can be exact there.
- sent at the fence: the successor adopts it, whatever it knows now.
- in the log: over.

A fence that cannot be reached stops nothing: the message says that it may come twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from engine import faults
from engine.alerts import Notified
from engine.clock import Clock
from engine.errors import FencedError, StreamError
from engine.owner import Output
from notifiers.config import Integration, NotifierConfig
from notifiers.delivery.attempts import attempt, attempt_ms, frames
from notifiers.delivery.lanes import GONE, Lane, Lanes, LaneView, Refused, Sleep
from notifiers.delivery.records import (
    FAILED,
    OUTCOMES,
    REPEATED,
    REQUESTS,
    SECONDS,
    UNFENCED,
    adopted,
    as_adopted,
    output,
)
from notifiers.notification import Drop, FailureReason, Outcome, Retry, Sent
from notifiers.outbox import Flush
from notifiers.owner import OpenFence
from notifiers.pacing import pace_of
from notifiers.store import FENCE_KEEP_MS, FenceStore

CLAIM_MS = 15_000
"""How long a claim stands without a word of its owner: what a takeover in doubt waits."""
CLAIM_MARGIN_MS = 3_000
"""A claim stands that much longer than the attempt it is for."""
BACKOFF_MS_FIRST = 500
BACKOFF_MS_MAX = 60_000
FAILURES_KEPT = 100

_log = logging.getLogger("tocsin.notifiers")

Append = Callable[[Sequence[Output]], Awaitable[Sequence[int]]]
Renew = Callable[[Flush], Flush | None]
"""Returns what is to be sent in place of a flush whose turn has come; None: nothing any more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that failed, for the status page."""

    at_ms: int
    receiver: str
    integration: str
    reason: FailureReason
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class _Again:
    """An attempt that has to be repeated later."""

    after_ms: int
    reason: FailureReason
    text: str
    repeated: bool = False  # because somebody else may have sent it: wait for their claim
    doubled: bool = False  # somebody else has claimed it and may have sent it
    seen: bool = True  # the far side may have taken what was sent


async def _sleep(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)


def _same(flush: Flush) -> Flush | None:
    return flush


class Delivery:
    """Sends flushes of one live notifier and appends what became of them."""

    def __init__(
        self,
        config: Callable[[], NotifierConfig],
        store: FenceStore,
        *,
        owner: str,
        still_owner: Callable[[], Awaitable[bool]],
        append: Append,
        clock: Clock,
        renew: Renew = _same,
        sleep: Sleep = _sleep,
        claim_ms: int = CLAIM_MS,
    ) -> None:
        self._config = config
        self._store = store
        self._owner = owner  # unique to this incarnation: instance id and epoch
        self._still_owner = still_owner
        self._append = append
        self._clock = clock
        self._renew = renew
        self._sleep = sleep
        self._claim_ms = claim_ms
        self._lanes = Lanes(clock, sleep)
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)

    @property
    def in_flight(self) -> int:
        """How many flushes are on their way."""
        return len(self._tasks)

    def destinations(self) -> list[LaneView]:
        """Return where notifications went or wait to go, by name."""
        self.reconfigured()
        return self._lanes.views()

    def reconfigured(self) -> None:
        """Forget destinations that nobody is told at any more."""
        receivers = self._config().receivers.values()
        self._lanes.keep({i.channel.destination for r in receivers for i in r.integrations})

    def retry_now(self) -> None:
        """Try destinations again that are left alone: somebody says that they work."""
        self._lanes.retry_now()

    def submit(self, flush: Flush) -> None:
        """Start the delivery of a flush; its record is appended when it is over.

        It ends without one where there is nothing to tell any more, and where we are not the owner
        any more: then the notifier that decided it is void too, and its successor decides again.
        """
        task = asyncio.create_task(self._run(flush))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Break off everything that is on its way; its successor finds it at the fence."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def recover(self, open_fences: Callable[[], Sequence[OpenFence]]) -> int | None:
        """Adopt what a predecessor has sent and not logged. Returns the offset to wait for.

        Called after a takeover, before anything is decided: what was sent must be known even where
        nothing would be sent now, or nobody would tell its end. The log may be applied meanwhile,
        so it is called until there is nothing to wait for, and decisions follow without a pause.
        """
        asked = open_fences()
        claims = await self._store.peek([fence.fence_key for fence in asked])
        now = {fence.fence_key: fence for fence in open_fences()}  # some may have ended meanwhile
        records: list[Notified] = []
        for before, claim in zip(asked, claims, strict=True):
            fence = now.get(before.fence_key)
            if fence is None:
                continue  # its record has come
            foreign = claim.state == "claimed" and claim.owner != self._owner
            over = foreign and claim.told.firing and fence.firing.isdisjoint(claim.told.firing)
            if claim.state == "sent" or over:
                # Claimed, and all it told is over: if it was sent, its end has to be told.
                records.append(adopted(fence, claim, repeated=bool(over)))
        if not records:
            return None
        offsets = await self._append([output(record) for record in records])
        return max(offsets, default=None)

    async def deliver(self, flush: Flush) -> Notified | None:
        """Send a flush until it is sent, refused or too late. None: there is nothing to log."""
        if flush.withheld:
            return flush.record("withheld", sent_ms=0, far_id={})
        channel = flush.key.integration.partition("/")[0]
        repeated, seen, failures = False, False, 0
        while True:
            turn = await self._turn(flush, repeated=repeated, seen=seen)
            if not isinstance(turn, tuple):
                return turn
            flush, result = turn
            if not isinstance(result, _Again):
                return result
            repeated = repeated or result.repeated or result.doubled
            seen = seen or result.seen
            if not result.repeated:
                failures += 1
                self._note(flush, result.reason, result.text, final=False)
            wait_ms = max(result.after_ms, 0 if result.repeated else _backoff_ms(failures))
            # A claim of somebody else is waited out whatever the deadline: given up, the same
            # number would meet the same claim, and an end of what may have been told be lost.
            if not result.repeated and self._clock() + wait_ms >= flush.deadline_ms:
                await self._store.release(flush.notification.key, self._owner)
                return self._dropped(flush, result.reason, result.text)
            REQUESTS.labels(channel, "wait").inc()
            await self._sleep(wait_ms)

    async def _turn(
        self, flush: Flush, *, repeated: bool, seen: bool
    ) -> tuple[Flush, Notified | _Again | None] | Notified | None:
        """Queue for the destination, then make one attempt: at the newest, if nobody saw another.

        Returns the flush that was tried and its result, or the end of it without an attempt.
        """
        integration = self._integration(flush)
        if integration is None:
            return self._dropped(flush, GONE.reason, GONE.text)
        destination = integration.channel.destination
        lane = self._lanes.of(destination, pace_of(integration.channel))
        # A claim of somebody else is not ours to give up: see `deliver`.
        deadline_ms = 2**62 if repeated else flush.deadline_ms

        def gone() -> bool:
            return self._integration(flush) is None

        refused = await self._lanes.turn(destination, lane, deadline_ms, gone)
        if isinstance(refused, Refused):
            await self._store.release(flush.notification.key, self._owner)
            return self._dropped(flush, refused.reason, refused.text)
        async with lane.slots:
            lane.busy += 1
            try:
                fresh = flush if seen or repeated else self._renew(flush)
                if fresh is None or fresh.withheld:
                    self._lanes.unknown(lane)
                    await self._store.release(flush.notification.key, self._owner)
                    return fresh.record("withheld", sent_ms=0, far_id={}) if fresh else None
                # Looked up again after the wait: a reload counts at once, and closes old channels.
                now = self._integration(fresh)
                if now is None:
                    self._lanes.unknown(lane)
                    await self._store.release(flush.notification.key, self._owner)
                    return self._dropped(fresh, GONE.reason, GONE.text)
                return fresh, await self._attempt(fresh, now, lane, repeated)
            except BaseException:
                self._lanes.unknown(lane)
                raise
            finally:
                lane.busy -= 1

    async def _run(self, flush: Flush) -> None:
        try:
            record = await self.deliver(flush)
        except Exception as error:  # noqa: BLE001  # an error of ours must not block the group
            _log.error("delivery broke: %s", frames(error))
            record = self._dropped(flush, "other", f"delivery broke: {type(error).__name__}")
        try:
            if record is not None:
                await self._logged(record)
        except FencedError:
            # Another process has taken over, or this one is stopping: both are in order.
            _log.info("%s is left to the next notifier", flush.notification.key)

    async def _logged(self, record: Notified) -> None:
        """Append the record. It is sent already, so only being fenced ends the attempts."""
        wait_ms = BACKOFF_MS_FIRST
        while True:
            try:
                await self._append([output(record)])
            except FencedError:
                raise
            except (StreamError, TimeoutError) as error:
                _log.warning("the log did not take a notification record, again: %s", error)
                await self._sleep(wait_ms)
                wait_ms = min(wait_ms * 2, BACKOFF_MS_MAX)
            else:
                return

    async def _attempt(
        self, flush: Flush, integration: Integration, lane: Lane, repeated: bool
    ) -> Notified | _Again | None:
        """Claim, look whether we are still the owner, send, confirm."""
        key = flush.notification.key
        claim_ms = max(self._claim_ms, attempt_ms(integration) + CLAIM_MARGIN_MS)
        claim = await self._store.claim(key, self._owner, claim_ms, flush.told)
        faults.point("notify.after_claim")
        if claim.state in ("sent", "claimed"):
            self._lanes.unknown(lane)
        if claim.state == "sent":
            return as_adopted(flush, claim)
        if claim.state == "claimed":
            text = f"claimed by {claim.owner}"
            return _Again(claim.remaining_ms + 1, "other", text, repeated=True)
        if not await self._still_owner():
            self._lanes.unknown(lane)
            await self._store.release(key, self._owner)
            return None
        degraded = claim.state == "unavailable"
        repeated = repeated or claim.lapsed
        doubled = repeated and not integration.channel.has_key
        outcome = await self._send(flush, integration, degraded=degraded, doubled=doubled)
        if isinstance(outcome, Sent):
            self._lanes.worked(lane)
            faults.point("notify.after_answer")
            await self._store.confirm(key, self._owner, flush.told, outcome.far_id, FENCE_KEEP_MS)
            faults.point("notify.after_confirm")
            return self._sent(flush, outcome, degraded=degraded, doubled=doubled)
        if isinstance(outcome, Drop):
            self._lanes.worked(lane)
            await self._store.release(key, self._owner)
            return self._dropped(flush, outcome.reason, outcome.text)
        again = self._again(flush, integration, lane, outcome)
        return replace(again, doubled=repeated)

    def _again(self, flush: Flush, integration: Integration, lane: Lane, outcome: Retry) -> _Again:
        """Pause the destination as it asks, and judge whether it works at all."""
        refused = outcome.reason == "rateLimited"
        if refused or outcome.reason == "authError":
            # It answers; or the file of a secret cannot be read, which is no fault of its.
            self._lanes.unknown(lane)
        else:
            kind = flush.key.integration.partition("/")[0]
            self._lanes.failed(lane, kind, outcome.reason, outcome.text)
        held_ms = 0
        if outcome.after_ms is not None or refused:
            destination = integration.channel.destination
            held_ms = self._lanes.hold(destination, lane, outcome.after_ms)
        return _Again(held_ms, outcome.reason, outcome.text, seen=not refused)

    async def _send(
        self, flush: Flush, integration: Integration, *, degraded: bool, doubled: bool
    ) -> Outcome:
        shown = replace(flush.notification, redis_degraded=degraded, possibly_repeated=doubled)
        outcome = await attempt(integration, shown, self._clock)
        faults.point("notify.between_send_and_answer")
        kind = flush.key.integration.partition("/")[0]
        REQUESTS.labels(kind, type(outcome).__name__.lower()).inc()
        return outcome

    def _integration(self, flush: Flush) -> Integration | None:
        receiver = self._config().receivers.get(flush.key.receiver)
        found = receiver.integrations if receiver is not None else ()
        return next((each for each in found if each.name == flush.key.integration), None)

    def _sent(self, flush: Flush, sent: Sent, *, degraded: bool, doubled: bool) -> Notified:
        kind = flush.key.integration.partition("/")[0]
        OUTCOMES.labels(kind, "sent").inc()
        SECONDS.labels(kind).observe(max(sent.sent_ms - flush.told.at_ms, 0) / 1000)
        if doubled:
            REPEATED.labels(kind).inc()
        if degraded:
            UNFENCED.labels(kind).inc()
        return flush.record("sent", sent_ms=sent.sent_ms, far_id=sent.far_id, repeated=doubled)

    def _dropped(self, flush: Flush, reason: FailureReason, text: str) -> Notified:
        kind = flush.key.integration.partition("/")[0]
        OUTCOMES.labels(kind, "dropped").inc()
        FAILED.labels(kind, reason).inc()
        self._note(flush, reason, text, final=True)
        return flush.record("dropped", sent_ms=0, far_id={}, reason=reason, text=text)

    def _note(self, flush: Flush, reason: FailureReason, text: str, *, final: bool) -> None:
        key = flush.key
        failure = Failure(self._clock(), key.receiver, key.integration, reason, text, final)
        self.failures.append(failure)
        level = logging.ERROR if final else logging.WARNING
        _log.log(level, "%s %s: %s: %s", key.receiver, key.integration, reason, text)


async def close_channels(config: NotifierConfig) -> None:
    """Give back the connections of a configuration that nobody sends by any more."""
    for receiver in config.receivers.values():
        for integration in receiver.integrations:
            close = getattr(integration.channel, "close", None)
            if close is not None:
                await close()


def _backoff_ms(failures: int) -> int:
    """Return the pause after so many failures: doubling, bounded."""
    doubled = BACKOFF_MS_FIRST << min(max(failures - 1, 0), 20)
    return min(doubled, BACKOFF_MS_MAX)
