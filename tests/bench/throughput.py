"""Row THROUGHPUT: one-record JSON topics end to end, against a plain Faust agent."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from engine.clock import system_clock
from tests.acceptance import services
from tests.bench.backlog import PARTITIONS, RULES, WINDOW_MS, Backlog, fill, read_all
from tests.bench.machine import cpu_s
from tests.bench.row import Row
from tests.bench.worker import NOBODY, Worker

TARGET = 8.0
WINDOWS = 10
TIMEOUT_S = 300.0
LOOK_S = 0.25  # rendering /metrics costs the worker some milliseconds
QUIET = 4  # looks without another row batch: all were applied
PEER_SKIP, PEER_COUNT = 5_000, 60_000
_MORE = "sources: [{topic: samples, format: json, kind: metrics, lateness: 2s, partitions: 4}]"


@dataclass(frozen=True)
class Sample:
    """One look at a worker that works."""

    at_s: float
    cpu_s: float
    broker_cpu_s: float
    taken: float
    batches: float
    alerts: float


def run() -> list[Row]:
    """Measure the peer, then the product, on one broker and one topic."""
    with services.kafka() as broker, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch:
        broker.create_topic("samples", PARTITIONS)
        # Far enough in the past that no record is ahead of its arrival.
        end_ms = system_clock() // WINDOW_MS * WINDOW_MS
        backlog = Backlog(end_ms - WINDOWS * WINDOW_MS, WINDOWS)
        asyncio.run(fill(broker.bootstrap, "samples", backlog))
        plain = _plain(broker.bootstrap)
        ours = _ours(broker, Path(scratch), backlog)
    ratio = ours["rate_per_cpu_s"] / plain["rate_per_cpu_s"]
    text = (
        f"one-record JSON topics | {ours['rate_per_cpu_s']:,.0f} rec/s per CPU-s"
        f" | plain Faust {plain['rate_per_cpu_s']:,.0f} rec/s per CPU-s"
        f" | ratio {ratio:.1f} (>= {TARGET:g})"
        f" | wall {ours['rate_wall']:,.0f} and {plain['rate_wall']:,.0f} rec/s"
        f" | broker {ours['broker_cpu_s']:.1f} CPU-s beside our {ours['cpu_s']:.1f}"
        f" | with start-up {ours['rate_with_start']:,.0f} rec/s per CPU-s"
    )
    figures = {f"ours_{key}": value for key, value in ours.items()}
    figures |= {f"plain_{key}": value for key, value in plain.items()}
    return [Row("THROUGHPUT", text, ratio >= TARGET, {**figures, "ratio": ratio})]


def _plain(bootstrap: str) -> dict[str, float]:
    """Run the plain agent over the first records."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.plain_faust", bootstrap, "samples",
         str(PEER_SKIP), str(PEER_COUNT)],
        capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    if ran.returncode != 0:
        raise AssertionError(f"plain Faust failed\n{ran.stdout}{ran.stderr[-3000:]}")
    said = json.loads(ran.stdout.splitlines()[-1])
    return {
        "cpu_s": said["cpu_s"],
        "rate_per_cpu_s": said["records"] / said["cpu_s"],
        "rate_wall": said["records"] / said["wall_s"],
    }


def _ours(broker: services.Kafka, directory: Path, backlog: Backlog) -> dict[str, float]:
    worker = Worker(directory / "tocsin", broker.url, RULES, NOBODY, _MORE)
    try:
        worker.start()
        samples = _watch(worker, broker, backlog)
        dropped = worker.dropped()
    except BaseException:
        sys.stderr.write(worker.tail())
        raise
    finally:
        worker.stop()
    assert not dropped, f"rows were dropped: {dropped}"
    _check(broker.bootstrap, backlog)
    return _figures(samples, backlog.size)


def _watch(worker: Worker, broker: services.Kafka, backlog: Backlog) -> list[Sample]:
    """Look at the worker until it has taken all and raised what it must; then once more."""
    samples: list[Sample] = []

    def look() -> bool:
        found = worker.metrics()
        assert worker.pid is not None
        assert broker.pid is not None
        samples.append(
            Sample(
                time.perf_counter(), cpu_s(worker.pid), cpu_s(broker.pid),
                found.get(("tocsin_source_records_total", 'topic="samples"'), 0),
                found.get(("tocsin_shard_batches_total", 'verdict="new"'), 0),
                found.get(("tocsin_records_applied_total", 'topic="alerts"'), 0),
            )
        )  # fmt: skip
        now = samples[-1]
        # Fire and resolve of each, and a hello of each shard: beyond that the log is only marks.
        done = now.taken >= backlog.size and now.alerts >= 2 * len(backlog.firing())
        return done and samples[-min(QUIET, len(samples))].batches == now.batches

    deadline_s = time.monotonic() + TIMEOUT_S
    while not look():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"{samples[-1]} of {backlog.size} records\n{worker.tail()}")
        time.sleep(LOOK_S)
    return samples


def _figures(samples: list[Sample], size: int) -> dict[str, float]:
    """From the first look that saw records to the first at which every shard had all of them."""
    last_batches = samples[-1].batches
    first = next(s for s in samples if s.taken > 0)
    last = next(s for s in samples if s.taken >= size and s.batches >= last_batches)
    records, spent_s = last.taken - first.taken, last.cpu_s - first.cpu_s
    assert records > size / 2, "the worker was done before it was first looked at"
    return {
        "records": records,
        "cpu_s": spent_s,
        "broker_cpu_s": last.broker_cpu_s - first.broker_cpu_s,
        "rate_per_cpu_s": records / spent_s,
        "rate_wall": records / (last.at_s - first.at_s),
        "rate_with_start": last.taken / last.cpu_s,
    }


def _check(bootstrap: str, backlog: Backlog) -> None:
    """Compare the alerts with the truth: no sum may be wrong."""
    entries = [json.loads(raw) for raw in asyncio.run(read_all(bootstrap, "bench.alerts"))]
    fired = [
        (entry["labels"]["host"], entry["event_ms"], entry["values"]["total"])
        for entry in entries
        if entry["kind"] == "alert" and entry["state"] == "firing"
    ]
    wanted = backlog.firing()
    assert len(fired) == len(set(fired)), "an alert was raised twice"
    missing, wrong = wanted - set(fired), set(fired) - wanted
    assert not missing, f"{len(missing)} alerts are missing, such as {min(missing)}"
    assert not wrong, f"{len(wrong)} alerts are wrong, such as {min(wrong)}"
