"""Durations: Prometheus's notation, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("0", 0), ("0s", 0), ("500ms", 500), ("15s", 15_000), ("1m", 60_000), ("1h30m", 5_400_000),
        ("1d", 86_400_000), ("1w", 604_800_000), ("1y", 31_536_000_000), ("1m500ms", 60_500),
        ("90m", 5_400_000), ("1d12h", 129_600_000),
    ],
)  # fmt: skip
def test_reads_what_prometheus_reads(text: str, duration_ms: int) -> None:
    assert parse_duration(text) == duration_ms


@pytest.mark.parametrize(
    "text",
    ["", "15", "s", "1.5s", "-1s", "+1s", "1m1h", "1s 1ms", " 1s", "1s1s", "1M", "1μs", "٣s",
     "101y", "9" * 15 + "y"],
)  # fmt: skip
def test_refuses_everything_else(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 50 * 31_536_000_000))
def test_what_is_written_is_read_back(duration_ms: int) -> None:
    assert parse_duration(format_duration(duration_ms)) == duration_ms


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0s"), (1, "1ms"), (60_000, "1m"), (90_000, "1m30s"), (604_800_000, "1w"),
     (691_200_000, "8d")],
)  # fmt: skip
def test_writes_the_short_form(duration_ms: int, text: str) -> None:
    assert format_duration(duration_ms) == text


@given(st.text(max_size=20))
def test_no_text_raises(text: str) -> None:
    found = parse_duration(text)
    assert found is None or found >= 0
