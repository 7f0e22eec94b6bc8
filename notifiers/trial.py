"""A notification that tests a receiver: what is sent, and what every channel made of it.

It goes the way of all others from the channel on (its layout, credentials, TLS, far side), and
passes by routes, groups and the log: nothing of a running Tocsin changes.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from notifiers.delivery import attempt
from notifiers.fields import Secret
from notifiers.notification import Drop, Notification, NotifiedAlert, Outcome, Retry, Sent
from notifiers.receiver import Integration

ALERT_NAME = "TocsinReceiverTest"
SUMMARY = "This is a test of receiver {receiver}. Nothing is wrong, and nothing has to be done."
PAUSE_MS = 1_500
"""Between a test and its end: chat services take one message a second."""

_DEPTH_MAX = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the test at one integration."""

    integration: str
    step: str  # "firing", "resolved"
    outcome: Outcome

    @property
    def good(self) -> bool:
        """Say whether the far side took it."""
        return isinstance(self.outcome, Sent)

    @property
    def text(self) -> str:
        """Say it in words."""
        match self.outcome:
            case Sent(edited=edited):
                return "accepted, the message was changed in place" if edited else "accepted"
            case Drop(reason=reason, text=text):
                return f"refused ({reason}): {text}"
            case Retry(reason=reason, text=text, after_ms=after_ms):
                later = "" if after_ms is None else f"; again after {after_ms / 1_000:g} s"
                return f"not accepted now ({reason}): {text}{later}"


def notification(
    receiver: str, integration: str, labels: Mapping[str, str], now_ms: int, external_url: str = ""
) -> Notification:
    """Return the test as it fires. Each run is an episode of its own on the far side."""
    labels = {"alertname": ALERT_NAME, "severity": "info", **labels}
    annotations = {"summary": SUMMARY.format(receiver=receiver)}
    alert = NotifiedAlert(
        status="firing",
        labels=labels,
        annotations=annotations,
        starts_at_ms=now_ms,
        ends_at_ms=0,
        generator_url=external_url,
        fingerprint=f"{now_ms & 0xFFFF_FFFF_FFFF_FFFF:016x}",
        updated_at_ms=now_ms,
    )
    return Notification(
        tenant="default",
        receiver=receiver,
        integration=integration,
        # With the time, or two tests would be one incident to a far side that keys by group.
        group_key=f'{{}}:{{alertname="{ALERT_NAME}", test="{now_ms}"}}',
        group_labels={"alertname": ALERT_NAME},
        common_labels=dict(sorted(labels.items())),
        common_annotations=annotations,
        route_labels={},
        status="firing",
        reason="first notification",
        external_url=external_url,
        n=1,
        episodes=(),
        alerts=(alert,),
        previous=None,
        redis_degraded=False,
        possibly_repeated=False,
        now_ms=now_ms,
        group_created_ms=now_ms,
    )


def ended(fired: Notification, far_id: Mapping[str, str] | None, now_ms: int) -> Notification:
    """Return the end of a test, so that nothing stays open on the far side."""
    alerts = tuple(
        replace(alert, status="resolved", ends_at_ms=now_ms, updated_at_ms=now_ms)
        for alert in fired.alerts
    )
    return replace(
        fired, alerts=alerts, status="resolved", reason="all alerts resolved", n=2,
        previous=far_id or None, now_ms=now_ms,
    )  # fmt: skip


async def send(
    integration: Integration, fired: Notification, *, end: bool, pause_ms: int = PAUSE_MS
) -> list[Trial]:
    """Send the test, and its end where the integration hears of ends."""
    first = await attempt(integration, fired, lambda: fired.now_ms)
    trials = [Trial(integration.name, "firing", first)]
    if end and integration.send_resolved and isinstance(first, Sent):
        await asyncio.sleep(pause_ms / 1_000)
        over = ended(fired, first.far_id, max(first.sent_ms, fired.now_ms) + pause_ms)
        last = await attempt(integration, over, lambda: over.now_ms)
        trials.append(Trial(integration.name, "resolved", last))
    return trials


def secrets_of(channel: object) -> list[str]:
    """Return the texts of all secrets that a channel holds, longest first.

    What cannot be read now hides nothing, and is nowhere to be seen.
    """
    texts: set[str] = set()
    seen: set[int] = set()
    waiting = [(channel, _DEPTH_MAX)]
    while waiting:
        thing, depth = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Secret):
            try:
                texts.add(thing.read())
            except (OSError, UnicodeError):
                continue
        elif depth > 0:
            waiting.extend((part, depth - 1) for part in _parts(thing))
    return sorted(texts - {""}, key=len, reverse=True)


def _parts(thing: object) -> Iterator[object]:
    if isinstance(thing, Mapping):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    else:
        yield from getattr(thing, "__dict__", {}).values()
        for kind in type(thing).__mro__:
            for name in getattr(kind, "__slots__", ()):
                yield getattr(thing, name, None)
