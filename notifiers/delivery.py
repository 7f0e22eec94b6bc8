"""Delivery: a decision goes out effectively once, and comes back as a record of the log.

    decided n -> pace -> claim at the fence -> still owner? -> send -> confirm -> append `Notified`

Each step may be the last one before a crash:

- before the claim: the successor decides the same n again and sends it.
- claimed: the successor waits until the claim lapses and sends it again, with the same key where
  the far side has one, else marked as possibly repeated. Nothing can be exact there.
- sent at the fence: the successor adopts it, whatever it knows now.
- in the log: over.

A fence that cannot be reached stops nothing: the message says that it may come twice.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine import faults, metrics
from engine.alerts import Notified, encode
from engine.clock import Clock
from engine.errors import FencedError, StreamError
from engine.owner import Output
from notifiers.config import Integration, NotifierConfig
from notifiers.notification import Drop, FailureReason, Outcome, Retry, Sent
from notifiers.outbox import Flush
from notifiers.owner import OpenFence
from notifiers.pacing import Pacing, pace_of
from notifiers.store import FENCE_KEEP_MS, Claim, FenceStore, Told

CLAIM_MS = 15_000
"""How long a claim stands without a word of its owner: what a takeover in doubt waits."""
ATTEMPT_MS = 12_000
"""What one attempt may take, so that the claim outlives it."""
BACKOFF_MS_FIRST = 500
BACKOFF_MS_MAX = 60_000
AT_ONCE_MAX = 8
"""Attempts at one destination at the same time; the others queue behind them, first come."""
FAILURES_KEPT = 100

OUTCOMES = metrics.counter(
    "tocsin_notifications_total", "Notifications by what became of them.", ["channel", "outcome"]
)
FAILED = metrics.counter(
    "tocsin_notifications_failed_total", "Notifications given up.", ["channel", "reason"]
)
REQUESTS = metrics.counter(
    "tocsin_notification_requests_total", "Attempts to send, by their result.",
    ["channel", "result"],
)  # fmt: skip
SECONDS = metrics.histogram(
    "tocsin_notification_seconds", "From the decision to the far side's answer.", ["channel"]
)
REPEATED = metrics.counter(
    "tocsin_notifications_possibly_repeated_total",
    "Sent although a predecessor may have sent them, where the far side has no key.", ["channel"],
)  # fmt: skip
UNFENCED = metrics.counter(
    "tocsin_notifications_unfenced_total", "Sent while the fence was unavailable.", ["channel"]
)

_log = logging.getLogger("tocsin.notifiers")

Sleep = Callable[[int], Awaitable[None]]
Append = Callable[[Sequence[Output]], Awaitable[Sequence[int]]]


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
    repeated: bool = False  # because somebody else may have sent it


async def _sleep(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)


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
        sleep: Sleep = _sleep,
        claim_ms: int = CLAIM_MS,
    ) -> None:
        self._config = config
        self._store = store
        self._owner = owner  # unique to this incarnation: instance id and epoch
        self._still_owner = still_owner
        self._append = append
        self._clock = clock
        self._sleep = sleep
        self._claim_ms = claim_ms
        self._pacing = Pacing()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._queues: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)

    @property
    def in_flight(self) -> int:
        """How many flushes are on their way."""
        return len(self._tasks)

    def submit(self, flush: Flush) -> None:
        """Start the delivery of a flush; its record is appended when it is over.

        It ends without one only where we are not the owner any more: then the notifier that
        decided it is void too, and its successor decides again.
        """
        task = asyncio.create_task(self._run(flush))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Break off everything that is on its way; its successor finds it at the fence."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def recover(self, fences: Sequence[OpenFence]) -> int | None:
        """Adopt what a predecessor has sent and not logged. Returns the offset to wait for.

        Called once after a takeover, before anything is decided: what was sent must be known even
        where nothing would be sent now, or nobody would tell its end.
        """
        claims = await self._store.peek([fence.fence_key for fence in fences])
        records: list[Notified] = []
        for fence, claim in zip(fences, claims, strict=True):
            foreign = claim.state == "claimed" and claim.owner != self._owner
            over = foreign and claim.told.firing and fence.firing.isdisjoint(claim.told.firing)
            if claim.state == "sent" or over:
                # Claimed, and all it told is over: if it was sent, its end has to be told.
                records.append(_adopted(fence, claim, repeated=bool(over)))
        if not records:
            return None
        offsets = await self._append([_output(record) for record in records])
        return max(offsets, default=None)

    async def deliver(self, flush: Flush) -> Notified | None:
        """Send a flush until it is sent, refused or too late. None: we are not the owner."""
        if flush.withheld:
            return flush.record("withheld", sent_ms=0, far_id={})
        channel = flush.key.integration.partition("/")[0]
        repeated, failures = False, 0
        while True:
            integration = self._integration(flush)
            if integration is None:
                return self._dropped(flush, "other", "the receiver is not configured any more")
            await self._paced(integration)
            async with self._slot(integration):
                # Looked up again after the wait: a reload counts at once and closes old channels.
                now = self._integration(flush) or integration
                result = await self._attempt(flush, now, repeated)
            if not isinstance(result, _Again):
                return result
            repeated = repeated or result.repeated
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

    async def _run(self, flush: Flush) -> None:
        try:
            record = await self.deliver(flush)
        except Exception as error:  # noqa: BLE001  # an error of ours must not block the group
            _log.error("delivery broke: %s", _frames(error))
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
                await self._append([_output(record)])
            except FencedError:
                raise
            except (StreamError, TimeoutError) as error:
                _log.warning("the log did not take a notification record, again: %s", error)
                await self._sleep(wait_ms)
                wait_ms = min(wait_ms * 2, BACKOFF_MS_MAX)
            else:
                return

    async def _attempt(
        self, flush: Flush, integration: Integration, repeated: bool
    ) -> Notified | _Again | None:
        """Claim, look whether we are still the owner, send, confirm."""
        key = flush.notification.key
        claim = await self._store.claim(key, self._owner, self._claim_ms, flush.told)
        faults.point("notify.after_claim")
        if claim.state == "sent":
            return _as_adopted(flush, claim)
        if claim.state == "claimed":
            text = f"claimed by {claim.owner}"
            return _Again(claim.remaining_ms + 1, "other", text, repeated=True)
        if not await self._still_owner():
            await self._store.release(key, self._owner)
            return None
        degraded = claim.state == "unavailable"
        doubled = repeated and not integration.channel.has_key
        outcome = await self._send(flush, integration, degraded=degraded, doubled=doubled)
        if isinstance(outcome, Sent):
            faults.point("notify.after_answer")
            await self._store.confirm(key, self._owner, flush.told, outcome.far_id, FENCE_KEEP_MS)
            faults.point("notify.after_confirm")
            return self._sent(flush, outcome, degraded=degraded, doubled=doubled)
        if isinstance(outcome, Drop):
            await self._store.release(key, self._owner)
            return self._dropped(flush, outcome.reason, outcome.text)
        if outcome.after_ms is not None or outcome.reason == "rateLimited":
            destination = integration.channel.destination
            pace = pace_of(integration.channel)
            held_ms = self._pacing.hold(destination, outcome.after_ms, self._clock(), pace)
            return _Again(held_ms, outcome.reason, outcome.text)
        return _Again(0, outcome.reason, outcome.text)

    async def _send(
        self, flush: Flush, integration: Integration, *, degraded: bool, doubled: bool
    ) -> Outcome:
        """Make one attempt. A channel that breaks or hangs is a failure like others."""
        shown = replace(flush.notification, redis_degraded=degraded, possibly_repeated=doubled)
        kind = flush.key.integration.partition("/")[0]
        outcome: Outcome
        try:
            async with asyncio.timeout(ATTEMPT_MS / 1000):
                outcome = await integration.channel.notify(shown, self._clock())
        except TimeoutError:
            outcome = Retry("contextDeadlineExceeded", None, f"no answer in {ATTEMPT_MS} ms")
        except Exception as error:  # noqa: BLE001  # channels are plug-ins: any error may come
            _log.error("channel %s broke: %s", kind, _frames(error))
            outcome = Retry("other", None, f"the channel broke: {type(error).__name__}")
        faults.point("notify.between_send_and_answer")
        REQUESTS.labels(kind, type(outcome).__name__.lower()).inc()
        return outcome

    async def _paced(self, integration: Integration) -> None:
        """Wait for the destination's pace, in the order of coming."""
        channel = integration.channel
        queue = self._queues.setdefault(channel.destination, asyncio.Lock())
        async with queue:
            pace = pace_of(channel)
            while wait_ms := self._pacing.take(channel.destination, self._clock(), pace):
                await self._sleep(wait_ms)

    def _slot(self, integration: Integration) -> asyncio.Semaphore:
        destination = integration.channel.destination
        return self._slots.setdefault(destination, asyncio.Semaphore(AT_ONCE_MAX))

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
        return flush.record("dropped", sent_ms=0, far_id={}, reason=reason)

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


