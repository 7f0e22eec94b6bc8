"""Row STARTUP: from `tocsin run` to ready, with and without compiled kernels, and idle memory."""

import tempfile
import time
from pathlib import Path

from tests.bench.latency import RULES
from tests.bench.machine import cpu_s, rss_mb
from tests.bench.row import Row
from tests.bench.worker import NOBODY, Worker

IDLE_S = 5.0


def run() -> list[Row]:
    """Start twice on the embedded log: kernels to be compiled, then kernels on disk."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch:
        rows = []
        for state in ("cold", "warm"):
            worker = Worker(Path(scratch) / state, "embedded://data/log", RULES, NOBODY, "")
            worker.environ["NUMBA_CACHE_DIR"] = f"{scratch}/numba"
            rows.append(_started(worker, state))
        return rows


def _started(worker: Worker, state: str) -> Row:
    began_s = time.perf_counter()
    worker.start()
    ready_s = time.perf_counter() - began_s
    try:
        pid = worker.pid
        assert pid is not None
        spent_s = cpu_s(pid)
        time.sleep(IDLE_S)
        idle_cpu, idle_mb = (cpu_s(pid) - spent_s) / IDLE_S, rss_mb(pid)
    finally:
        worker.stop()
    text = (
        f"embedded, {state} numba cache | ready after {ready_s:.2f} s, {spent_s:.2f} CPU-s"
        f" | idle: RSS {idle_mb:.0f} MB, {100 * idle_cpu:.1f} % of a core"
    )
    figures = {"cache": state, "ready_s": ready_s, "start_cpu_s": spent_s,
               "idle_rss_mb": idle_mb, "idle_core": idle_cpu}  # fmt: skip
    return Row("STARTUP", text, None, figures)
