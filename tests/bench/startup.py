"""Row STARTUP: from `tocsin run` to ready and to a first alert, and what an idle worker needs."""

import json
import tempfile
import time
import urllib.request
from pathlib import Path

from engine.clock import system_clock
from tests.bench.latency import NOTIFIERS, RULES
from tests.bench.machine import cpu_s, rss_mb
from tests.bench.row import Row
from tests.bench.worker import Hooks, Worker
from tests.waiting import until

IDLE_S = 5.0
FIRST_ALERT_S = 120.0


def run() -> list[Row]:
    """Start twice on the embedded log: kernels to be compiled, then kernels on disk."""
    hooks = Hooks()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch, hooks.serving():
        rows = []
        for state in ("cold", "warm"):
            notifiers = NOTIFIERS.format(url=hooks.url)
            worker = Worker(Path(scratch) / state, "embedded://data/log", RULES, notifiers, "")
            worker.environ["NUMBA_CACHE_DIR"] = f"{scratch}/numba"
            rows.append(_started(worker, hooks, state))
        return rows


def _started(worker: Worker, hooks: Hooks, state: str) -> Row:
    began_s = time.perf_counter()
    worker.start()
    ready_s = time.perf_counter() - began_s
    try:
        pid = worker.pid
        assert pid is not None
        spent_s = cpu_s(pid)
        time.sleep(IDLE_S)
        idle_core, idle_mb = (cpu_s(pid) - spent_s) / IDLE_S, rss_mb(pid)
        first_s = _first_alert(worker, hooks, state)
    finally:
        worker.stop()
    text = (
        f"embedded, {state} numba cache | ready after {ready_s:.1f} s ({spent_s:.1f} CPU-s)"
        f" | first record to webhook {first_s:.2f} s"
        f" | idle: RSS {idle_mb:.0f} MB, {100 * idle_core:.0f} % of a core"
    )
    figures = {"cache": state, "ready_s": ready_s, "start_cpu_s": spent_s, "first_s": first_s,
               "idle_rss_mb": idle_mb, "idle_core": idle_core}  # fmt: skip
    return Row("STARTUP", text, None, figures)


def _first_alert(worker: Worker, hooks: Hooks, probe: str) -> float:
    body = {"timestamp": system_clock(), "name": "probe", "labels": {"probe": probe}, "value": 1}
    url = f"{worker.url}/api/v1/ingest/metrics"
    began_s = time.perf_counter()
    request = urllib.request.Request(url, json.dumps(body).encode())
    urllib.request.urlopen(request, timeout=FIRST_ALERT_S).close()
    until(lambda: probe in hooks.told_s, FIRST_ALERT_S, worker.tail)
    return hooks.told_s[probe] - began_s
