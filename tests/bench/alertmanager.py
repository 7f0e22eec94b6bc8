"""Row P9: alerts in by API v2, out by webhook, and lists; Alertmanager with the same in one run."""

import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engine.clock import system_clock
from tests.acceptance.peers import PeerError, built
from tests.acceptance.server import Server
from tests.bench.machine import cpu_s, rss_mb
from tests.bench.row import Row, quantile
from tests.bench.worker import Worker
from tests.waiting import until

ALERTS, GROUPS, BATCH = 20_000, 100, 64
WARM_UP = 2_000
SENDERS = 4
SINGLES = 60
LISTED, SILENCES, INHIBIT_RULES = 10_000, 50, 20
LOOKS = 9
RATE, RATIO = 15_000.0, 0.9
BYTES, SINGLE_MS, LIST_MS = 3_000.0, 3.0, 300.0
FLOW = """\
route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}', send_resolved: true}}]}}]
"""
QUIET = """\
route: {receiver: nobody, group_by: [alertname], group_wait: 1h}
receivers: [{name: nobody}]
inhibit_rules:
"""


class Alertmanager(Server):
    """The real one, without a cluster."""

    name = "alertmanager"

    def __init__(self, directory: Path, config: str) -> None:
        directory.mkdir(parents=True)
        super().__init__(directory)
        (directory / "am.yml").write_text(config)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        return [
            str(built("alertmanager")), f"--config.file={self.directory}/am.yml",
            f"--storage.path={self.directory}/data", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error",
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Hook:
    """The webhook receiver: when each alert, by its label `id`, was first told."""

    def __init__(self) -> None:
        self.told_s: dict[str, float] = {}
        told_s = self.told_s

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                now_s = time.perf_counter()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                for alert in json.loads(body)["alerts"]:
                    told_s.setdefault(alert["labels"]["id"], now_s)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while in the block."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Flow:
    """What one system did with the load."""

    accepted_per_s: float
    delivered_per_s: float
    delivered_per_cpu_s: float
    bytes_per_alert: float
    single_p50_ms: float
    single_p99_ms: float


def run() -> list[Row]:
    """Measure Alertmanager where there is one, then the product."""
    try:
        built("alertmanager")
    except PeerError as error:
        print(f"no Alertmanager: {error}", file=sys.stderr)
        flow, lists = None, None
    else:
        flow, lists = _flow(_alertmanager), _lists(_alertmanager)
    return [_flow_row(_flow(_tocsin), flow), _lists_row(_lists(_tocsin), lists)]


Start = Callable[[Path, str], Any]


def _alertmanager(directory: Path, config: str) -> Alertmanager:
    return Alertmanager(directory, config)


def _tocsin(directory: Path, config: str) -> Worker:
    return Worker(directory, "embedded://data/log", "groups: []\n", config, "sources: []")


@contextmanager
def _running(start: Start, config: str) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch:
        server = start(Path(scratch) / "server", config)
        server.start()
        try:
            yield server
        except BaseException:
            sys.stderr.write(server.log.read_text("utf-8", "replace")[-3000:])
            raise
        finally:
            server.stop()


def _flow(start: Start) -> Flow:
    hook = Hook()
    with hook.serving(), _running(start, FLOW.format(url=hook.url)) as server:
        _post_all(server, _bodies("warm", WARM_UP))
        until(lambda: len(hook.told_s) == WARM_UP, 60, "the first alerts")
        before_mb, before_cpu_s = rss_mb(server.pid), cpu_s(server.pid)
        bodies = _bodies("x", ALERTS)
        began_s = time.perf_counter()
        _post_all(server, bodies)
        accepted_s = time.perf_counter() - began_s
        until(lambda: len(hook.told_s) == WARM_UP + ALERTS, 120, lambda: f"{len(hook.told_s)}")
        delivered_s = max(hook.told_s.values()) - began_s
        spent_s = cpu_s(server.pid) - before_cpu_s
        grown = (rss_mb(server.pid) - before_mb) * 1e6
        singles = _singles(server, hook)
    return Flow(
        ALERTS / accepted_s, ALERTS / delivered_s, ALERTS / spent_s, grown / ALERTS,
        quantile(singles, 0.5), quantile(singles, 0.99),
    )  # fmt: skip


def _bodies(kind: str, count: int) -> list[bytes]:
    """Return posts of `count` alerts in GROUPS groups, as Prometheus sends them."""
    times = {"startsAt": _soon(0), "endsAt": _soon(600)}
    alerts = [
        {
            "labels": {"alertname": f"{kind}{number % GROUPS}", "id": f"{kind}-{number}",
                       "instance": f"host-{number % 1000}", "severity": "page", "region": "eu"},
            "annotations": {"summary": f"value {number} above threshold"},
            "generatorURL": "http://prometheus:9090/graph?g0.expr=up", **times,
        }
        for number in range(count)
    ]  # fmt: skip
    return [json.dumps(alerts[i : i + BATCH]).encode() for i in range(0, count, BATCH)]


def _post_all(server: Any, bodies: Sequence[bytes]) -> None:
    """Post from several senders at once, each one request after the other."""

    def send(own: Sequence[bytes]) -> None:
        http = HTTPConnection("127.0.0.1", server.port, timeout=120)
        for body in own:
            _post(http, "/api/v2/alerts", body)
        http.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [bodies[i::SENDERS] for i in range(SENDERS)]))


def _post(http: HTTPConnection, path: str, body: bytes) -> None:
    try:
        http.request("POST", path, body, {"Content-Type": "application/json"})
        answer = http.getresponse()
    except RemoteDisconnected:  # idle for too long: as any sender does, once more
        http.request("POST", path, body, {"Content-Type": "application/json"})
        answer = http.getresponse()
    said = answer.read()
    assert answer.status == 200, said


