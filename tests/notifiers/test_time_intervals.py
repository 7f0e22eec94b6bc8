"""Time intervals: what is valid, what they contain, and what they do to groups.

Published: Alertmanager's docs/configuration.md, `<time_interval_spec>`.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers import time_intervals as ti
from notifiers.time_intervals import TimeInterval
from tests.notifiers.world import T0, World, config, posted

S = 1_000
MOMENTS = st.integers(946_684_800, 2_145_830_400)  # 2000 to 2037, seconds


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("parse", "text", "wanted"),
    [
        (ti.parse_weekdays, "monday:friday", (1, 5)), (ti.parse_weekdays, "Sunday", (0, 0)),
        (ti.parse_weekdays, "SATURDAY", (6, 6)), (ti.parse_months, "1:3", (1, 3)),
        (ti.parse_months, "may:August", (5, 8)), (ti.parse_months, "december", (12, 12)),
        (ti.parse_days_of_month, "-7:-1", (-7, -1)), (ti.parse_days_of_month, "1:-1", (1, -1)),
        (ti.parse_days_of_month, "31", (31, 31)), (ti.parse_years, "2020:2022", (2020, 2022)),
    ],
)  # fmt: skip
def test_ranges(parse: object, text: str, wanted: tuple[int, int]) -> None:
    assert parse(text) == wanted  # type: ignore[operator]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (ti.parse_weekdays, "friday:monday"), (ti.parse_weekdays, "mon"),
        (ti.parse_weekdays, "1"), (ti.parse_weekdays, "monday:tuesday:friday"),
        (ti.parse_weekdays, ""), (ti.parse_months, "march:january"), (ti.parse_months, "mai"),
        (ti.parse_days_of_month, "0"), (ti.parse_days_of_month, "32"),
        (ti.parse_days_of_month, "-32"), (ti.parse_days_of_month, "-1:5"),
        (ti.parse_days_of_month, "29:-1"), (ti.parse_days_of_month, "5:1"),
        (ti.parse_days_of_month, "1_0"), (ti.parse_days_of_month, " 1"),
        (ti.parse_years, "2022:2020"), (ti.parse_years, "now"), (ti.parse_years, "20٣0"),
        (ti.parse_location, "Australia"), (ti.parse_location, "No/Where"),
        (ti.parse_location, "../etc/passwd"), (ti.parse_location, "x" * 5000),
        (ti.parse_location, "a\0b"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused_with_a_reason(parse: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse(text)  # type: ignore[operator]


def test_times_of_day() -> None:
    assert ti.parse_time_range("00:00", "24:00") == (0, 1440)
    assert ti.parse_time_range("09:30", "17:05") == (570, 1025)
    for start, end in (("", "1"), ("9:00", "10:00"), ("10:00", "10:00"), ("11:00", "10:00"),
                       ("24:00", "24:00"), ("00:00", "24:01"), ("00:60", "02:00"),
                       ("00:00", "10:00\n")):  # fmt: skip
        with pytest.raises(ValueError, match=r"\S"):
            ti.parse_time_range(start, end)


def test_a_day_of_the_place_is_not_a_day_of_utc() -> None:
    interval = TimeInterval(days_of_month=((-1, -1),), location="America/New_York")
    assert interval.contains(ms("2021-04-01T03:59:00+00:00"))
    assert not interval.contains(ms("2021-04-01T04:00:00+00:00"))
    # March has 31 days, although an hour of it is missing.
    assert interval.contains(ms("2021-03-31T12:00:00-04:00"))
    assert not interval.contains(ms("2021-03-30T12:00:00-04:00"))


def test_an_empty_part_contains_nothing_and_a_missing_one_everything() -> None:
    assert TimeInterval().contains(0)
    assert not TimeInterval(times=()).contains(0)


def test_days_beyond_a_months_end() -> None:
    assert not TimeInterval(days_of_month=((30, 31),)).contains(ms("2021-02-28T12:00:00+00:00"))
    assert TimeInterval(days_of_month=((25, 31),)).contains(ms("2021-02-28T12:00:00+00:00"))
    assert TimeInterval(days_of_month=((-31, 1),)).contains(ms("2021-02-01T12:00:00+00:00"))


@given(MOMENTS, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]))
def test_a_moment_is_in_its_own_minute_day_and_year_and_in_no_other(
    moment_s: int, location: str
) -> None:
    at_ms = moment_s * 1000
    here = datetime.fromtimestamp(moment_s, UTC).astimezone(ZoneInfo(location))
    minute, day = here.hour * 60 + here.minute, int(here.strftime("%w"))
    own = TimeInterval(
        times=((minute, minute + 1),), weekdays=((day, day),),
        days_of_month=((here.day, here.day),), months=((here.month, here.month),),
        years=((here.year, here.year),), location=location,
    )  # fmt: skip
    assert own.contains(at_ms)
    later = ((here.year + 1, here.year + 9),)
    assert not TimeInterval(years=later, location=location).contains(at_ms)
    assert not TimeInterval(times=((0, minute), (minute + 1, 1440)), location=location).contains(
        at_ms
    )


ROUTED = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 10s
  group_interval: 60s
  repeat_interval: 1h
  routes:
  - {{receiver: team, matchers: [a="b"], {kind}: [odd]}}
time_intervals:
- name: odd
  time_intervals:
  - times: [{{start_time: '{start}', end_time: '{end}'}}]
receivers:
- name: team
  webhook_configs: [{{url: 'http://team'}}]
"""
DAY = T0 // 86_400_000 * 86_400_000
NOON = DAY + 12 * 3_600_000


