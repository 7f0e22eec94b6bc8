"""Row MEMORY: resident memory of workers behind a backlog of 2 GB, one of them stopped for 30 s.

Two runs over the same two topics. In the first, one worker does everything. In the second the
roles are apart: one process reads the sources, the other owns the shards and is stopped (SIGSTOP)
for 30 s in the middle of the backlog, within its session. What is read meanwhile has to wait in
the log and not in anybody's memory. (One shard alone cannot be stopped from outside; all sixteen
standing still is the worse case for the process that goes on.)
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from aiokafka import AIOKafkaProducer

from engine.clock import system_clock
from tests.acceptance import services
from tests.bench.machine import peak_mb
from tests.bench.row import Row
from tests.bench.worker import NOBODY, Worker

TARGET_MB = 400.0
LOG_BYTES, METRIC_BYTES = 1_800_000_000, 200_000_000
LINE_BYTES, SAMPLE_BYTES = 2_000, 120
LOOK_S, STOPPED_S, TIMEOUT_S = 0.5, 30.0, 1_200.0
SPREAD_MS = 1_200_000  # event time of the backlog
RULES = """\
groups:
- name: bench
  rules:
  - alert: Lines
    logs: '{job="shop"}'
    window: {tumbling: 1m}
    by: [service]
    compute: {seen: count(), users: distinct(user)}
    when: seen < users
  - alert: Errors
    logs: '{job="shop"} |= "error"'
    window: {sliding: 5m, every: 30s}
    by: [service]
    compute: {errors: count()}
    when: errors > 1e9
  - alert: Latency
    metrics: latency_seconds
    window: {sliding: 5m, every: 30s}
    by: [service]
    compute: {p99: 'quantile(0.99)', mean: avg()}
    when: p99 < 0 or mean < 0
"""
_MORE = """\
dedup: {dedup}
roles: [{roles}]
session_timeout: 60s
evaluation_timeout: 90s
sources:
- {{topic: metrics, format: json}}
- {{topic: logs, format: json}}
"""


def run() -> list[Row]:
    """Fill two topics once, work through them twice."""
    with (
        services.kafka() as broker,
        services.redis() as cache,
        tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch,
    ):
        for topic in ("metrics", "logs"):
            broker.create_topic(topic, 4)
        total = asyncio.run(_fill(broker.bootstrap))
        place, rows = Path(scratch), []
        both = _worker(place, broker, cache, "alone", "ingest, evaluate")
        rows.append(_row("one worker", *_through([both], total, stopped=False)))
        pair = [
            _worker(place, broker, cache, "parted", "ingest", "reader"),
            _worker(place, broker, cache, "parted", "evaluate", "owner"),
        ]
        rows.append(_row("shards stopped for 30 s", *_through(pair, total, stopped=True)))
        return rows


def _worker(
    place: Path, broker: services.Kafka, cache: services.Redis, app: str, roles: str,
    name: str = "both",
) -> Worker:  # fmt: skip
    more = _MORE.format(dedup=cache.url, roles=roles)
    return Worker(place / name, broker.url, RULES, NOBODY, more, app=app, name=name)


def _records(now_ms: int) -> Iterator[tuple[str, int, int, bytes]]:
    """Yield (topic, partition, time, record); two samples, or one, between two lines."""
    chance = random.Random(3)
    filler = "".join(chance.choices("abcdefghij klmnop", k=2 * LINE_BYTES))
    lines = LOG_BYTES // LINE_BYTES
    samples_due = 0.0
    for n in range(lines):
        at_ms = now_ms - SPREAD_MS + n * SPREAD_MS // lines
        start, word = chance.randrange(LINE_BYTES), "info" if n % 100 else "error"
        text = f"{word} {filler[start : start + LINE_BYTES - 130]}"
        line = f'"labels":{{"job":"shop","service":"s{n % 40}"}},"user":"u{n % 5_000}"'
        record = f'{{"timestamp":{at_ms},{line},"message":"{text}"}}'
        yield "logs", n % 4, at_ms, record.encode()
        samples_due += METRIC_BYTES / SAMPLE_BYTES / lines
        while samples_due >= 1:
            samples_due -= 1
            labels = f'{{"service":"s{n % 40}","pod":"p{n % 2_000}"}}'
            value = f'"labels":{labels},"value":{chance.random():.3f}'
            record = f'{{"timestamp":{at_ms},"name":"latency_seconds",{value}}}'
            yield "metrics", n % 4, at_ms, record.encode()


async def _fill(bootstrap: str) -> dict[str, int]:
    """Append it all; returns how many records each topic has."""
    count = {"metrics": 0, "logs": 0}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, max_batch_size=900_000)
    async with producer:
        waiting = []
        for topic, partition, at_ms, record in _records(system_clock()):
            sent = await producer.send(topic, record, partition=partition, timestamp_ms=at_ms)
            count[topic] += 1
            waiting.append(sent)
            if len(waiting) >= 10_000:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
    return count


def _through(
    workers: list[Worker], total: dict[str, int], *, stopped: bool
) -> tuple[dict[str, float], float]:
    """Work through the backlog; returns the peak of each worker, and the seconds it took."""
    try:
        for worker in reversed(workers):  # who owns the shards puts the rules into force
            worker.start()
        began_s = time.perf_counter()
        _watch(workers, total, stopped=stopped)
        took_s = time.perf_counter() - began_s
        peaks = {w.name: peak_mb(w.pid) for w in workers if w.pid is not None}
        assert len(peaks) == len(workers), "a worker ended"
    except BaseException:
        sys.stderr.write("\n".join(worker.tail() for worker in workers))
        raise
    finally:
        for worker in workers:
            worker.stop()
    return peaks, took_s


def _watch(workers: list[Worker], total: dict[str, int], *, stopped: bool) -> None:
    reader, owner = workers[0], workers[-1]
    deadline_s, stop_s, quiet, before = time.monotonic() + TIMEOUT_S, 0.0, 0, 0.0
    while quiet < 6:
        assert time.monotonic() < deadline_s, f"not through in {TIMEOUT_S:g} s"
        assert all(worker.running for worker in workers), "a worker ended"
        time.sleep(LOOK_S)
        if stop_s and time.monotonic() - stop_s > STOPPED_S:
            owner.resume()
            stop_s = 0.0
        found = reader.metrics_or_nothing()
        taken = {t: found.get(("tocsin_source_records_total", f'topic="{t}"'), 0) for t in total}
        if stopped and taken["logs"] > total["logs"] / 10:
            owner.pause()
            stopped, stop_s = False, time.monotonic()
        if stop_s or any(taken[topic] < total[topic] for topic in total):
            continue
        applied = owner.metrics_or_nothing().get(("tocsin_shard_batches_total", 'verdict="new"'), 0)
        quiet = quiet + 1 if applied and applied == before else 0
        before = applied


def _row(what: str, peaks: dict[str, float], took_s: float) -> Row:
    most = max(peaks.values())
    said = ", ".join(f"{name} {peak:.0f} MB" for name, peak in peaks.items())
    size = (LOG_BYTES + METRIC_BYTES) / 1e9
    text = f"{size:g} GB backlog, {what} | peak RSS {said} (<= {TARGET_MB:g}) | {took_s:.0f} s"
    figures = {f"{name}_peak_mb": peak for name, peak in peaks.items()}
    return Row("MEMORY", text, most <= TARGET_MB, {"case": what, **figures, "took_s": took_s})
