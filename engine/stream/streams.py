"""Host owners on streams: the one class that the worker sees. (Signatures first; bodies follow.)"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.clock import Clock
from engine.owner import Output, Owner
from engine.stream.settings import Hooks, SourceStage, StreamSettings, StreamsStatus


class Streams:
    """Hosts the source stage, the shard owners and the notifier on Faust."""

    def __init__(
        self,
        settings: StreamSettings,
        *,
        stage: SourceStage | None,
        make_shard: Callable[[int], Owner],
        make_notifier: Callable[[], Owner],
        clock: Clock,
        on_event: Callable[[str, dict[str, Any]], None],
        hooks: Hooks | None = None,
    ) -> None:
        raise NotImplementedError

    def run(self, services: Sequence[Any] = ()) -> int:
        """Serve until a signal or a crash and return the exit code.

        `services` are mode.Services, started before recovery and stopped after it.
        """
        raise NotImplementedError

    def status(self) -> StreamsStatus:
        """Return what /-/ready and the page show."""
        raise NotImplementedError

    @property
    def shards(self) -> Mapping[int, Owner]:
        """The live owners in this process."""
        raise NotImplementedError

    @property
    def notifier(self) -> Owner | None:
        """The live notifier, if this process owns it (perhaps still catching up)."""
        raise NotImplementedError

    @property
    def notifier_epoch(self) -> int | None:
        """The epoch of the live notifier, None when it is not here or not caught up."""
        raise NotImplementedError

    def notifier_url(self) -> str | None:
        """Return where the owner of `alerts` listens, as `control` tells it; None: unknown."""
        raise NotImplementedError

    async def still_notifier(self, epoch: int) -> bool:
        """Ask the broker whether we still are the notifier of that epoch (before each send)."""
        raise NotImplementedError

    async def append(self, outputs: Sequence[Output], timeout_ms: int = 10_000) -> list[int]:
        """Append durably, as anybody; return the offsets. Raises StreamError."""
        raise NotImplementedError

    async def append_as_notifier(self, outputs: Sequence[Output]) -> list[int]:
        """Append under the notifier's epoch. Raises FencedError if it is not ours any more."""
        raise NotImplementedError

    def applied_offset(self, role: str = "alerts") -> int:
        """Return the first offset of `alerts` not yet applied here, -1 if it is not ours."""
        raise NotImplementedError

    async def wait_applied(self, offset: int, timeout_ms: int = 5_000) -> bool:
        """Wait until the notifier here has applied the record at `offset` of `alerts`."""
        raise NotImplementedError

    async def publish(self, key: str, payload: bytes | None) -> int:
        """Append to `control` under a key (None removes it); return the offset."""
        raise NotImplementedError

    def fence_store(self) -> "Any":
        """Return the embedded fence store (async claim, confirm); on Kafka use Redis."""
        raise NotImplementedError
