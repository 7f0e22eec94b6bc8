"""Texts to times by a layout of Go: 2006-01-02 15:04:05."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from engine.template.go.errors import Failure
from engine.template.go.moments import DAYS, LAYOUT, MONTHS, Time

_SHORT_MONTHS = tuple(month[:3] for month in MONTHS)
_SHORT_DAYS = tuple(day[:3] for day in DAYS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE_NAME = re.compile(r"[A-Z]{3,5}")
_FRACTION = re.compile(r"[.,][0-9]+")
_RANGES = {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
_NUMBERS = {
    "2006": ("year", r"[0-9]{4}"), "06": ("short_year", r"[0-9]{2}"),
    "01": ("month", r"[0-9]{2}"), "1": ("month", r"[0-9]{1,2}"),
    "02": ("day", r"[0-9]{2}"), "2": ("day", r" ?[0-9]{1,2}"), "_2": ("day", r" ?[0-9]{1,2}"),
    "002": ("day_of_year", r"[0-9]{3}"), "__2": ("day_of_year", r" {0,2}[0-9]{1,3}"),
    "15": ("hour", r"[0-9]{2}"), "03": ("hour12", r"[0-9]{2}"), "3": ("hour12", r"[0-9]{1,2}"),
    "04": ("minute", r"[0-9]{2}"), "4": ("minute", r"[0-9]{1,2}"),
    "05": ("second", r"[0-9]{2}"), "5": ("second", r"[0-9]{1,2}"),
}  # fmt: skip
_OFFSETS = {
    "-07:00:00": r"[+-][0-9]{2}:[0-9]{2}:[0-9]{2}", "-070000": r"[+-][0-9]{6}",
    "-07:00": r"[+-][0-9]{2}:[0-9]{2}", "-0700": r"[+-][0-9]{4}", "-07": r"[+-][0-9]{2}",
}  # fmt: skip


def parse_time(layout: str, text: str) -> Time:
    """Return the time that a text says; UTC where it names no zone. Raises Failure."""
    return _Reading(layout, text).run()


class _Reading:
    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.at = 0
        self.found: dict[str, int] = {}
        self.nanoseconds = 0
        self.zone: tzinfo = UTC
        self.afternoon: bool | None = None

    def run(self) -> Time:
        done = 0
        for match in LAYOUT.finditer(self.layout):
            self.literal(self.layout[done : match.start()])
            self.part(match.group())
            done = match.end()
        self.literal(self.layout[done:])
        if self.at < len(self.text):
            raise self.failure(f"extra text: {self.text[self.at :][:40]!r}")
        return self.time()

    def failure(self, why: str) -> Failure:
        return Failure(f"parsing time {self.text[:60]!r} as {self.layout[:60]!r}: {why}")

    def literal(self, expected: str) -> None:
        """Skip what stands as it is; a space stands for any number of them."""
        for each in expected:
            if each == " ":
                while self.text[self.at : self.at + 1] == " ":
                    self.at += 1
            elif self.text[self.at : self.at + 1] == each:
                self.at += 1
            else:
                raise self.failure(f"cannot parse {self.text[self.at :][:40]!r} as {expected!r}")

    def part(self, part: str) -> None:
        if part in _NUMBERS:
            name, pattern = _NUMBERS[part]
            self.found[name] = int(self.take(pattern, part))
            self.check(name)
            if name == "second" and (rest := _FRACTION.match(self.text, self.at)):
                self.fraction(rest.group(), rest.end())
        elif part in ("January", "Jan", "Monday", "Mon"):
            self.name(part)
        elif part[0] in ".,":
            if part[1] == "0":
                self.take_fraction(part)
        elif part in ("PM", "pm"):
            self.afternoon = self.take("[AP]M" if part == "PM" else "[ap]m", part).lower() == "pm"
        elif part == "MST":
            self.zone_name()
        else:
            self.offset(part)

    def take(self, pattern: str, part: str) -> str:
        match = re.compile(pattern).match(self.text, self.at)
        if match is None:
            raise self.failure(f"cannot parse {self.text[self.at :][:40]!r} as {part!r}")
        self.at = match.end()
        return match.group()

    def check(self, name: str) -> None:
        low, high = _RANGES.get(name, (0, 9_999))
        if name == "hour12":
            high = 12
        if not low <= self.found[name] <= high:
            raise self.failure(f"{name} out of range")

    def take_fraction(self, part: str) -> None:
        # Where the seconds took it already there is nothing left.
        match = _FRACTION.match(self.text, self.at)
        if match is None or len(match.group()) != len(part):
            if self.nanoseconds or self.text[self.at - 1 : self.at].isdigit():
                return
            raise self.failure(f"cannot parse {self.text[self.at :][:40]!r} as {part!r}")
        self.fraction(match.group(), match.end())

    def fraction(self, text: str, end: int) -> None:
        self.nanoseconds = int(text[1:10].ljust(9, "0"))
        self.at = end

    def name(self, part: str) -> None:
        names = {"January": MONTHS, "Jan": _SHORT_MONTHS, "Monday": DAYS, "Mon": _SHORT_DAYS}[part]
        for number, name in enumerate(names, 1):
            if self.text[self.at : self.at + len(name)].lower() == name.lower():
                self.at += len(name)
                if part in ("January", "Jan"):
                    self.found["month"] = number
                return
        raise self.failure(f"cannot parse {self.text[self.at :][:40]!r} as {part!r}")

    def zone_name(self) -> None:
        """Read an abbreviation: of a zone that is not UTC only the name is known."""
        name = self.take(_ZONE_NAME.pattern, "MST")
        if name != "UTC":
            self.zone = timezone(timedelta(), name)

    def offset(self, part: str) -> None:
        if part[0] == "Z":
            if self.text[self.at : self.at + 1] == "Z":
                self.at += 1
                return
            part = f"-{part[1:]}"
        digits = self.take(_OFFSETS[part], part)
        sign = -1 if digits[0] == "-" else 1
        plain = digits[1:].replace(":", "").ljust(6, "0")
        hours, minutes, seconds = int(plain[:2]), int(plain[2:4]), int(plain[4:])
        if hours > 23 or minutes > 59 or seconds > 59:
            raise self.failure("time zone offset out of range")
        shift = sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)
        self.zone = timezone(shift, "") if shift else UTC

    def time(self) -> Time:
        found = self.found
        short = found.get("short_year")
        year = found.get("year", 0 if short is None else short + (1900 if short >= 69 else 2000))
        hour = found.get("hour", found.get("hour12", 0))
        if self.afternoon is not None:
            hour = hour % 12 + (12 if self.afternoon else 0)
        try:
            # Python knows no year 0; it is a leap year, as 400 is.
            day = datetime(year or 400, found.get("month", 1), found.get("day", 1), tzinfo=UTC)
        except ValueError:
            raise self.failure("day out of range") from None
        if "day_of_year" in found:
            day = datetime(year or 400, 1, 1, tzinfo=UTC) + timedelta(found["day_of_year"] - 1)
        seconds = (day - _EPOCH) // timedelta(seconds=1) + hour * 3600
        if not year:
            seconds -= 146_097 * 86_400
        seconds += found.get("minute", 0) * 60 + found.get("second", 0)
        shift = self.zone.utcoffset(None) or timedelta()
        seconds -= int(shift.total_seconds())
        return Time(seconds * 1_000_000_000 + self.nanoseconds, self.zone)
