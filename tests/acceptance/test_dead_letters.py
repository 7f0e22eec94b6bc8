"""`tocsin run` with a receiver that refuses: what is given up survives kill -9 and is sent again."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.product import Product, product
from tests.api.client import alert
from tests.waiting import until

pytestmark = pytest.mark.slow

NOTIFIERS = """\
route: {{receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 10m}}
receivers:
- name: team
  webhook_configs:
  - url: http://127.0.0.1:{port}/bad
  - url: http://127.0.0.1:{port}/good
"""


class _Far(ThreadingHTTPServer):
    """Two webhooks: /good takes all, /bad answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 401
        self.got: list[tuple[str, dict[str, Any]]] = []

    def taken(self, path: str) -> list[dict[str, Any]]:
        return [body for at, body in self.got if at == path]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, _Far)
        status = 200 if self.path == "/good" else self.server.status
        if status == 200:
            self.server.got.append((self.path, body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def far() -> Iterator[_Far]:
    server = _Far()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _tocsin(run: Product, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "delivery", *words, "--url", run.url, "--output", "json"],
        check=False, capture_output=True, text=True, timeout=60,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _letters(run: Product) -> Any:
    try:
        answer = httpx.get(f"{run.url}/api/v1/deliveries", timeout=10)
    except httpx.HTTPError:
        return []
    return answer.json()["data"]["deadLetters"] if answer.status_code == 200 else []


def test_a_dead_letter_through_a_kill(tmp_path: Path, far: _Far) -> None:
    text = NOTIFIERS.format(port=far.server_address[1])
    with product(tmp_path, notifiers=text) as run:
        for name in ("Disk", "Cpu"):
            posted = httpx.post(f"{run.url}/api/v2/alerts", json=[alert(name, host="a")])
            assert posted.status_code == 200
        before = until(lambda: len(found := _letters(run)) == 2 and found, 30)
        assert {letter["reason"] for letter in before} == {"authError"}
        until(lambda: len(far.taken("/good")) == 2, 30, "one receiver's trouble is not another's")

        run.kill()
        run.start()
        after = until(lambda: _letters(run), 60)
        assert [letter["id"] for letter in after] == [letter["id"] for letter in before]
        listed = _tocsin(run, "list")["deadLetters"]
        assert {each["state"] for each in listed} == {"waiting"}

        far.status = 200
        ended = alert("Cpu", host="a") | {"endsAt": "2020-01-01T00:00:00Z",
                                          "startsAt": "2019-01-01T00:00:00Z"}  # fmt: skip
        httpx.post(f"{run.url}/api/v2/alerts", json=[ended])
        said = {each["id"]: each["outcome"] for each in _tocsin(run, "retry", "--all")}
        groups = {letter["id"]: letter["groupKey"] for letter in after}
        assert {groups[name]: outcome for name, outcome in said.items()} == {
            '{}:{alertname="Disk"}': "retried", '{}:{alertname="Cpu"}': "over",
        }  # fmt: skip
        (body,) = until(lambda: far.taken("/bad"), 30)
        assert [each["labels"]["alertname"] for each in body["alerts"]] == ["Disk"]
        until(lambda: not _letters(run), 30)
        assert len(far.taken("/good")) == 2, "who was told is not told again"
