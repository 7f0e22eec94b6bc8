"""What `--once` waits for: one alert and its end, both seen by Slack and by the mailbox."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["firing", "resolved"]

CHANNELS = ("slack", "email")
TOLD = {"firing": "a firing alert", "resolved": "its resolution"}
PLACES = {"slack": "Slack", "email": "the mailbox"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """One alert in one message, as its receiver sees it."""

    channel: Literal["slack", "email"]
    alert: str
    status: Status


def missing(receipts: Iterable[Receipt]) -> tuple[str, ...]:
    """Say what of the four has not been received, for the alert that is nearest to all four."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for receipt in receipts:
        seen.setdefault(receipt.alert, set()).add((receipt.channel, receipt.status))
    best = max(seen.values(), key=len, default=set())
    return tuple(
        f"{TOLD[status]} in {PLACES[channel]}"
        for status in TOLD
        for channel in CHANNELS
        if (channel, status) not in best
    )


def evidence(receipts: Iterable[Receipt]) -> Mapping[str, int]:
    """Count receipts by channel and status, for the last line of `--once`."""
    found: dict[str, int] = {}
    for receipt in receipts:
        name = f"{receipt.channel} {receipt.status}"
        found[name] = found.get(name, 0) + 1
    return found
