"""One configuration, a real Alertmanager and `tocsin receiver test`: what arrives is the same.

Compared are the way a request takes, its credentials and the headers that http_config adds.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from engine.cli import main
from tests.acceptance.alertmanager import Alertmanager
from tests.api.client import alert
from tests.waiting import until

pytestmark = pytest.mark.slow

CASES = {
    "plain": "{}",
    "headers": '{http_headers: {X-One: {values: ["1", "2"], secrets: ["3"], files: [more]}}}',
    "type": '{authorization: {type: "  Token ", credentials: abc}}',
    "bearer": "{bearer_token: abc}",
    "bearer_file": "{authorization: {credentials_file: token}}",
    "basic": '{basic_auth: {username: "a b", password: "p:q"}}',
    "basic_file": "{basic_auth: {username_file: token, password_file: more}}",
    "oauth2": '{oauth2: {client_id: "me & co", client_secret: "p@ss", scopes: [a, b],'
    " token_url: 'http://127.0.0.1:PORT/token', endpoint_params: {audience: x}}}",
    "oauth2_headers": "{oauth2: {client_id: c, client_secret_file: token,"
    " token_url: 'http://127.0.0.1:PORT/token'}, http_headers: {X-One: {values: [v]}}}",
    "proxy": "{proxy_url: 'http://127.0.0.1:PORT'}",
    "proxy_login": "{proxy_url: 'http://u:p@127.0.0.1:PORT', bearer_token: abc}",
    "proxy_not_here": "{proxy_url: 'http://127.0.0.1:PORT', no_proxy: other.example}",
    "proxy_header": "{proxy_url: 'http://127.0.0.1:PORT', proxy_connect_header: {X-Way: [in]}}",
}
SHOWN = ("authorization", "proxy-authorization", "x-one", "x-way", "content-type")


class _Far(ThreadingHTTPServer):
    """Takes everything, as a receiver, as a proxy and as a provider of tokens."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, Any]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, _Far)
        shown = {name: found for name in SHOWN if (found := self.headers.get_all(name))}
        token = self.path == "/token"
        form = parse_qs(body.decode()) if token else None
        self.server.got.append((self.path, (shown, form)))
        answer = json.dumps({"access_token": "t0k", "token_type": "bearer", "expires_in": 3600})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

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


def _take(far: _Far) -> dict[str, list[Any]]:
    """Return what arrived by path, and forget it; tokens in an order of their own."""
    got, far.got = far.got, []
    by_path: dict[str, list[Any]] = {}
    for path, seen in got:
        by_path.setdefault(path, []).append(seen)
    return {path: sorted(seen, key=repr) for path, seen in sorted(by_path.items())}


def test_the_same_arrives(tmp_path: Path, far: _Far) -> None:
    hooks = "\n".join(
        f"  - url: http://{'x:y@' if name == 'plain' else ''}127.0.0.1:{far.port}/{name}\n"
        f"    http_config: {http.replace('PORT', str(far.port))}"
        for name, http in CASES.items()
    )
    text = f"route: {{receiver: a, group_wait: 0s}}\nreceivers:\n- name: a\n  webhook_configs:\n{hooks}\n"
    (tmp_path / "am.yml").write_text(text)
    (tmp_path / "token").write_text("from-a-file\n")
    (tmp_path / "more").write_text("more-of-it\n")
    theirs = Alertmanager(tmp_path)
    theirs.start()
    try:
        posted = httpx.post(f"http://127.0.0.1:{theirs.port}/api/v2/alerts", json=[alert("A")])
        assert posted.status_code == 200
        until(lambda: len(far.got) >= len(CASES) + 2, 30)  # two of them fetch a token first
        expected = _take(far)
    finally:
        theirs.stop()
    far.got.clear()
    assert (
        main(["receiver", "test", "a", "--config", str(tmp_path / "am.yml"), "--leave-open"]) == 0
    )
    assert _take(far) == expected
    assert len(expected) == len(CASES) + 1
