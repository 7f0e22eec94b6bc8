"""The log records of what became of notifications, and their counters."""

from typing import Literal

from engine import metrics
from engine.alerts import Notified, encode
from engine.owner import Output
from notifiers.outbox import Flush
from notifiers.owner import OpenFence
from notifiers.store import Claim, Told

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


def output(record: Notified) -> Output:
    """Return a record as it is appended."""
    return Output("alerts", 0, None, encode(record))


def as_adopted(flush: Flush, claim: Claim) -> Notified:
    """Return the record of what somebody else sent under our number."""
    OUTCOMES.labels(flush.key.integration.partition("/")[0], "adopted").inc()
    return flush.record("adopted", sent_ms=claim.told.at_ms, far_id=claim.far_id, told=claim.told)


def adopted(fence: OpenFence, claim: Claim, *, repeated: bool) -> Notified:
    """Return the record of what a predecessor sent, or may have, and did not log."""
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
