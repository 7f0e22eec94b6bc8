"""How findings are shown: to people, to programs, to GitHub."""

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.document import (
    Finding,
    failed,
    ordered,
    render,
    render_github,
    render_json,
)

TEXT = "groups:\n" * 13 + "    window: 10m\n"
WINDOW = Finding(
    "rules/checkout.yaml", 14, 13, 3, "window-every", "window 10m is not a multiple of every 3m",
    "use every 2m or 5m, or window 9m", note="600 s = 3 × 180 s + 60 s",
)  # fmt: skip


def test_a_finding_shows_position_source_caret_and_remedy() -> None:
    assert render([WINDOW], {"rules/checkout.yaml": TEXT}) == (
        "rules/checkout.yaml:14:13: error[window-every]: window 10m is not a multiple of every 3m\n"
        "14 |     window: 10m\n"
        "   |             ^^^ 600 s = 3 × 180 s + 60 s\n"
        "   = help: use every 2m or 5m, or window 9m"
    )


def test_without_the_text_the_source_line_is_left_out() -> None:
    shown = render([WINDOW], {}).split("\n")
    assert len(shown) == 2
    assert shown[1] == "   = help: use every 2m or 5m, or window 9m"


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "a" * 300 + "WRONG" + "b" * 300
    shown = render([Finding("f", 1, 301, 5, "name", "m")], {"f": text}).split("\n")
    source, caret = shown[1], shown[2]
    assert len(source) < 110
    assert source[caret.index("^") : caret.rindex("^") + 1] == "WRONG"


def test_tabs_and_control_characters_keep_the_caret_in_place() -> None:
    text = "\tkey:\x1b[31m value"
    shown = render([Finding("f", 1, 12, 5, "name", "bad \x1b name")], {"f": text})
    assert "\x1b" not in shown
    source, caret = shown.split("\n")[1:3]
    assert source[caret.index("^") :].startswith("value")


def test_secrets_are_hidden_in_shown_lines() -> None:
    lines = [
        "dedup: redis://user:hunter2@cache:6379/0",
        "  slack_api_url: https://hooks.example.org/hunter2",
        "  smtp_auth_password: 'hunter2'",
        "  slack_app_token: hunter2",
    ]
    findings = [Finding("f", n, 1, 5, "name", "m") for n in range(1, 5)]
    shown = render(findings, {"f": "\n".join(lines)})
    assert "hunter2" not in shown
    assert "@cache:6379/0" in shown


def test_programs_get_every_field_as_json() -> None:
    (shown,) = json.loads(render_json([WINDOW]))
    assert shown["file"] == "rules/checkout.yaml"
    assert (shown["line"], shown["column"], shown["length"]) == (14, 13, 3)
    assert (shown["code"], shown["severity"]) == ("window-every", "error")
    assert shown["help"] == "use every 2m or 5m, or window 9m"


def test_github_gets_one_escaped_command_a_finding() -> None:
    warning = Finding("a,b:c.yml", 2, 3, 4, "name", "100%\nsure", severity="warning")
    assert render_github([WINDOW, warning]).split("\n") == [
        "::error file=rules/checkout.yaml,line=14,col=13,endColumn=16,title=window-every::"
        "window 10m is not a multiple of every 3m%0Ahelp: use every 2m or 5m, or window 9m",
        "::warning file=a%2Cb%3Ac.yml,line=2,col=3,endColumn=7,title=name::100%25%0Asure",
    ]


def test_warnings_alone_are_no_failure_and_order_is_by_place() -> None:
    late = Finding("b", 1, 1, 1, "name", "m", severity="warning")
    early = Finding("a", 2, 1, 1, "name", "m", severity="warning")
    assert ordered([late, early, late]) == [early, late]
    assert not failed([late, early])
    assert failed([late, WINDOW])


@given(st.text(), st.integers(0, 5), st.integers(0, 200), st.integers(0, 200), st.text())
def test_rendering_never_fails(text: str, line: int, column: int, length: int, note: str) -> None:
    shown = render([Finding("f", line, column, length, "name", note, note, note=note)], {"f": text})
    assert len(shown.split("\n")) <= 4
