"""`tocsin receiver test`: through every integration, marked, with its end, without secrets."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from notifiers import trial

SECRET = "hunter" * 3


class _Far(ThreadingHTTPServer):
    """Answers by path: /ok/… 200, /401/… 401, /503/… 503; keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, _Far)
        self.server.got.append((self.path, body))
        word = self.path.split("/")[1]
        self.send_response(200 if word == "ok" else int(word))
        if word == "503":
            self.send_header("Retry-After", "7")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def far() -> Iterator[_Far]:
    server = _Far()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    real = trial.send

    async def quick(*args: Any, **more: Any) -> Any:
        return await real(*args, **more, pause_ms=1)

    monkeypatch.setattr(trial, "send", quick)


def _file(tmp_path: Path, far: _Far, *words: str, more: str = "") -> str:
    path = tmp_path / "alertmanager.yml"
    urls = ", ".join(
        f"{{url: 'http://127.0.0.1:{far.server_address[1]}/{word}/{SECRET}'{more}}}"
        for word in words
    )
    path.write_text(
        "route: {receiver: team, group_by: [alertname]}\n"
        f"receivers: [{{name: team, webhook_configs: [{urls}]}}, {{name: nobody}}]\n"
    )
    return str(path)


def test_it_fires_and_ends_and_says_that_it_is_a_test(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "ok")
    assert main(["receiver", "test", "team", "--config", config, "--label", "region=eu"]) == 0
    assert capsys.readouterr().out == "webhook/0: firing: accepted\nwebhook/0: resolved: accepted\n"
    (_, first), (_, last) = far.got
    assert [first["status"], last["status"]] == ["firing", "resolved"]
    assert first["groupKey"] == last["groupKey"]
    (alert,) = first["alerts"]
    assert alert["labels"] == {
        "alertname": "TocsinReceiverTest", "severity": "info", "region": "eu",
    }  # fmt: skip
    assert "This is a test" in alert["annotations"]["summary"]
    # As times: as texts, `.12Z` is behind `.121Z`.
    began, ended = (
        datetime.fromisoformat(text)
        for text in (first["alerts"][0]["startsAt"], last["alerts"][0]["endsAt"])
    )
    assert ended > began


def test_two_tests_are_two_incidents(tmp_path: Path, far: _Far) -> None:
    config = _file(tmp_path, far, "ok")
    for _ in range(2):
        main(["receiver", "test", "team", "--config", config, "--leave-open"])
    assert len(far.got) == 2
    assert len({body["groupKey"] for _, body in far.got}) == 2


def test_ends_are_not_sent_where_nobody_wants_them(tmp_path: Path, far: _Far) -> None:
    config = _file(tmp_path, far, "ok", more=", send_resolved: false")
    assert main(["receiver", "test", "team", "--config", config]) == 0
    assert [body["status"] for _, body in far.got] == ["firing"]


def test_each_integration_has_its_outcome_and_none_stops_the_others(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "401", "503", "ok")
    assert main(["receiver", "test", "team", "--config", config, "--output", "json"]) == 1
    out = capsys.readouterr().out
    said = {(each["integration"], each["step"]): each for each in json.loads(out)}
    assert not said["webhook/0", "firing"]["accepted"]
    assert "authError" in said["webhook/0", "firing"]["text"]
    assert "again after 7 s" in said["webhook/1", "firing"]["text"]
    assert said["webhook/2", "resolved"]["accepted"]
    assert SECRET not in out
    main(["receiver", "test", "team", "--config", config, "--integration", "webhook/2"])
    assert "webhook/0" not in capsys.readouterr().out


def test_a_dry_run_shows_requests_and_sends_nothing(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "ok")
    Path(config).write_text(
        Path(config).read_text().replace(
            "webhook_configs",
            f"slack_configs: [{{channel: '#x', app_token: {SECRET}}}],\n"
            "  email_configs: [{to: a@b.example, from: t@b.example, smarthost: 'h:25',"
            f" auth_username: u, auth_password: {SECRET}}}],\n  webhook_configs",
        )
    )  # fmt: skip
    for output in ("text", "json"):
        args = ["receiver", "test", "team", "--config", config, "--dry-run", "--output", output]
        assert main(args) == 0
        out = capsys.readouterr().out
        for each in ("webhook/0", "slack/0", "email/0", "This is a test", "<secret>"):
            assert each in out
        assert SECRET not in out
    assert far.got == []


def test_a_url_that_a_template_completes_is_as_secret(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "ok/{{ .GroupLabels.alertname }}")
    assert main(["receiver", "test", "team", "--config", config, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "<secret>" in out
    assert SECRET not in out
    assert main(["receiver", "test", "team", "--config", config, "--leave-open"]) == 0
    assert far.got[0][0] == f"/ok/TocsinReceiverTest/{SECRET}"


def test_a_tocsin_yaml_names_the_file_and_what_is_open(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    _file(tmp_path, far, "ok")
    (tmp_path / "rules").mkdir()
    main_file = tmp_path / "tocsin.yaml"
    main_file.write_text("notifications: alertmanager.yml\nexternal_url: https://t.example\n")
    assert main(["receiver", "test", "team", "--config", str(main_file)]) == 0
    assert far.got[0][1]["externalURL"] == "https://t.example"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nosuch"], "it has: team, nobody"),
        (["team", "--integration", "slack/7"], "it has: webhook/0"),
        (["team", "--label", "x"], "NAME=VALUE"),
        (["team", "--config", "/nowhere.yml"], "--config"),
    ],
)
def test_mistakes(
    tmp_path: Path, far: _Far, args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "ok")
    assert main(["receiver", "test", "--config", config, *args]) == 1
    assert says in capsys.readouterr().err
    assert far.got == []


def test_nobody_and_a_bad_file(
    tmp_path: Path, far: _Far, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _file(tmp_path, far, "ok")
    assert main(["receiver", "test", "nobody", "--config", config]) == 0
    assert "no integrations" in capsys.readouterr().out
    Path(config).write_text("route: {receiver: x}\nreceivers: []\n")
    assert main(["receiver", "test", "x", "--config", config]) == 2
    assert "error[" in capsys.readouterr().err
