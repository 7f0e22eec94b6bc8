"""time.Time and time.Duration of templates, with their methods."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar

from engine.template.go.errors import Failure
from engine.template.go.values import Function, GoObject, Int64, Value

ZERO_NS = -62_135_596_800_000_000_000
"""Go's zero time, the first of January of year 1: what has no time."""

_SECOND, _DAY = 1_000_000_000, 86_400
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LAYOUT = re.compile(
    r"January|Jan(?![a-z])|Jan|Monday|Mon|MST|2006|__2|002|_2|01|02|03|04|05|06|15|PM|pm"
    r"|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)


class Duration(int, GoObject):
    """A length of time: an integer of nanoseconds."""

    go_type = "time.Duration"
    go_kind = "int"

    def __new__(cls, nanoseconds: int) -> "Duration":
        """Return a length; what no int64 holds becomes the nearest that it does."""
        return super().__new__(cls, max(_LEAST, min(_GREATEST, nanoseconds)))

    @property
    def nanoseconds(self) -> int:
        """Return the plain number."""
        return int(self)

    def go_text(self) -> str:
        """Return 1h2m3.5s, as Go writes it."""
        count, sign = abs(self.nanoseconds), "-" if self.nanoseconds < 0 else ""
        if count == 0:
            return "0s"
        for limit, unit, divisor in (
            (1_000, "ns", 1), (1_000_000, "µs", 1_000), (_SECOND, "ms", 1_000_000),
        ):  # fmt: skip
            if count < limit:
                return f"{sign}{_decimal(count, divisor)}{unit}"
        minutes, rest = divmod(count, 60 * _SECOND)
        hours, minutes = divmod(minutes, 60)
        text = f"{_decimal(rest, _SECOND)}s"
        if hours or minutes:
            text = f"{minutes}m{text}"
        return f"{sign}{hours}h{text}" if hours else sign + text

    __str__ = go_text


def _decimal(count: int, divisor: int) -> str:
    whole, rest = divmod(count, divisor)
    places = len(str(divisor)) - 1
    return f"{whole}.{rest:0{places}d}".rstrip("0").rstrip(".") if rest else str(whole)


class Time(GoObject):
    """A moment: nanoseconds since 1970, shown in a zone."""

    __slots__ = ("nanoseconds", "zone")
    go_type = "time.Time"

    def __init__(self, nanoseconds: int, zone: tzinfo = UTC) -> None:
        self.nanoseconds = nanoseconds
        self.zone = zone

    def moment(self) -> datetime:
        """Return the wall clock to the second. Raises Failure outside of years 1 to 9999."""
        try:
            at = _EPOCH + timedelta(seconds=self.nanoseconds // _SECOND)
            return at.astimezone(self.zone)
        except (OverflowError, ValueError):
            raise Failure("this time is out of range") from None

    def go_text(self) -> str:
        """Return 2006-01-02 15:04:05.999 +0000 UTC."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def go_syntax(self) -> str:
        """Return time.Date(2006, time.January, 2, 15, 4, 5, 0, time.UTC)."""
        at = self.moment()
        name = getattr(self.zone, "key", None) or at.tzname() or ""
        zone = "time.UTC" if name == "UTC" else f'time.Location("{name}")'
        parts = f"{at.day}, {at.hour}, {at.minute}, {at.second}, {self.nanoseconds % _SECOND}"
        return f"time.Date({at.year}, time.{MONTHS[at.month - 1]}, {parts}, {zone})"

    def go_key(self) -> object:
        """Return the nanoseconds."""
        return self.nanoseconds

    __str__ = go_text

    def format(self, layout: str) -> str:
        """Write the time by a layout of Go: 2006-01-02 15:04:05."""
        moment = self.moment()
        return LAYOUT.sub(lambda match: self._part(match.group(), moment), layout)

    def _part(self, part: str, moment: datetime) -> str:
        if part[0] in ".," and len(part) > 1:
            return self._fraction(part)
        if part[0] in "Z-" and len(part) > 2:
            return _offset(part, moment)
        hour12 = moment.hour % 12 or 12
        day = moment.timetuple().tm_yday
        known = {
            "January": MONTHS[moment.month - 1], "Jan": MONTHS[moment.month - 1][:3],
            "Monday": DAYS[moment.weekday()], "Mon": DAYS[moment.weekday()][:3],
            "MST": _zone_name(moment),
            "2006": f"{moment.year:04d}", "06": f"{moment.year % 100:02d}",
            "01": f"{moment.month:02d}", "1": str(moment.month), "02": f"{moment.day:02d}",
            "_2": f"{moment.day:2d}", "2": str(moment.day), "__2": f"{day:3d}", "002": f"{day:03d}",
            "15": f"{moment.hour:02d}", "03": f"{hour12:02d}", "3": str(hour12),
            "04": f"{moment.minute:02d}", "4": str(moment.minute),
            "05": f"{moment.second:02d}", "5": str(moment.second),
            "PM": "PM" if moment.hour >= 12 else "AM", "pm": "pm" if moment.hour >= 12 else "am",
        }  # fmt: skip
        return known.get(part, part)

    def _fraction(self, part: str) -> str:
        digits = f"{self.nanoseconds % _SECOND:09d}"[: len(part) - 1].ljust(len(part) - 1, "0")
        if part[1] == "9":
            digits = digits.rstrip("0")
            return part[0] + digits if digits else ""
        return part[0] + digits


def _offset(part: str, moment: datetime) -> str:
    shift = moment.utcoffset() or timedelta()
    seconds = int(shift.total_seconds())
    if part[0] == "Z" and not seconds:
        return "Z"
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    digits = [f"{hours:02d}", f"{rest // 60:02d}", f"{rest % 60:02d}"]
    between = ":" if ":" in part else ""
    return sign + between.join(digits[: max(1, sum(map(str.isdigit, part)) // 2)])


def _zone_name(moment: datetime) -> str:
    name = moment.tzname() or ""
    if name and not name.startswith(("UTC+", "UTC-")):
        return name
    return _offset("-0700", moment)


def _add(time: Time, length: Duration) -> Time:
    return Time(time.nanoseconds + length.nanoseconds, time.zone)


def _date_added(time: Time, years: int, months: int, days: int) -> Time:
    """Add as Go does: the 31st of a month of 30 days is the 1st of the next."""
    if max(abs(years), abs(months) // 12, abs(days) // 366) > 8_000:
        raise Failure("this time is out of range")
    moment = time.moment()
    month = moment.month - 1 + months
    year = moment.year + years + month // 12
    try:
        first = datetime(year, month % 12 + 1, 1, tzinfo=moment.tzinfo)
        moved = first + timedelta(days=moment.day - 1 + days)
        seconds = (moved - _EPOCH) // timedelta(seconds=1)
    except (OverflowError, ValueError):
        raise Failure("this time is out of range") from None
    seconds += moment.hour * 3600 + moment.minute * 60 + moment.second
    return Time(seconds * _SECOND + time.nanoseconds % _SECOND, time.zone)


def _truncated(nanoseconds: int, by: int) -> int:
    return nanoseconds - nanoseconds % by if by > 0 else nanoseconds


def _rounded(length: Duration, to: Duration) -> Duration:
    by = to.nanoseconds
    if by <= 0:
        return length
    count, rest = divmod(abs(length.nanoseconds), by)
    nearest = (count + (2 * rest >= by)) * by
    return Duration(nearest if length.nanoseconds >= 0 else -nearest)


def _cut_length(length: Duration, to: Duration) -> Duration:
    cut = _truncated(abs(length.nanoseconds), to.nanoseconds)
    return Duration(cut if length.nanoseconds >= 0 else -cut)


def _of(call: object, *params: str) -> Function:
    assert callable(call)
    return Function(lambda _run, *values: call(*values), params)


def _whole(divisor: int) -> Function:
    def call(length: Duration) -> Value:
        count = abs(length.nanoseconds) // divisor
        return Int64(count if length.nanoseconds >= 0 else -count)

    return _of(call)


_DURATION: Mapping[str, Function] = {
    "Abs": _of(lambda d: Duration(abs(d.nanoseconds))),
    "Hours": _of(lambda d: d.nanoseconds / 3.6e12),
    "Microseconds": _whole(1_000),
    "Milliseconds": _whole(1_000_000),
    "Minutes": _of(lambda d: d.nanoseconds / 6e10),
    "Nanoseconds": _whole(1),
    "Round": _of(_rounded, "time.Duration"),
    "Seconds": _of(lambda d: d.nanoseconds / 1e9),
    "String": _of(Duration.go_text),
    "Truncate": _of(_cut_length, "time.Duration"),
}


def _clock(name: str) -> Function:
    return _of(lambda t: getattr(t.moment(), name))


_TIME: Mapping[str, Function] = {
    "Add": _of(_add, "time.Duration"),
    "AddDate": _of(_date_added, "int", "int", "int"),
    "After": _of(lambda t, u: t.nanoseconds > u.nanoseconds, "time.Time"),
    "Before": _of(lambda t, u: t.nanoseconds < u.nanoseconds, "time.Time"),
    "Compare": _of(lambda t, u: (t.nanoseconds > u.nanoseconds) - (t.nanoseconds < u.nanoseconds),
                   "time.Time"),
    "Day": _clock("day"),
    "Equal": _of(lambda t, u: t.nanoseconds == u.nanoseconds, "time.Time"),
    "Format": _of(Time.format, "string"),
    "Hour": _clock("hour"),
    "IsZero": _of(lambda t: t.nanoseconds // _SECOND == -62_135_596_800),
    "Local": _of(lambda t: Time(t.nanoseconds)),
    "Minute": _clock("minute"),
    "Month": _of(lambda t: Month(t.moment().month)),
    "Nanosecond": _of(lambda t: t.nanoseconds % _SECOND),
    "Second": _clock("second"),
    "String": _of(Time.go_text),
    "Sub": _of(lambda t, u: Duration(t.nanoseconds - u.nanoseconds), "time.Time"),
    "Truncate": _of(lambda t, d: Time(_truncated(t.nanoseconds, d.nanoseconds), t.zone),
                    "time.Duration"),
    "UTC": _of(lambda t: Time(t.nanoseconds)),
    "Unix": _of(lambda t: Int64(t.nanoseconds // _SECOND)),
    "UnixMicro": _of(lambda t: Int64(t.nanoseconds // 1_000)),
    "UnixMilli": _of(lambda t: Int64(t.nanoseconds // 1_000_000)),
    "UnixNano": _of(lambda t: Int64(t.nanoseconds)),
    "Weekday": _of(lambda t: Weekday((t.moment().weekday() + 1) % 7)),
    "Year": _clock("year"),
    "YearDay": _of(lambda t: t.moment().timetuple().tm_yday),
}  # fmt: skip


class Month(int, GoObject):
    """A month from 1; prints as its name."""

    go_type = "time.Month"
    go_kind = "int"
    go_methods: ClassVar[Mapping[str, Function]] = {"String": _of(lambda month: month.go_text())}

    def go_text(self) -> str:
        """Return the name."""
        return MONTHS[int(self) - 1]


class Weekday(int, GoObject):
    """A day of the week, Sunday is 0; prints as its name."""

    go_type = "time.Weekday"
    go_kind = "int"
    go_methods: ClassVar[Mapping[str, Function]] = {"String": _of(lambda day: day.go_text())}

    def go_text(self) -> str:
        """Return the name."""
        return DAYS[int(self) - 1]


class TimePointer(Time):
    """*time.Time, as Prometheus's toTime gives it."""

    __slots__ = ()
    go_type = "*time.Time"


Duration.go_methods = _DURATION
Time.go_methods = _TIME
