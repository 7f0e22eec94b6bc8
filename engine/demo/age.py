"""How long ago this process was started: the demo's promises count from there."""

import os
import time
from pathlib import Path

_FALLBACK_S = time.monotonic()


def process_age_ms() -> int:
    """Return the age of this process, from the kernel where it tells."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return max(0, int((time.clock_gettime(time.CLOCK_BOOTTIME) - started_s) * 1_000))
    except (AttributeError, OSError, ValueError, IndexError):
        return int((time.monotonic() - _FALLBACK_S) * 1_000)
