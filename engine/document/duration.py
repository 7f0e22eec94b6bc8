"""Durations as Prometheus writes them: 500ms, 15s, 1h30m."""

import re

_UNITS_MS = {
    "y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000,
    "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1,
}  # fmt: skip
_PATTERN = re.compile(
    "".join(rf"(?:(?P<{unit}>[0-9]{{1,15}}){unit})?" for unit in _UNITS_MS), re.ASCII
)
DURATION_PATTERN = "^(?=.)" + "".join(f"([0-9]+{unit})?" for unit in _UNITS_MS) + "$|^0$"
"""The same for a JSON Schema."""
_LONGEST_MS = 100 * _UNITS_MS["y"]


def parse_duration(text: str) -> int | None:
    """Return milliseconds, or None where the text is no duration of at most 100 years.

    Units go from long to short, each at most once, without spaces; "0" needs no unit.
    Source: Prometheus, model.ParseDuration.
    """
    if text == "0":
        return 0
    found = _PATTERN.fullmatch(text)
    if not text or found is None:
        return None
    total = sum(int(found[unit]) * ms for unit, ms in _UNITS_MS.items() if found[unit])
    return total if total <= _LONGEST_MS else None


def format_duration(duration_ms: int) -> str:
    """Return the shortest text that `parse_duration` reads back as the same number."""
    assert duration_ms >= 0, f"duration {duration_ms} ms is negative"
    if duration_ms == 0:
        return "0s"
    parts = []
    left = duration_ms
    for unit, unit_ms in _UNITS_MS.items():
        # Years and weeks only where they fit exactly: "1y2d" is harder to read than "367d".
        if unit in ("y", "w") and left % unit_ms:
            continue
        count, left = divmod(left, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
