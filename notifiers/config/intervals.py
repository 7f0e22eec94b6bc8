"""Read `time_intervals` and the older `mute_time_intervals` of a configuration file."""

from collections.abc import Callable, Mapping

from engine.document import MapNode, Node, Reader
from notifiers.config.matchers import is_null, scalar_text
from notifiers.time_intervals import (
    Range,
    TimeInterval,
    parse_days_of_month,
    parse_location,
    parse_months,
    parse_time_range,
    parse_weekdays,
    parse_years,
)

INTERVAL_CODES: Mapping[str, str] = {
    "interval-name": "A time interval without a name, or with one that is taken.",
    "interval": "A part of a time interval that cannot be read.",
}
INTERVALS_MAX = 1_000
"""How many names, and how many intervals or ranges in a list."""

_PARTS: Mapping[str, Callable[[str], Range]] = {
    "weekdays": parse_weekdays,
    "days_of_month": parse_days_of_month,
    "months": parse_months,
    "years": parse_years,
}


class IntervalReader:
    """Reads named time intervals; every mistake becomes a finding."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.named: dict[str, tuple[TimeInterval, ...]] = {}
        self._has_null = False
        self.names: set[str] = set()  # those with mistakes too: a route that names one is right

    def read(self, node: Node | None, where: str) -> None:
        """Read one of the two lists; names are unique over both."""
        for each in self._list(node, where):
            if is_null(each) and not self._has_null:
                self._has_null = True  # one without name and times: Alertmanager takes it, once
                continue
            entry = self.reader.mapping(each, "a time interval")
            if entry is not None:
                self._named(entry, where)

    def _list(self, node: Node | None, where: str) -> tuple[Node, ...]:
        if node is None or is_null(node):
            return ()
        nodes = self.reader.sequence(node, where)
        if nodes is not None and len(nodes.elements) > INTERVALS_MAX:
            self.reader.add(node, "value-range", f"{where} is longer than {INTERVALS_MAX:,}",
                            "shorten the list")  # fmt: skip
            return ()
        return () if nodes is None else nodes.elements

    def _named(self, entry: MapNode, where: str) -> None:
        self.reader.keys(entry, "a time interval", ("name", "time_intervals"))
        node = entry.get("name")
        name = "" if node is None else scalar_text(self.reader, node, "name")
        if name == "":
            self.reader.add(node or entry, "interval-name", f"{where} has one without a name",
                            "write `name: offhours`")  # fmt: skip
        elif name in self.names:
            self.reader.add(node or entry, "interval-name", f"there is another interval {name!r}",
                            "rename one; both lists share their names")  # fmt: skip
        intervals = tuple(
            self._interval(each)
            for each in self._list(entry.get("time_intervals"), "time_intervals")
        )
        if name:
            self.names.add(name)
            self.named.setdefault(name, intervals)

    def _interval(self, node: Node) -> TimeInterval:
        entry = None if is_null(node) else self.reader.mapping(node, "an interval")
        if entry is None:
            return TimeInterval()
        self.reader.keys(entry, "an interval", ("times", *_PARTS, "location"))
        parts = {
            name: self._ranges(entry, name, lambda one, p=parse, n=name: self._range(one, n, p))  # type: ignore[misc]
            for name, parse in _PARTS.items()
        }
        times = self._ranges(entry, "times", self._time)
        return TimeInterval(times, location=self._location(entry.get("location")), **parts)

    def _ranges(
        self, entry: MapNode, name: str, one: Callable[[Node], Range | None]
    ) -> tuple[Range, ...] | None:
        node = entry.get(name)
        if node is None or is_null(node):
            return None
        found = [one(each) for each in self._list(node, name)]
        return tuple(each for each in found if each is not None)

    def _range(self, node: Node, where: str, parse: Callable[[str], Range]) -> Range | None:
        if is_null(node):
            return (0, 0)  # as Go leaves it
        text = scalar_text(self.reader, node, where)
        return None if text is None else self._parsed(node, where, lambda: parse(text))

    def _parsed(self, node: Node, where: str, parse: Callable[[], Range]) -> Range | None:
        try:
            return parse()
        except ValueError as error:
            self._mistake(node, where, error)
            return None

    def _mistake(self, node: Node, where: str, error: ValueError) -> None:
        self.reader.add(node, "interval", f"{where}: {error}",
                        "correct it; notifiers/README.md shows all parts")  # fmt: skip

    def _time(self, node: Node) -> Range | None:
        if is_null(node):
            return (0, 0)
        entry = self.reader.mapping(node, "times")
        if entry is None:
            return None
        self.reader.keys(entry, "a range of times", ("start_time", "end_time"))
        both = [
            "" if one is None else scalar_text(self.reader, one, "a time")
            for one in (entry.get("start_time"), entry.get("end_time"))
        ]
        start, end = both
        if start is None or end is None:
            return None
        return self._parsed(entry, "times", lambda: parse_time_range(start, end))

    def _location(self, node: Node | None) -> str:
        text = "" if node is None else scalar_text(self.reader, node, "location")
        if not text or node is None:
            return "UTC"
        try:
            return parse_location(text)
        except ValueError as error:
            self._mistake(node, "location", error)
            return "UTC"
