"""A small fleet to scrape, with incidents that come again: every value follows from the clock.

Served by this process, one path an instance: `/web-1` … `/db-2`. The rules over it are in
incidents.yml.
"""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PERIOD_S = 75.0
INCIDENTS = {  # name -> when it begins in a period, and how long it lasts
    "queue": (2.0, 22.0),
    "lag": (4.0, 20.0),
    "errors": (6.0, 24.0),
    "latency": (8.0, 24.0),
    "cache": (14.0, 20.0),  # a series is gone
    "workers": (20.0, 18.0),  # one of many is gone
    "memory": (22.0, 16.0),
    "backup": (24.0, 34.0),
    "disk": (30.0, 20.0),
    "temperature": (32.0, 16.0),
    "down": (36.0, 16.0),  # the target does not answer
    "version": (40.0, 18.0),
    "restart": (50.0, 0.0),  # counters begin anew
    "recovery": (52.0, 14.0),
}
WEB, DB = ("web-1", "web-2", "web-3", "web-4"), ("db-1", "db-2")
_BOUNDS = ("0.1", "0.25", "0.5", "1", "2.5", "+Inf")
_FAST = (8.0, 9.5, 9.9, 10.0, 10.0, 10.0)  # requests a second up to a bound
_SLOW = (0.5, 1.0, 2.0, 6.0, 9.5, 10.0)

Sample = tuple[str, dict[str, str], float]


class Fleet:
    """The values of all instances at a time; incidents begin with `zero_s`."""

    def __init__(self, zero_s: float) -> None:
        self.zero_s = zero_s

    def on(self, name: str, now_s: float) -> bool:
        """Say whether an incident is on."""
        start_s, length_s = INCIDENTS[name]
        since_s = now_s - self.zero_s
        return since_s >= 0 and start_s <= since_s % PERIOD_S < start_s + length_s

    def spent_s(self, name: str, now_s: float) -> float:
        """Return how many seconds of an incident there were since it first began."""
        start_s, length_s = INCIDENTS[name]
        whole, rest_s = divmod(max(0.0, now_s - self.zero_s), PERIOD_S)
        return whole * length_s + min(max(rest_s - start_s, 0.0), length_s)

    def began_s(self, name: str, now_s: float) -> float:
        """Return when an incident began last; long ago where it never has."""
        since_s = now_s - self.zero_s - INCIDENTS[name][0]
        if since_s < 0:
            return self.zero_s - 1000
        return self.zero_s + INCIDENTS[name][0] + since_s // PERIOD_S * PERIOD_S

    def page(self, instance: str, now_s: float) -> str | None:
        """Return what an instance says at a time; None: it does not answer."""
        if instance == "web-4" and self.on("down", now_s):
            return None
        rows = self._web(instance, now_s) if instance in WEB else self._db(instance, now_s)
        return "".join(f"{name}{{{_written(labels)}}} {value!r}\n" for name, labels, value in rows)

    def _web(self, instance: str, now_s: float) -> Iterator[Sample]:
        started_s = self.zero_s - 1000
        if instance == "web-2":
            started_s = self.began_s("restart", now_s)
        yield "process_start_time_seconds", {}, started_s
        for path in ("/", "/pay", "/search"):
            yield from self._requests(instance, path, started_s, now_s)
        number = WEB.index(instance)
        deep = instance in ("web-1", "web-3") and self.on("queue", now_s)
        yield "queue_depth", {"queue": "mail"}, 500.0 + number if deep else 10.0 + number
        yield "queue_depth", {"queue": "image"}, 5.0
        yield "maintenance", {}, float(instance == "web-3")
        full = instance == "web-1" and self.on("memory", now_s)
        yield "memory_bytes", {}, 9.7e8 if full else 5e8
        yield "memory_limit_bytes", {}, 1e9
        new = instance == "web-3" and self.on("version", now_s)
        yield "build_info", {"version": "2.0" if new else "1.0"}, 1.0
        for worker in range(8):
            if not (instance == "web-1" and worker == 7 and self.on("workers", now_s)):
                yield "worker_busy", {"worker": str(worker)}, float(worker % 2)
        if instance == "web-1" and not self.on("cache", now_s):
            yield "cache_entries", {}, 1000.0

    def _requests(
        self, instance: str, path: str, started_s: float, now_s: float
    ) -> Iterator[Sample]:
        def grown(good: float, bad: float, incident: str, here: bool) -> float:
            """What a counter has grown by: at one rate, at another one in an incident."""
            length_s = now_s - started_s
            spent_s = here * (self.spent_s(incident, now_s) - self.spent_s(incident, started_s))
            return good * (length_s - spent_s) + bad * spent_s

        failing = instance == "web-2" and path == "/pay"
        slow = instance == "web-3" and path == "/pay"
        for code, good, bad in (("200", 30.0, 30.0), ("500", 0.1, 25.0)):
            value = grown(good, bad, "errors", failing)
            yield "requests_total", {"path": path, "code": code}, value
        for bound, good, bad in zip(_BOUNDS, _FAST, _SLOW, strict=True):
            value = grown(good, bad, "latency", slow)
            yield "request_seconds_bucket", {"path": path, "le": bound}, value
        yield "request_seconds_sum", {"path": path}, grown(1.0, 12.0, "latency", slow)
        yield "request_seconds_count", {"path": path}, grown(10.0, 10.0, "latency", slow)

    def _db(self, instance: str, now_s: float) -> Iterator[Sample]:
        first = instance == "db-1"
        fallen_s = now_s - self.began_s("disk", now_s) if self.on("disk", now_s) and first else 0.0
        for mount, size in (("/", 1e9), ("/backup", 1e12)):
            yield "disk_free_bytes", {"mount": mount}, size - fallen_s * 2.5e7 - (not first) * 1e6
        yield "replication_lag_seconds", {}, 60.0 if self.on("lag", now_s) and not first else 0.5
        busy = 95.0 if self.on("recovery", now_s) and first else 20.0
        yield "connections", {"pool": "main"}, busy
        yield "connections", {"pool": "batch"}, 2.0
        yield "connections_max", {}, 100.0
        old_s = now_s - self.began_s("backup", now_s) if self.on("backup", now_s) else 0.0
        yield "backup_last_success_timestamp_seconds", {}, now_s - old_s * first
        yield "db_mode", {"mode": "recovery"}, float(self.on("recovery", now_s) and not first)
        hot_s = now_s - self.began_s("temperature", now_s) if self.on("temperature", now_s) else 0.0
        yield "temperature_celsius", {}, 40.0 + hot_s * 2.5 * first


def _written(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


class Exporter:
    """Serves a fleet on a port of its own until it is closed."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = fleet.page(self.path.strip("/"), time.time())
                content = (page or "").encode()
                self.send_response(503 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
