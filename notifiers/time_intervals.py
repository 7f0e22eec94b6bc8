"""Time intervals: when a route is muted or active, in the time of a place.

The values, what they contain, and the texts that users write for their parts. What is valid is
Alertmanager's: package timeinterval.
"""

import calendar
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

LOCATION_LENGTH_MAX = 255
"""Longer than any name of the time zone database."""

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_SHORTEST_MONTH = 28

Range = tuple[int, int]
"""First and last; of `times` minutes of the day, the last excluded, else both included."""


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Times that satisfy every part. None leaves a part open, an empty one contains nothing."""

    times: tuple[Range, ...] | None = None  # minutes since midnight, the end excluded
    weekdays: tuple[Range, ...] | None = None  # 0 is Sunday
    days_of_month: tuple[Range, ...] | None = None  # from 1; -1 is the month's last
    months: tuple[Range, ...] | None = None  # from 1
    years: tuple[Range, ...] | None = None
    location: str = "UTC"  # of the time zone database; "Local": this machine's

    def contains(self, at_ms: int) -> bool:
        """Say whether a moment (Unix ms) is in it."""
        at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(_zone(self.location))
        minute = at.hour * 60 + at.minute
        return (
            (self.times is None or any(low <= minute < high for low, high in self.times))
            and (self.days_of_month is None or _day_within(self.days_of_month, at))
            and _within(self.months, at.month)
            and _within(self.weekdays, at.isoweekday() % 7)
            and _within(self.years, at.year)
        )


def names_containing(
    names: Iterable[str], intervals: Mapping[str, tuple[TimeInterval, ...]], at_ms: int
) -> tuple[str, ...]:
    """Return those of the named intervals that contain a moment, each once, as ordered."""
    return tuple(
        name
        for name in dict.fromkeys(names)
        if any(one.contains(at_ms) for one in intervals.get(name, ()))
    )


def muting(
    active: Sequence[str],
    mute: Sequence[str],
    intervals: Mapping[str, tuple[TimeInterval, ...]],
    at_ms: int,
) -> tuple[str, ...]:
    """Return the names of the intervals that keep a route quiet.

    Outside of all its active times: these; else those of its mute times that the moment is in.
    Source: Alertmanager, notify.TimeActiveStage and TimeMuteStage, in that order.
    """
    if active and not names_containing(active, intervals, at_ms):
        return tuple(active)
    return names_containing(mute, intervals, at_ms) if mute else ()


def _within(ranges: tuple[Range, ...] | None, value: int) -> bool:
    return ranges is None or any(low <= value <= high for low, high in ranges)


def _day_within(ranges: tuple[Range, ...], at: datetime) -> bool:
    """Say whether the day is in; negative ones count from the month's end."""
    last = calendar.monthrange(at.year, at.month)[1]
    for low, high in ranges:
        first = low + last + 1 if low < 0 else low
        end = high + last + 1 if high < 0 else high
        if first <= at.day <= end:
            return True
    return False


@functools.lru_cache(maxsize=1024)
def _zone(location: str) -> tzinfo | None:
    """Return a time zone; None is what `astimezone` takes for this machine's."""
    if location == "Local":
        return None
    return UTC if location in ("", "UTC") else ZoneInfo(location)


# What users write. All raise ValueError with a message for them.


def parse_location(text: str) -> str:
    """Read a name of the time zone database, `UTC` or `Local`."""
    if len(text) > LOCATION_LENGTH_MAX:
        raise ValueError("a time zone's name is not that long")
    try:
        _zone(text)
    except (OSError, LookupError, ValueError) as error:  # none, a folder, out of the database
        raise ValueError(f"there is no time zone {text!r}") from error
    return text or "UTC"


def parse_time_range(start: str, end: str) -> Range:
    """Read `start_time` and `end_time`: HH:MM, and 24:00."""
    if not start or not end:
        raise ValueError("a time range has both start_time and end_time")
    low, high = _minute(start), _minute(end)
    if low >= high:
        raise ValueError(f"the start {start} is not before the end {end}")
    return low, high


def parse_weekdays(text: str) -> Range:
    """Read `monday` or `monday:friday`; the week begins on Sunday."""
    low, high = _range(text, _weekday)
    if low > high:
        raise ValueError(f"{text!r} ends before it starts: the week begins on Sunday")
    return low, high


def parse_days_of_month(text: str) -> Range:
    """Read `1`, `1:15` or `-7:-1`."""
    low, high = _range(text, _number)
    for day in (low, high):
        if day == 0 or not -31 <= day <= 31:
            raise ValueError(f"{day} is no day of a month: 1 to 31, or -31 to -1")
    if low < 0 < high:
        raise ValueError(f"{text!r} starts from the month's end, so its end must be negative too")
    # The shortest month decides: what is empty there would be empty in some months only.
    first = low + _SHORTEST_MONTH if low < 0 else low
    last = high + _SHORTEST_MONTH if high < 0 else high
    if first > last:
        raise ValueError(f"day {high} can be before day {low}")
    return low, high


def parse_months(text: str) -> Range:
    """Read `january`, `1:3` or `may:august`."""
    low, high = _range(text, _month)
    if low > high:
        raise ValueError(f"{text!r} ends before it starts")
    return low, high


def parse_years(text: str) -> Range:
    """Read `2030` or `2020:2022`."""
    low, high = _range(text, _number)
    if low > high:
        raise ValueError(f"year {high} is before year {low}")
    return low, high


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day: write HH:MM, 00:00 to 24:00")
    return 1440 if found[1] is None else int(found[1]) * 60 + int(found[2])


def _range(text: str, member: Callable[[str], int]) -> Range:
    parts = text.lower().split(":")
    if len(parts) > 2:
        raise ValueError(f"{text!r} is no range: write FIRST:LAST")
    return member(parts[0]), member(parts[-1])


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f"{text!r} is no day of the week")
    return _WEEKDAYS.index(text)


def _month(text: str) -> int:
    if text in _MONTHS:
        return _MONTHS.index(text) + 1
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no month")
    return int(text)


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number")
    return int(text)
