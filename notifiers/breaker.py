"""A circuit breaker: a destination that fails again and again is left alone for a while.

    wait_ms = breaker.wait_ms(now_ms)      # 0: go ahead; then begin(), and one verdict follows:
    breaker.begin(now_ms)
    breaker.succeeded() | breaker.failed(now_ms) | breaker.abandoned()

Closed: everything goes. Open: nothing goes until a pause is over. Half-open: one attempt probes;
it closes the breaker, or opens it again for longer. No clock in here.
"""

from typing import Literal

FAILURES_MAX = 5
"""Failures in a row after which a destination is left alone."""

PAUSE_MS_FIRST = 5_000
PAUSE_MS_MAX = 60_000
"""The longest pause: how late a destination that works again may be found to."""

PROBE_MS = 90_000
"""After that long a probe without a verdict counts as lost. Longer than any attempt."""

PROBE_LOOK_MS = 250
"""How often who waits for a probe's verdict should ask again."""

State = Literal["closed", "open", "half-open"]


class Breaker:
    """The breaker of one destination."""

    __slots__ = ("_failures", "_open_until_ms", "_pause_ms", "_probe_since_ms", "_state")

    def __init__(self) -> None:
        self._state: State = "closed"
        self._failures = 0  # in a row
        self._pause_ms = PAUSE_MS_FIRST
        self._open_until_ms = 0
        self._probe_since_ms = 0

    @property
    def state(self) -> State:
        """Whether attempts are let through."""
        return self._state

    @property
    def failures(self) -> int:
        """Failures in a row, up to now."""
        return self._failures

    def wait_ms(self, now_ms: int) -> int:
        """Return how long nothing may be sent, 0 for an attempt now."""
        if self._state == "open":
            return max(self._open_until_ms - now_ms, 0)
        if self._state == "half-open" and now_ms < self._probe_since_ms + PROBE_MS:
            return PROBE_LOOK_MS
        return 0

    def begin(self, now_ms: int) -> None:
        """Note that an attempt begins; after a pause it is the probe."""
        if self._state != "closed":
            self._state, self._probe_since_ms = "half-open", now_ms

    def succeeded(self) -> None:
        """Note that the destination works: it answered, whatever it thinks of what it was sent."""
        self._state, self._failures, self._pause_ms = "closed", 0, PAUSE_MS_FIRST

    def failed(self, now_ms: int) -> bool:
        """Note a failure. True: the breaker has opened by it."""
        self._failures += 1
        if self._state == "half-open":
            self._pause_ms = min(self._pause_ms * 2, PAUSE_MS_MAX)
        elif self._state == "open" or self._failures < FAILURES_MAX:
            return False  # where it is open, an attempt that began before is late with its answer
        self._state, self._open_until_ms = "open", now_ms + self._pause_ms
        return True

    def abandoned(self, now_ms: int) -> None:
        """Note an attempt that says nothing about the destination; the next one probes."""
        if self._state == "half-open":
            self._state, self._open_until_ms = "open", now_ms

    def retry_now(self, now_ms: int) -> None:
        """End the pause: somebody says that the destination works again."""
        if self._state == "open":
            self._open_until_ms = min(self._open_until_ms, now_ms)
