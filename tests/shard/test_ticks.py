"""Ticks: each once, in order, with data and without; a gap of days costs nothing."""

import dataclasses

import pytest

from engine.limits import DEFAULT_LIMITS
from engine.metrics import REGISTRY
from engine.replay import Pipeline
from engine.sources import SourceSpec
from tests.shard.world import ERRORS, LATENESS_MS, T0, count, pipeline, said, sample, second, within

DAY_S = 86_400
FIRES = [sample(5.0, T0)]


def ticks():
    return REGISTRY.get_sample_value("tocsin_ticks_total") or 0


def test_an_alert_is_judged_at_the_ends_of_its_windows():
    pipe = pipeline(ERRORS)
    second(pipe, 1, sample(2.0, T0 + 1_000))
    second(pipe, 6, sample(2.0, T0 + 6_000))
    for number in range(7, 30):
        second(pipe, number)
    assert said(pipe) == [
        ("Errors", "firing", "condition_met", "a", 10.0),
        ("Errors", "resolved", "condition_ended", "a", 15.0),
    ]


@pytest.mark.parametrize(
    "more", ["", "  keep_firing_for: 1m\n", "  no_data: keep\n", "  for: 5s\n"]
)
def test_a_gap_of_a_week_is_stepped_over(more):
    pipe = pipeline(ERRORS + more)
    for number in range(12):
        second(pipe, number, sample(5.0, T0 + number * 1_000))
    before = ticks()
    with within(20):
        second(pipe, 7 * DAY_S)
        later = T0 + 7 * DAY_S * 1_000
        for number in range(12):
            second(pipe, 7 * DAY_S + number, sample(5.0, later + number * 1_000))
    assert ticks() - before < 100
    states = [state for _, state, _, _, _ in said(pipe)]
    if "keep\n" in more:
        assert states == ["firing"]
    else:
        assert states.count("firing") == 2
        assert states.count("resolved") == 1
        ended = next(row[4] for row in said(pipe) if row[1] == "resolved")
        assert ended < 120  # at its own time, not a week later


ARRIVAL = ERRORS + "  evaluate: arrival\n"


def test_an_alert_that_arrival_opened_before_there_was_a_watermark():
    # Its first tick was once taken for 1970's, and three hundred million others followed.
    pipe = pipeline(ARRIVAL)
    second(pipe, 0, *FIRES, mark=False)
    assert [row[1] for row in said(pipe)] == ["firing"]
    with within(20):
        for number in range(1, 30):
            second(pipe, number)
    assert [row[1:] for row in said(pipe)] == [
        ("firing", "condition_met", "a", 0.0),
        ("resolved", "no_data", "a", 10.0),
    ]


def test_a_first_record_of_yesterday_begins_there_and_costs_its_windows():
    pipe = pipeline(ERRORS)
    with within(20):
        second(pipe, 0, sample(5.0, T0 - DAY_S * 1_000 + 5_000), sample(5.0, T0))
        second(pipe, 20)
    assert [(row[1], row[4]) for row in said(pipe)] == [
        ("firing", -DAY_S + 5.0), ("resolved", -DAY_S + 15.0), ("firing", 0.0), ("resolved", 10.0),
    ]  # fmt: skip


def test_late_rows_enter_what_is_still_held_and_are_dropped_and_counted_after():
    late, dropped = REGISTRY.get_sample_value("tocsin_rows_late_kept_total") or 0, count("late")
    pipe = pipeline(ERRORS)
    second(pipe, 0, sample(1.0, T0))
    for number in range(1, 13):
        second(pipe, number)  # tick 10 is judged
    second(pipe, 13, sample(5.0, T0 + 9_000))
    assert REGISTRY.get_sample_value("tocsin_rows_late_kept_total") == late + 1
    assert count("late") == dropped
    second(pipe, 14, sample(5.0, T0 + 4_000))
    assert count("late") == dropped + 1
    for number in range(15, 30):
        second(pipe, number)
    # It counts in the window that is still to come, (5, 15], and in no other.
    assert [(row[1], row[4]) for row in said(pipe)] == [("firing", 15.0), ("resolved", 20.0)]


def test_arrival_does_not_judge_late_rows_nor_windows_without_rows():
    pipe = pipeline(ARRIVAL.replace("total > 3", "n < 3").replace("total: sum()", "n: count()"))
    for number in range(13):
        # Always three and more for a and b in a window.
        at_ms = T0 + number * 1_000
        second(pipe, number, *(sample(1.0, at_ms, service=s) for s in "ab" for _ in range(3)))
    assert said(pipe) == []
    second(
        pipe, 13, sample(1.0, T0 + 1_000, service="c"), *(sample(1.0, T0 + 13_000) for _ in "abc")
    )
    # c's row is too late for the window of a's: that one is empty for c, so `n < 3` says nothing.
    assert said(pipe) == []


def test_rows_far_ahead_do_not_make_panes_without_end():
    limits = dataclasses.replace(DEFAULT_LIMITS, panes_per_leaf_max=10)
    pipe = pipeline(ERRORS, limits=limits)
    second(pipe, 0, sample(1.0, T0))
    before = count("pane_limit")
    second(pipe, 1, sample(1.0, T0 + 45_000), sample(1.0, T0 + 45_001))
    assert count("pane_limit") == before + 1


def test_sources_of_any_partition_count_on_any_shard_count():
    sources = [SourceSpec("metrics", "metrics", LATENESS_MS, 3)]
    for shards in (1, 5):
        pipe: Pipeline = pipeline(ERRORS, sources=sources, shards=shards)
        for number in range(30):
            at_ms = T0 + number * 1_000
            value = 5.0 if number == 6 else 0.0
            for partition, service in enumerate("abc"):
                pipe.feed("metrics", partition, [sample(value, at_ms, service=service)], at_ms)
            second(pipe, number)
        assert sorted((row[3], row[1], row[4]) for row in said(pipe)) == sorted(
            (service, state, at)
            for service in "abc"
            for state, at in (("firing", 10.0), ("resolved", 20.0))
        )


@pytest.mark.parametrize("begins_ms", [0, -7_000, -3_600_000])
def test_time_may_begin_at_zero_and_before(begins_ms):
    grows = ERRORS.replace("alert: Errors", "alert: Grows").replace("sum()", "increase()")
    held = ERRORS.replace("alert: Errors", "alert: Held") + "  keep_firing_for: 5s\n"

    def lived(begins_ms):
        pipe = pipeline(ERRORS, grows, held)
        for number in range(40):
            now_ms = begins_ms + number * 1_000
            value = float(number) if number < 12 else 12.0
            pipe.feed("metrics", 0, [sample(value if number < 20 else 0.0, now_ms)], now_ms)
            pipe.mark(now_ms)
            pipe.run(now_ms)
        return [(r.rule, r.state, r.reason, r.event_ms - begins_ms) for r in pipe.alert_records]

    far = lived(1_700_000_000_000 - 1_700_000_000_000 % 5_000 + begins_ms % 5_000)
    assert lived(begins_ms) == far
    assert {row[0] for row in far} == {"Errors", "Grows", "Held"}
