"""What the demo needs of the worker that it is a guest of.

`engine.worker.run(config, extra_routes=…, background=…) -> int` blocks; once HTTP answers it runs
every `background(host)` in its event loop. The demo has no private door into the product:
appending is what any producer does, and the rest is what a status page shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # importing the worker takes a second or two: the first screen comes before
    from engine.worker import ScreenSnapshot


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
