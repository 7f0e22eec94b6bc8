"""Run a real Alertmanager against a recorder and keep what it sends to each service.

    .venv/bin/python -m tests.channels.services.recording     # rewrites recorded.json

Two alerts fire, then both have ended.
"""

import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from engine.clock import system_clock
from tests.channels.alertmanager.recording import EXTERNAL_URL, Alertmanager
from tests.waiting import until

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"
STAGES = ("firing", "resolved")

_ANSWER = {
    "ok": True,
    "result": {"message_id": 5, "chat": {"id": 7, "type": "private"}, "date": 1, "text": "x"},
}

_SHARED = {
    "alertname": "DiskFull", "severity": "critical", "key": "K1", "kind": "user",
    "amp": "a & <b> \"q\" 'x' _m* ü",
}  # fmt: skip

ALERTS: Sequence[Mapping[str, Any]] = tuple(
    {
        "labels": {**_SHARED, "instance": f"db-{index}"},
        "annotations": {"summary": f"db-{index} <full> & more", "long": "é😀x" * 200},
        "generatorURL": f"http://prom.example/graph?g0.expr=up+%3E+{index}&g0.tab=1",
    }
    for index in (1, 2)
)


class Recorder(ThreadingHTTPServer):
    """Takes every request and keeps it by the receiver that its path names."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hits: list[tuple[str, dict[str, Any]]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Recorder)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, receiver, path = self.path.split("/", 2)
        hit = {"method": self.command, "path": path, "body": json.loads(body)}
        if said := self.headers.get("Authorization"):
            hit["authorization"] = said
        self.server.hits.append((receiver, hit))
        answer = json.dumps(_ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST  # noqa: N815  # http.server's name

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def alerts_at(stage: str, begun_s: int) -> list[dict[str, Any]]:
    """Return what is posted at a stage."""
    begun = f"{datetime.fromtimestamp(begun_s, UTC):%Y-%m-%dT%H:%M:%S}"
    ends = f"{begun}.679Z" if stage == "resolved" else "2199-01-01T00:00:00Z"
    return [{**alert, "startsAt": f"{begun}.678Z", "endsAt": ends} for alert in ALERTS]


def record() -> dict[str, Any]:
    """Return the external URL, when the alerts began, and {stage: {receiver: [request]}}."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as scratch:
        server = Alertmanager(Path(scratch))
        config = (HERE / "alertmanager.yml").read_text(encoding="utf-8")
        (Path(scratch) / "am.yml").write_text(config.replace("RECORDER", recorder.url))
        (Path(scratch) / "own.tmpl").write_text((HERE / "own.tmpl").read_text(encoding="utf-8"))
        server.start()
        try:
            begun_s = system_clock() // 1_000
            found = {"external_url": EXTERNAL_URL, "begun_s": begun_s}
            return found | {stage: _stage(stage, begun_s, server, recorder) for stage in STAGES}
        finally:
            server.stop()
            recorder.shutdown()
            recorder.server_close()


def _stage(
    stage: str, begun_s: int, server: Alertmanager, recorder: Recorder
) -> dict[str, list[Any]]:
    recorder.hits.clear()
    url = f"http://127.0.0.1:{server.port}/api/v2/alerts"
    httpx.post(url, json=alerts_at(stage, begun_s)).raise_for_status()
    # One a receiver, and two more for the Opsgenie alert that is updated.
    needed = 15 if stage == "firing" else 13
    until(lambda: len(recorder.hits) >= needed, 15.0, lambda: f"{len(recorder.hits)} requests")
    sent: dict[str, list[Any]] = {}
    for receiver, hit in recorder.hits:
        sent.setdefault(receiver, []).append(hit)
    return dict(sorted(sent.items()))


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(record(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
