"""Times on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import format_time, parse_time


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "0001-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_767_225_600_999, "2026-01-01T00:00:00.999Z"),
        (10**18, "9999-12-31T23:59:59.999Z"),
        (-(10**18), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_shown(time_ms: int, text: str) -> None:
    assert format_time(time_ms) == text


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00.000Z", 0),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T01:00:01+01:00", 1_000),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01t00:00:01z", 1_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-02", 86_400_000),
        ("1970-01-02 00:00:01", 86_401_000),
    ],
)
def test_a_time_is_read(text: str, time_ms: int) -> None:
    assert parse_time(text) == time_ms


@pytest.mark.parametrize(
    "text",
    ["soon", "2026-01", "12345", "2026-13-01T00:00:00Z", "T" * 99, "0001-01-01T00:00:00+14:00x"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_time(text)


@given(st.integers(-62_135_596_799_999, 253_402_300_799_999).filter(bool))
def test_what_is_shown_is_read_back(time_ms: int) -> None:
    assert parse_time(format_time(time_ms)) == time_ms


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_time(text)
    except ValueError:
        return
