"""Windows: widths, steps, and what divides what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document import format_duration
from engine.rules import Window, load
from tests.rules.checking import check, good, one, rule


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("{tumbling: 1m}", Window("tumbling", 60_000, 60_000)),
        ("{tumbling: 500ms}", Window("tumbling", 500, 500)),
        ("{sliding: 1m, every: 5s}", Window("sliding", 60_000, 5_000)),
        ("{sliding: 1m, every: 1m}", Window("sliding", 60_000, 60_000)),
        # The default step is a twelfth, where that is a whole number of milliseconds from 1 s.
        ("{sliding: 1m}", Window("sliding", 60_000, 5_000)),
        ("{sliding: 12s}", Window("sliding", 12_000, 1_000)),
        ("{sliding: 30s}", Window("sliding", 30_000, 2_500)),
    ],
)
def test_windows(text: str, window: Window) -> None:
    assert rule(one(window=text)).window == window


def test_the_groups_interval_is_the_default_step() -> None:
    text = one(window="{sliding: 1m}").replace("- name: g", "- name: g\n  interval: 15s")
    assert good(text).rules[0].window == Window("sliding", 60_000, 15_000)
    text = text.replace("15s", "40s")
    check(text, "window-every: 1m")


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("1m", ["window: 1m"]),
        ("[1m]", ["window: ["]),
        ("{}", ["window: {"]),
        ("{every: 5s}", ["window: every"]),
        ("{tumbling: 1m, sliding: 1m}", ["window: tumbling"]),
        ("{tumbling: 1m, every: 5s}", ["window: every"]),
        ("{tumbling: }", ["value-type: }"]),
        ("{sliding: 10s}", ["window-every: 10s"]),
        ("{sliding: 10m, every: 3m}", ["window-every: 3m"]),
        ("{sliding: 1m, every: 2m}", ["value-range: 2m"]),
        ("{sliding: 1m, every: 50ms}", ["value-range: 50ms"]),
        ("{sliding: 2d, every: 1h}", ["value-range: 2d"]),
        ("{sliding: 10h, every: 1s}", ["window-panes: 1s"]),
        ("{sliding: 5, every: 1s}", ["duration: 5"]),
        ("{session: 5m}", ["unsupported: session"]),
        ("{count: 100}", ["unsupported: count"]),
        ("{slidng: 1m}", ["key-unknown: slidng", "window: slidng"]),
    ],
)
def test_mistakes(text: str, findings: list[str]) -> None:
    check(one(window=text), *findings)


def test_the_finding_does_the_arithmetic() -> None:
    (finding,) = load({"r.yml": one(window="{sliding: 10m, every: 3m}")})[1]
    assert finding.message == "window 10m is not a multiple of every 3m"
    assert finding.note == "10m = 3 × 3m + 1m"
    assert finding.help == "use every: 2m30s or 3m20s"


@given(st.integers(100, 1_000_000), st.integers(100, 1_000_000))
def test_what_is_accepted_divides_and_what_is_advised_is_accepted(width: int, step: int) -> None:
    window = f"{{sliding: {format_duration(width)}, every: {format_duration(step)}}}"
    rules, findings = load({"r.yml": one(window=window)})
    if rules is not None:
        (found,) = rules.rules
        assert found.window == Window("sliding", width, step)
        assert width % step == 0
        return
    (finding,) = findings
    if finding.code == "window-every" and finding.help.startswith("use every:"):
        for advised in finding.help.removeprefix("use every: ").split(" or "):
            again = f"{{sliding: {format_duration(width)}, every: {advised}}}"
            assert rule(one(window=again)).window.width_ms == width
