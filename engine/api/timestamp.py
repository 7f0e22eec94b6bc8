"""Times on the wire: RFC 3339 with milliseconds, in UTC; 0 is Go's zero time."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

ZERO = "0001-01-01T00:00:00.000Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999


def to_text(time_ms: int) -> str:
    """Show a time; 0 and what no calendar has are shown as the zero time or the last one."""
    if time_ms == 0:
        return ZERO
    bounded = min(max(time_ms, _FIRST_MS), _LAST_MS)
    return f"{_second(bounded // 1_000)}.{bounded % 1_000:03d}Z"


@lru_cache(maxsize=4_096)  # a list of alerts names the same seconds again and again
def _second(time_s: int) -> str:
    moment = _EPOCH + timedelta(seconds=time_s)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def parse(text: str) -> int:
    """Read a time; Go's zero time and "" are 0. Raises ValueError."""
    if not text:
        return 0
    if len(text) > 64 or "T" not in text.upper()[:20]:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time such as 2026-03-01T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an RFC 3339 time: {error}") from error
    return 0 if time_ms <= _FIRST_MS else time_ms
