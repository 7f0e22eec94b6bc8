"""Token buckets: no destination gets more than its pace, and a pause holds only its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.pacing import HOLD_MS_MAX, PACE_DEFAULT, Pace, Pacing, pace_of

SLACK = Pace(per_second=1.0, burst=2)


def test_a_burst_then_one_a_second():
    pacing = Pacing()
    assert [pacing.take("a", 0, SLACK) for _ in range(4)] == [0, 0, 1_000, 1_000]
    assert pacing.take("a", 400, SLACK) == 600
    assert [pacing.take("a", 1_000, SLACK), pacing.take("a", 1_000, SLACK)] == [0, 1_000]


def test_waiting_as_told_is_enough():
    pacing, now_ms = Pacing(), 0
    for _ in range(20):
        now_ms += pacing.take("a", now_ms, Pace(per_second=3.0, burst=1))
    assert pacing.take("a", now_ms, Pace(per_second=3.0, burst=1)) <= 334


@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(1, 5))
def test_never_more_than_the_pace_in_any_stretch(steps, burst):
    pacing, now_ms, taken = Pacing(), 0, []
    for step in steps:
        now_ms += step
        if pacing.take("a", now_ms, Pace(2.0, burst)) == 0:
            taken.append(now_ms)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            allowed = burst + (taken[last] - taken[first]) / 1_000 * 2.0
            assert last - first + 1 <= allowed + 1e-6


def test_destinations_do_not_share():
    pacing = Pacing()
    pacing.hold("slow", 60_000, 0, SLACK)
    assert pacing.take("slow", 1_000, SLACK) == 59_000
    assert pacing.take("other", 1_000, SLACK) == 0


def test_after_a_pause_one_at_a_time():
    pacing = Pacing()
    pacing.hold("a", 5_000, 0, Pace(1.0, 10))
    answers = [pacing.take("a", 5_000, Pace(1.0, 10)) for _ in range(8)]
    assert answers.count(0) == 6  # what grew in 5 s and the one that was left, not 10


def test_the_longer_of_two_pauses_holds():
    pacing = Pacing()
    pacing.hold("a", 5_000, 0, SLACK)
    pacing.hold("a", 1_000, 0, SLACK)
    assert pacing.take("a", 0, SLACK) == 5_000


@pytest.mark.parametrize(
    ("asked_ms", "kept_ms"), [(None, 1_000), (0, 0), (-5, 0), (7_000, 7_000), (10**12, HOLD_MS_MAX)]
)
def test_what_is_believed_of_a_retry_after(asked_ms, kept_ms):
    assert Pacing().hold("a", asked_ms, 0, SLACK) == kept_ms


def test_a_clock_that_goes_back_gives_nothing():
    pacing = Pacing()
    assert [pacing.take("a", 10_000, SLACK) for _ in range(2)] == [0, 0]
    assert pacing.take("a", 0, SLACK) > 0
    assert pacing.take("a", 500, SLACK) > 0


def test_destinations_are_bounded_and_busy_ones_stay_longest():
    pacing = Pacing(destinations_max=3)
    pacing.take("idle", 0, SLACK)
    pacing.hold("busy", 500_000, 0, SLACK)
    for index in range(10):
        pacing.take(f"n{index}", 10_000 + index * 10_000, SLACK)
        assert len(pacing) <= 3
    assert pacing.take("busy", 100_000, SLACK) == 400_000


def test_a_channel_may_declare_its_pace():
    class Declared:
        pace = SLACK

    assert pace_of(Declared()) is SLACK
    assert pace_of(object()) is PACE_DEFAULT


def test_how_long_a_destination_has_asked_to_be_left_alone():
    pacing = Pacing()
    assert pacing.held_ms("a", 0) == 0
    pacing.take("a", 0, SLACK)
    assert pacing.held_ms("a", 0) == 0
    pacing.hold("a", 5_000, 1_000, SLACK)
    assert [pacing.held_ms("a", at) for at in (1_000, 4_000, 9_000)] == [5_000, 2_000, 0]
