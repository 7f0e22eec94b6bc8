"""Fault points: counted, known by name, nothing without the variable."""

import pytest

from engine import faults


def test_the_wanted_passage_ends_the_process() -> None:
    ended: list[str] = []
    point = faults.arm(
        faults.parse("claim.after:3, outbox.after_send"), lambda: ended.append("end")
    )
    for expected in (0, 0, 1, 1):
        point("claim.after")
        assert len(ended) == expected
    point("outbox.after_send")
    assert len(ended) == 2


def test_an_unknown_point_is_refused() -> None:
    with pytest.raises(ValueError, match="TOCSIN_FAULT names 'nowhere'"):
        faults.parse("nowhere:1")
    with pytest.raises(AssertionError, match="unknown fault point"):
        faults.arm({})("nowhere")


def test_without_the_variable_a_point_does_nothing() -> None:
    faults.point("claim.after")
    faults.point("no such point: not even looked up")
