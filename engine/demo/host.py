"""What the demo needs of the worker that it runs in: one small protocol and two frozen values.

The demo is a guest. `engine.worker.run(config, extra_routes=…, on_started=…, background=…) -> int`
blocks; once HTTP answers it calls `on_started(host)` and runs every `background(host)` coroutine
function in its event loop; a background that raises ends the worker with exit code 1. It needs no
private door into the product: appending is what any producer does, and the rest is what the
status page shows.

Imports point down, so engine.worker must not import this file. The three values below are what it
has to return, by attribute name; its own frozen dataclasses of the same fields are as good (then
this file imports them from there).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One live alert, or one that was resolved in the last minutes."""

    name: str
    state: str  # "pending", "firing", "resolved"
    level: str  # severity, "" where it has none
    labels: dict[str, str]
    summary: str  # the annotation, rendered
    rule_file: str  # relative to the configuration file
    rule_line: int
    silenced: bool
    event_ms: int  # of the newest change: event time
    arrival_ms: int  # of the newest change: the record reached the worker
    decision_ms: int  # of the newest change: the owner decided


@dataclass(frozen=True, slots=True)
class SentRow:
    """One notification that its far side has confirmed, or that was given up."""

    channel: str  # "slack", "email", "webhook"
    receiver: str
    outcome: str  # "sent", "adopted", "dropped"
    alerts: tuple[str, ...]  # alert names, at most five
    firing: int
    resolved: int
    arrival_ms: int  # of the record that caused it; 0 where it is a repeat
    decision_ms: int  # the alert owner decided; 0 where it is a repeat
    sent_ms: int  # the far side confirmed


@dataclass(frozen=True, slots=True)
class ScreenSnapshot:
    """The worker at one moment, cheap enough to be asked for four times a second."""

    ready: bool  # as /-/ready says it
    samples_total: int  # taken by the source stage since the start
    lines_total: int
    rejected_total: int
    series: int  # known to all local shards
    shards: int  # assigned here
    alerts: tuple[AlertRow, ...]  # pending and firing ones, then resolved ones, newest first
    sent: tuple[SentRow, ...]  # the last 50, oldest first
    sent_total: int


class DemoHost(Protocol):
    """A running worker, as its guests see it."""

    async def broker_append(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        """Append records to a source topic as any producer would; returns when they are durable."""
        ...

    def snapshot_for_screen(self) -> ScreenSnapshot:
        """Say what is going on, without waiting for anything."""
        ...

    def stop(self, exit_code: int = 0) -> None:
        """End the worker in good order; `run` returns `exit_code`."""
        ...


Background = Callable[[DemoHost], Awaitable[None]]
"""Runs in the worker's event loop from the moment that HTTP answers; cancelled at the end."""
