"""Who is told: receivers and their integrations, as a configuration makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from notifiers.notification import Channel


@dataclass(frozen=True, slots=True)
class Integration:
    """One channel of a receiver, built from one entry of its `<channel>_configs`."""

    name: str  # "<channel>/<index>"
    channel: Channel
    send_resolved: bool
    timeout_ms: int = 0  # of one attempt, as the entry says; 0: it says none


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told, in several ways at once. Without integrations: nobody."""

    name: str
    integrations: tuple[Integration, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