def muted_world(kind: str, start: str, end: str) -> World:
    world = World(config(ROUTED.format(kind=kind, start=start, end=end)), now_ms=NOON)
    labels = {"alertname": "X", "a": "b"}
    world.append(posted(labels, NOON, NOON, NOON + 7200 * S))
    return world


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [("mute_time_intervals", "11:00", "12:10"), ("active_time_intervals", "12:10", "13:00")],
)
def test_a_muted_group_is_told_when_the_time_is_over(kind: str, start: str, end: str) -> None:
    world = muted_world(kind, start, end)
    (group,) = world.notifier.groups(NOON)
    assert group.muted
    assert [(v.state, v.muted_by) for v in group.alerts] == [("suppressed", ("odd",))]
    # The list of alerts knows no groups, so nothing in it is muted (Alertmanager).
    assert [v.state for v in world.notifier.alerts(NOON)] == ["active"]
    assert world.run(NOON + 600 * S - 1) == []
    told = world.run(NOON + 700 * S)
    assert [t.names for t in told] == [["X:firing"]]
    assert told[0].at_ms == NOON + 610 * S
    (group,) = world.notifier.groups(world.now_ms)
    assert not group.muted
    assert [v.state for v in group.alerts] == ["active"]


def test_an_alert_that_ends_while_it_is_muted_is_told_to_nobody() -> None:
    world = muted_world("mute_time_intervals", "11:00", "12:10")
    world.run(NOON + 60 * S)
    world.append(posted({"alertname": "X", "a": "b"}, world.now_ms, NOON, NOON + 50 * S))
    assert world.run(NOON + 3600 * S) == []
    assert world.notifier.groups(world.now_ms) == []


def test_the_end_of_what_was_told_is_not_heard_within_mute_times() -> None:
    """Alertmanager's pipeline ends there too: the alert leaves the group, its end untold."""
    world = muted_world("mute_time_intervals", "12:05", "13:00")
    assert len(world.run(NOON + 20 * S)) == 1
    world.run(NOON + 400 * S)
    world.append(posted({"alertname": "X", "a": "b"}, world.now_ms, NOON, world.now_ms))
    assert world.run(NOON + 3600 * S) == []
