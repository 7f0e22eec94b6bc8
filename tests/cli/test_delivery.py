"""`tocsin delivery list|retry` against a worker's HTTP."""

import json
from collections.abc import Iterator

import pytest

from engine.api import DestinationView, LetterView
from engine.cli import main
from tests.api.fake_deps import START_MS, FakeDeps
from tests.api.served import served


@pytest.fixture
def deps() -> FakeDeps:
    made = FakeDeps()
    assert made.fake_notifier is not None
    made.fake_notifier.letters = {
        name: LetterView(
            id=name, receiver="oncall", integration="slack/0", group_key='{}:{alertname="Disk"}',
            first_ms=START_MS, last_ms=START_MS, times=2, reason="authError",
            text="HTTP 401: \x1b[31mno", firing=1, resolved=0, state=state,
        )
        for name, state in (("aa11", "waiting"), ("bb22", "over"))
    }  # fmt: skip
    made.fake_notifier.destinations = (
        DestinationView(destination="slack:#ops", breaker="open", failures=6, queued=3,
                        wait_ms=4_000, last_error="HTTP 503"),
        DestinationView(destination="smtp:mail", breaker="closed", failures=0, queued=0, wait_ms=0),
    )  # fmt: skip
    return made


@pytest.fixture
def url(deps: FakeDeps) -> Iterator[str]:
    with served(deps) as at:
        yield at


def test_the_list_says_what_why_and_where(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "list", "--url", url]) == 0
    out = capsys.readouterr().out
    for text in ("aa11", "oncall", "slack/0", 'alertname="Disk"', "2026-01-01T00:00:00", "waiting",
                 "authError: HTTP 401", "slack:#ops", "left alone", "in 4 s", "HTTP 503"):  # fmt: skip
        assert text in out
    assert "\x1b" not in out
    assert "smtp:mail" not in out, "what works is no news"
    main(["delivery", "list", "--destinations", "--url", url])
    assert "smtp:mail" in capsys.readouterr().out


def test_the_list_for_programs(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "list", "--url", url, "--output", "json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["deadLetters"]] == [
        "aa11", "bb22",
    ]  # fmt: skip


def test_a_retry_says_what_is_over(
    url: str, deps: FakeDeps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["delivery", "retry", "--all", "--url", url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("aa11") and "retried" in line for line in lines)
    assert any(line.startswith("bb22") and "nothing to tell any more" in line for line in lines)
    assert deps.fake_notifier is not None
    assert [(r.letter_id, r.over) for r in deps.fake_notifier.retried] == [
        ("aa11", False), ("bb22", True),
    ]  # fmt: skip


def test_an_unknown_letter_is_an_error(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "retry", "aa11", "zz", "--url", url]) == 1
    assert "unknown" in capsys.readouterr().out


@pytest.mark.parametrize("args", [[], ["aa11", "--all"]])
def test_say_which(url: str, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "retry", *args, "--url", url]) == 1
    assert "--all" in capsys.readouterr().err


def test_nothing(url: str, deps: FakeDeps, capsys: pytest.CaptureFixture[str]) -> None:
    assert deps.fake_notifier is not None
    deps.fake_notifier.letters.clear()
    assert main(["delivery", "list", "--url", url]) == 0
    assert "nothing was given up" in capsys.readouterr().out
    assert main(["delivery", "retry", "--all", "--url", url]) == 0
    assert "nothing was given up" in capsys.readouterr().out


def test_the_status_says_that_something_is_wrong(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--url", url]) == 0
    out = capsys.readouterr().out
    assert "notifications: 2 on their way, 2 given up" in out
    assert "left alone after failures: slack:#ops" in out
