"""`tocsin silence`, `alert` and `status` against a server."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.api import ApiSettings, Obstacle, Token
from engine.cli import main
from engine.clock import system_clock
from tests.acceptance.server import free_port
from tests.api.client import alert
from tests.api.fake_deps import FakeDeps
from tests.api.served import served

Out = pytest.CaptureFixture[str]


@pytest.fixture
def deps() -> FakeDeps:
    return FakeDeps(clock=system_clock)


@pytest.fixture(autouse=True)
def url(deps: FakeDeps, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with served(deps) as address:
        monkeypatch.setenv("TOCSIN_URL", address)
        monkeypatch.delenv("TOCSIN_TOKEN", raising=False)
        body = [alert("Disk", severity="critical", host="db-1\x1b[2J"), alert("Cpu")]
        httpx.post(f"{address}/api/v2/alerts", json=body)
        yield address


def told(capsys: Out, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(words) == code
    shown = capsys.readouterr()
    return shown.out if code == 0 else shown.out + shown.err


def names(capsys: Out, *words: str) -> list[str]:
    found = json.loads(told(capsys, "alert", "query", "--output", "json", *words))
    return sorted(a["labels"]["alertname"] for a in found)


def test_a_silence_through_its_life(capsys: Out) -> None:
    words = ("silence", "add", "--comment", "new disk", "--author", "ann", "--duration", "30m")
    made = told(capsys, *words, "Disk", "host=~db-.*").strip()
    shown = json.loads(told(capsys, "silence", "query", "--output", "json"))
    assert [(s["id"], s["createdBy"], s["comment"]) for s in shown] == [(made, "ann", "new disk")]
    assert [(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in shown[0]["matchers"]] == [
        ("alertname", "Disk", False, True), ("host", "db-.*", True, True),
    ]  # fmt: skip
    table = told(capsys, "silence", "query", "alertname=Disk")
    assert made in table
    assert 'alertname="Disk" host=~"db-.*"' in table
    assert names(capsys) == ["Cpu"]
    assert names(capsys, "--silenced", "--active") == ["Cpu", "Disk"]
    told(capsys, "silence", "expire", made)
    assert json.loads(told(capsys, "silence", "query", "--output", "json")) == []
    assert made in told(capsys, "silence", "query", "--expired")
    assert names(capsys, "Disk") == ["Disk"]


def test_a_matcher_that_cannot_be_read_is_no_alert_name(capsys: Out) -> None:
    for words in (("preview", "a=~("), ("add", "--comment", "x", "a=~("), ("query", "a!")):
        assert "a matcher is NAME=VALUE" in told(capsys, "silence", *words, code=1)
    assert json.loads(told(capsys, "silence", "query", "--output", "json")) == []


def test_a_preview_sets_nothing(capsys: Out) -> None:
    found = json.loads(told(capsys, "silence", "preview", "--output", "json", "host=~db-.*"))
    assert (found["alerts"], found["alertnames"]["names"]) == (1, ["Disk"])
    main(["silence", "preview", "Disk"])
    shown = capsys.readouterr()
    assert "it would mute 1 alert now: Disk (for team-a)" in shown.err
    assert "Disk" in shown.out
    assert "\x1b" not in shown.out + shown.err
    main(["silence", "preview", "a=b"])
    shown = capsys.readouterr()
    assert "it would mute 0 alerts now" in shown.err
    assert shown.out == ""
    assert json.loads(told(capsys, "silence", "query", "--output", "json")) == []


def test_a_silence_for_everything_must_be_insisted_on(capsys: Out) -> None:
    words = ("silence", "add", "--comment", "x", "alertname=~.+")
    assert "every alert; if that is what you want, add --force" in told(capsys, *words, code=1)
    assert json.loads(told(capsys, "silence", "query", "--output", "json")) == []
    told(capsys, *words, "--force")
    assert names(capsys) == []


def test_a_table_of_alerts_moves_no_cursor(capsys: Out) -> None:
    table = told(capsys, "alert", "query")
    assert "\x1b" not in table
    assert table.splitlines()[0].split() == [
        "ALERT", "SEVERITY", "STATE", "SINCE", "LABELS", "SUMMARY",
    ]  # fmt: skip
    assert len(table.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("silence", "expire", "00000000-0000-4000-8000-000000000000"), "not found"),
        (("silence", "add", "--comment", "x", "a=~.*"), "must not match the empty string"),
        (("silence", "add", "--comment", "x", "--duration", "soon", "a=b"), "--duration 30m"),
        (("silence", "add", "--comment", "x", "--end", "soon", "a=b"), "RFC 3339"),
        (("silence", "add", "--comment", "x", "a=b", "c"), "a matcher is NAME=VALUE"),
        (("alert", "query", "--receiver", "("), "receiver"),
    ],
)
def test_what_does_not_work_is_exit_code_1(words: tuple[str, ...], said: str, capsys: Out) -> None:
    assert said in told(capsys, *words, code=1)


def test_status(deps: FakeDeps, capsys: Out) -> None:
    shown = told(capsys, "status")
    assert ": ready" in shown
    assert "alerts: 2 firing, 0 of them quiet" in shown
    assert "rules: 1 in force" in shown
    deps.obstacle_list = [Obstacle("recovery", "replaying the changelog")]
    assert "recovery: replaying the changelog" in told(capsys, "status", code=1)
    assert json.loads(told(capsys, "status", "--output", "json", code=1))["ready"]["ready"] is False


def test_nobody_there(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_URL", f"http://127.0.0.1:{free_port()}")
    for words in (("status",), ("alert", "query"), ("silence", "expire", "x")):
        assert "is a worker running there?" in told(capsys, *words, code=1)


def test_a_token_from_the_environment_or_a_file(
    capsys: Out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "a-token-of-the-tests-1"
    token = Token("a", hashlib.sha256(secret.encode()).digest(), "read")
    locked = FakeDeps(ApiSettings(version="1", started_ms=0, tokens=(token,)), clock=system_clock)
    with served(locked) as address:
        monkeypatch.setenv("TOCSIN_URL", address)
        assert "set TOCSIN_TOKEN or --token-file" in told(capsys, "alert", "query", code=1)
        file = tmp_path / "token"
        file.write_text(f"{secret}\n")
        told(capsys, "alert", "query", "--token-file", str(file))
        monkeypatch.setenv("TOCSIN_TOKEN", secret)
        told(capsys, "alert", "query")
        assert "has role read" in told(
            capsys, "silence", "add", "--comment", "x", "a=b", code=1
        )  # fmt: skip