def _singles(server: Any, hook: Hook) -> list[float]:
    """Post alerts one at a time, each a new group; ms until the webhook has it."""
    http = HTTPConnection("127.0.0.1", server.port, timeout=60)
    took_ms = []
    for number in range(SINGLES):
        mark = f"single-{number}"
        labels = {"alertname": mark, "id": mark, "instance": "z"}
        body = json.dumps([{"labels": labels, "startsAt": _soon(0)}]).encode()
        began_s = time.perf_counter()
        _post(http, "/api/v2/alerts", body)
        until(partial(hook.told_s.get, mark), 30, mark)
        took_ms.append((hook.told_s[mark] - began_s) * 1000)
    http.close()
    return took_ms


def _lists(start: Start) -> dict[str, float]:
    """Return median ms of each list with silences and inhibition in force."""
    rules = "".join(
        f'- source_matchers: [severity="down", rule="{number}"]\n'
        f'  target_matchers: [severity="page", region=~"e."]\n'
        f"  equal: [instance]\n"
        for number in range(INHIBIT_RULES)
    )
    with _running(start, QUIET + rules) as server:
        _post_all(server, [*_bodies("x", LISTED), _sources()])
        http = HTTPConnection("127.0.0.1", server.port, timeout=60)
        for number in range(SILENCES):
            _post(http, "/api/v2/silences", _silence(number))
        asked = {
            "listed": "/api/v2/alerts",
            "grouped": "/api/v2/alerts/groups",
            "filtered": "/api/v2/alerts?filter=region%3Deu&filter=instance%3D~host-.*"
                        "&silenced=false&inhibited=false",
        }  # fmt: skip
        found = {name: _asked(http, path) for name, path in asked.items()}
        http.close()
    return found


def _sources() -> bytes:
    return json.dumps(
        [
            {"labels": {"alertname": "Down", "severity": "down", "rule": f"{number}",
                        "instance": f"host-{number}"}, "startsAt": _soon(0)}
            for number in range(INHIBIT_RULES)
        ]
    ).encode()  # fmt: skip


def _silence(number: int) -> bytes:
    matchers = [
        {"name": "alertname", "value": f"x{number}", "isRegex": False, "isEqual": True},
        {"name": "instance", "value": "host-.*[05]", "isRegex": True, "isEqual": True},
    ]
    times = {"startsAt": _soon(0), "endsAt": _soon(3_600)}
    return json.dumps(
        {"matchers": matchers, "createdBy": "bench", "comment": "bench", **times}
    ).encode()


def _soon(seconds: float) -> str:
    return datetime.fromtimestamp(system_clock() / 1000 + seconds, UTC).isoformat()


def _asked(http: HTTPConnection, path: str) -> float:
    took_ms = []
    for _ in range(LOOKS):
        began_s = time.perf_counter()
        http.request("GET", path)
        answer = http.getresponse()
        body = answer.read()
        took_ms.append((time.perf_counter() - began_s) * 1000)
        assert answer.status == 200, body[:300]
        assert len(body) > 100_000, f"{path}: {body[:300]!r}"
    return statistics.median(took_ms)


def _flow_row(ours: Flow, peer: Flow | None) -> Row:
    ratio = ours.delivered_per_s / peer.delivered_per_s if peer else float("nan")
    fast = ours.delivered_per_s >= RATE or ratio >= RATIO
    met = fast and ours.bytes_per_alert <= BYTES and ours.single_p50_ms <= SINGLE_MS
    text = (
        f"{ALERTS:,} alerts in {GROUPS} groups, API to webhook"
        f" | {ours.delivered_per_s:,.0f}/s (>= {RATE:,.0f}, or {RATIO:g} x its peer)"
        f" | accepted {ours.accepted_per_s:,.0f}/s"
        f" | {ours.delivered_per_cpu_s:,.0f} per CPU-s"
        f" | {ours.bytes_per_alert:,.0f} bytes an alert (<= {BYTES:,.0f})"
        f" | single p50 {ours.single_p50_ms:.1f} ms (<= {SINGLE_MS:g}),"
        f" p99 {ours.single_p99_ms:.1f} ms"
    )
    figures: dict[str, float | int | str] = {f"ours_{k}": v for k, v in vars(ours).items()}
    if peer:
        text += (
            f" | Alertmanager {peer.delivered_per_s:,.0f}/s, accepted {peer.accepted_per_s:,.0f}/s,"
            f" {peer.delivered_per_cpu_s:,.0f} per CPU-s, {peer.bytes_per_alert:,.0f} bytes,"
            f" single p50 {peer.single_p50_ms:.1f} ms | ratio {ratio:.2f}"
        )
        figures |= {f"peer_{k}": v for k, v in vars(peer).items()} | {"ratio": ratio}
    return Row("P9", text, met, figures)


def _lists_row(ours: dict[str, float], peer: dict[str, float] | None) -> Row:
    text = (
        f"{LISTED:,} alerts, {SILENCES} silences, {INHIBIT_RULES} inhibit rules | "
        + ", ".join(f"{name} {ms:.0f} ms" for name, ms in ours.items())
        + f" (<= {LIST_MS:g})"
    )
    figures: dict[str, float | int | str] = {f"ours_{k}_ms": v for k, v in ours.items()}
    if peer:
        text += " | Alertmanager " + ", ".join(f"{n} {ms:.0f} ms" for n, ms in peer.items())
        figures |= {f"peer_{k}_ms": v for k, v in peer.items()}
    return Row("P9", text, max(ours.values()) <= LIST_MS, figures)
