"""Times on the wire: RFC 3339 with milliseconds, in UTC; 0 is Go's zero time."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

ZERO = "0001-01-01T00:00:00.000Z"
# Alertmanager takes a day for its first moment, and a blank for the T where no zone is said.
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = -62_135_596_800_000
_LAST_MS = 253_402_300_799_999


def to_text(time_ms: int) -> str:
    """Show a time; 0 and what no calendar has are shown as the zero time or the last one."""
    if not 0 < time_ms <= _LAST_MS:
        if time_ms == 0:
            return ZERO
        time_ms = min(max(time_ms, _FIRST_MS), _LAST_MS)
    return f"{_second(time_ms // 1_000)}.{time_ms % 1_000:03d}Z"


@lru_cache(maxsize=4_096)  # a list of alerts names the same seconds again and again
def _second(time_s: int) -> str:
    moment = _EPOCH + timedelta(seconds=time_s)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


@lru_cache(maxsize=4_096)  # alerts of one evaluation have their times in common
def parse(text: str) -> int:
    """Read a time; Go's zero time and "" are 0. Raises ValueError."""
    if not text:
        return 0
    if len(text) > 64 or not ("T" in text.upper()[:20] or _PLAIN.fullmatch(text)):
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time such as 2026-03-01T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an RFC 3339 time: {error}") from error
    return 0 if time_ms <= _FIRST_MS else time_ms