def _frames(error: Exception) -> str:
    """Return where an error came from, without its text: that may hold a URL with a secret."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}\n{frames}"


def _backoff_ms(failures: int) -> int:
    """Return the pause after so many failures: doubling, bounded."""
    doubled = BACKOFF_MS_FIRST << min(max(failures - 1, 0), 20)
    return min(doubled, BACKOFF_MS_MAX)


def _output(record: Notified) -> Output:
    return Output("alerts", 0, None, encode(record))


def _as_adopted(flush: Flush, claim: Claim) -> Notified:
    """Return the record of what somebody else sent under our number."""
    OUTCOMES.labels(flush.key.integration.partition("/")[0], "adopted").inc()
    return flush.record("adopted", sent_ms=claim.told.at_ms, far_id=claim.far_id, told=claim.told)


def _adopted(fence: OpenFence, claim: Claim, *, repeated: bool) -> Notified:
    OUTCOMES.labels(fence.key.integration.partition("/")[0], "adopted").inc()
    told: Told = claim.told
    outcome: Literal["adopted"] = "adopted"
    return Notified(
        tenant=fence.key.tenant,
        receiver=fence.key.receiver,
        integration=fence.key.integration,
        group_key=fence.key.group_key,
        n=fence.n,
        at_ms=told.at_ms,
        sent_ms=told.at_ms,
        outcome=outcome,
        reason=told.reason,
        firing=list(told.firing),
        resolved=list(told.resolved),
        content_hash=told.hash,
        far_id=dict(claim.far_id),
        possibly_repeated=repeated,
    )
