"""What the HTTP room shows of sending: dead letters, destinations, what failed lately."""

import msgspec


class LetterView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was given up, and nobody has been told of it since."""

    id: str  # 12 hex; the same for all that is given up for a group at an integration in a row
    receiver: str
    integration: str  # "<channel>/<index>"
    group_key: str
    first_ms: int
    last_ms: int
    times: int  # given up in a row
    reason: str  # Alertmanager's word
    text: str  # what the far side said, without secrets
    firing: int
    resolved: int
    state: str  # "on its way", "waiting" (its group is looked at again at `next_ms`) or "over"
    next_ms: int = 0


class DestinationView(msgspec.Struct, frozen=True, kw_only=True):
    """Where notifications go."""

    destination: str  # without secrets
    breaker: str  # "closed", "open", "half-open"
    failures: int  # in a row
    queued: int
    wait_ms: int  # until the next attempt, as far as it is known
    last_error: str = ""


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that failed."""

    at_ms: int
    receiver: str
    integration: str
    reason: str
    text: str
    final: bool


class DeliveriesView(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, at the worker that owns the notifier."""

    letters: tuple[LetterView, ...] = ()  # newest first
    destinations: tuple[DestinationView, ...] = ()  # by name
    failures: tuple[FailureView, ...] = ()  # of the last 100, newest first
    in_flight: int = 0
