"""A fence in memory with a clock of its own, for tests of those that use one."""

from collections.abc import Callable, Mapping, Sequence

from notifiers import Claim, Told
from notifiers.store import FENCE_KEEP_MS


class MemoryFence:
    """The protocol in its plainest form; `down` makes it unavailable."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.down = False
        self.kept: dict[str, tuple[int, Claim]] = {}

    def _get(self, key: str) -> Claim | None:
        until_ms, claim = self.kept.get(key, (0, Claim("free")))
        left_ms = until_ms - self.clock()
        if left_ms <= 0:
            return None
        kept = max(left_ms - FENCE_KEEP_MS, 0) if claim.state == "claimed" else 0
        return Claim(claim.state, claim.owner, claim.told, claim.far_id, kept)

    async def claim(self, key: str, owner: str, px_ms: int, told: Told) -> Claim:
        if self.down:
            return Claim("unavailable")
        found = self._get(key)
        foreign = found is not None and found.owner != owner
        if found is not None and (found.state == "sent" or (foreign and found.remaining_ms)):
            return found
        self.kept[key] = (self.clock() + px_ms + FENCE_KEEP_MS, Claim("claimed", owner, told))
        return Claim("won", owner, told, lapsed=foreign)

    async def confirm(
        self, key: str, owner: str, told: Told, far_id: Mapping[str, str], keep_ms: int
    ) -> bool:
        if not self.down:
            self.kept[key] = (self.clock() + keep_ms, Claim("sent", owner, told, dict(far_id)))
        return not self.down

    async def release(self, key: str, owner: str) -> None:
        found = self._get(key)
        if not self.down and found and found.state == "claimed" and found.owner == owner:
            del self.kept[key]

    async def peek(self, keys: Sequence[str]) -> list[Claim]:
        return [
            Claim("unavailable") if self.down else self._get(key) or Claim("free") for key in keys
        ]

    async def close(self) -> None:
        pass
