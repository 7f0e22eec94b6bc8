"""A proxy that is slack.com to whoever trusts its CA: Alertmanager edits messages nowhere else."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme


class SlackProxy(ThreadingHTTPServer):
    """Takes CONNECT slack.com:443, answers as the Web API does and keeps (path, headers, body)."""

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        authority = trustme.CA()
        self.ca_file = directory / "slack-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("slack.com").configure_cert(self.tls)
        self.hits: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        assert isinstance(self.server, SlackProxy)
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.close_connection = False

    def do_POST(self) -> None:
        assert isinstance(self.server, SlackProxy)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        login = self.headers.get("Authorization", "")
        self.server.hits.append({"path": self.path, "text": text, "login": login})
        answer = json.dumps({"ok": True, "channel": "C0000000001", "ts": "1700000000.000001"})
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())
        self.wfile.flush()

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # the server closes only what it accepted

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""
