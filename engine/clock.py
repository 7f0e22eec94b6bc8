"""Tell the time at the edge; everything inside takes `now_ms` as an argument."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since the epoch."""


def system_clock() -> int:
    """Return the wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
