"""How fast a destination may be written to: token buckets, and the pauses that it asks for.

    wait_ms = pacing.take(channel.destination, now_ms, pace_of(channel))
    # 0: go ahead, a token was taken.   > 0: ask again after that long; nothing was taken.
    pacing.hold(channel.destination, retry.after_ms, now_ms)      # the far side said Retry-After

No clock and no sleep in here: who calls it waits, so that a slow destination delays no other.
"""

import math
from dataclasses import dataclass

from engine import metrics

_HELD = metrics.counter(
    "tocsin_pacing_held_total", "Pauses that a destination asked for (429, Retry-After).", []
)

HOLD_MS_DEFAULT = 1_000
"""The pause after a 429 that says no Retry-After."""

HOLD_MS_MAX = 600_000
"""A Retry-After beyond this is not believed: an alert must not wait for a day."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate that a destination accepts for long, and how many it takes at once."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        assert self.per_second > 0, f"per_second={self.per_second}"
        assert self.burst >= 1, f"burst={self.burst}"


PACE_DEFAULT = Pace(per_second=50.0, burst=50)
"""For destinations that publish no limit: enough for people, too little to hurt a server."""


def pace_of(channel: object) -> Pace:
    """Return the pace a channel declares as its attribute `pace`, else PACE_DEFAULT."""
    pace = getattr(channel, "pace", PACE_DEFAULT)
    assert isinstance(pace, Pace), f"{type(channel).__name__}.pace is {pace!r}, not a Pace"
    return pace


class Bucket:
    """One destination's tokens. Time may stand still or go back: then no token grows."""

    __slots__ = ("_held_until_ms", "_pace", "_tokens", "_touched_ms")

    def __init__(self, pace: Pace, now_ms: int) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._touched_ms = now_ms
        self._held_until_ms = now_ms

    def take(self, now_ms: int) -> int:
        """Take a token and return 0, or take nothing and return the milliseconds to wait."""
        self._grow(now_ms)
        if now_ms < self._held_until_ms:
            return self._held_until_ms - now_ms
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0
        return max(1, math.ceil((1.0 - self._tokens) / self._pace.per_second * 1_000))

    def hold(self, after_ms: int, now_ms: int) -> None:
        """Give nothing before `after_ms` from now, and one at a time after that."""
        self._held_until_ms = max(self._held_until_ms, now_ms + after_ms)
        # The far side counts what it refused too: a full bucket would run into it again.
        self._tokens = min(self._tokens, 1.0)

    def held_ms(self, now_ms: int) -> int:
        """Return for how long nothing is given because the far side asked for it."""
        return max(self._held_until_ms - now_ms, 0)

    def idle(self, now_ms: int) -> bool:
        """Say whether a fresh bucket would behave the same."""
        self._grow(now_ms)
        return now_ms >= self._held_until_ms and self._tokens >= self._pace.burst

    def _grow(self, now_ms: int) -> None:
        passed_ms = now_ms - self._touched_ms
        if passed_ms > 0:
            grown = self._tokens + passed_ms / 1_000 * self._pace.per_second
            self._tokens = min(float(self._pace.burst), grown)
        self._touched_ms = now_ms


class Pacing:
    """The buckets of all destinations, by name."""

    def __init__(self, destinations_max: int = 10_000) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._destinations_max = destinations_max

    def take(self, destination: str, now_ms: int, pace: Pace = PACE_DEFAULT) -> int:
        """Take a token of a destination and return 0, or return the milliseconds to wait."""
        return self._bucket(destination, now_ms, pace).take(now_ms)

    def hold(
        self, destination: str, after_ms: int | None, now_ms: int, pace: Pace = PACE_DEFAULT
    ) -> int:
        """Pause a destination as its Retry-After asks; return the pause that is kept."""
        kept_ms = min(HOLD_MS_DEFAULT if after_ms is None else max(0, after_ms), HOLD_MS_MAX)
        self._bucket(destination, now_ms, pace).hold(kept_ms, now_ms)
        _HELD.inc()
        return kept_ms

    def held_ms(self, destination: str, now_ms: int) -> int:
        """Return for how long a destination has asked to be left alone from now."""
        bucket = self._buckets.get(destination)
        return bucket.held_ms(now_ms) if bucket is not None else 0

    def __len__(self) -> int:
        return len(self._buckets)

    def _bucket(self, destination: str, now_ms: int, pace: Pace) -> Bucket:
        bucket = self._buckets.get(destination)
        if bucket is None:
            if len(self._buckets) >= self._destinations_max:
                self._forget_idle(now_ms)
            bucket = self._buckets[destination] = Bucket(pace, now_ms)
        return bucket

    def _forget_idle(self, now_ms: int) -> None:
        """Make room: idle buckets hold no memory; if all are busy, the oldest one goes."""
        for name in [name for name, bucket in self._buckets.items() if bucket.idle(now_ms)]:
            del self._buckets[name]
        while len(self._buckets) >= self._destinations_max:
            del self._buckets[next(iter(self._buckets))]
