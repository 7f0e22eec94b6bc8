"""Row LATENCY: a record in, a webhook out, for `evaluate: arrival` on an idle worker."""

import asyncio
import json
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiokafka import AIOKafkaProducer

from engine.clock import system_clock
from tests.acceptance import services
from tests.bench.row import Row, quantile
from tests.bench.worker import Hooks, Worker
from tests.waiting import until_async

P50_MS, P99_MS = 20.0, 200.0
COUNT, WARM_UP = 200, 10
PAUSE_S = (0.03, 0.12)
SEED = 7
RULES = """\
groups:
- name: bench
  rules:
  - alert: Probe
    metrics: probe
    window: {sliding: 10m, every: 10s}
    by: [probe]
    compute: {newest: last()}
    when: newest > 0
    evaluate: arrival
    annotations: {summary: "{{ labels.probe }} is {{ newest }}"}
"""
NOTIFIERS = """\
route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1h}}
receivers:
- name: hook
  webhook_configs: [{{url: '{url}', send_resolved: false}}]
"""
_SOURCES = "sources: [{topic: probes, format: json, kind: metrics, partitions: 4}]"

Send = Callable[[int, bytes], Awaitable[None]]


def run() -> list[Row]:
    """Measure both transports, one after the other."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as scratch:
        rows = [_embedded(Path(scratch))]
        with services.kafka() as broker, services.redis() as cache:
            broker.create_topic("probes", 4)
            rows.append(_kafka(Path(scratch), broker, cache))
    return rows


def _embedded(directory: Path) -> Row:
    async def measure(worker: Worker, hooks: Hooks) -> list[float]:
        url = f"{worker.url}/api/v1/ingest/metrics"

        def post(body: bytes) -> None:
            urllib.request.urlopen(urllib.request.Request(url, body), timeout=60).close()

        async def send(_: int, body: bytes) -> None:
            await asyncio.to_thread(post, body)

        return await _probe(send, hooks)

    times = _with_worker(directory / "embedded", "embedded://data/log", "", measure)
    return _row("embedded, HTTP", times)


def _kafka(directory: Path, broker: services.Kafka, cache: services.Redis) -> Row:
    async def measure(_: Worker, hooks: Hooks) -> list[float]:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:

            async def send(number: int, body: bytes) -> None:
                await producer.send_and_wait("probes", body, partition=number % 4)

            return await _probe(send, hooks)

    more = f"dedup: {cache.url}\n{_SOURCES}"
    return _row("Kafka", _with_worker(directory / "kafka", broker.url, more, measure))


def _with_worker(
    directory: Path,
    broker: str,
    more: str,
    measure: Callable[[Worker, Hooks], Awaitable[list[float]]],
) -> list[float]:
    hooks = Hooks()
    with hooks.serving():
        worker = Worker(directory, broker, RULES, NOTIFIERS.format(url=hooks.url), more)
        try:
            worker.start()

            async def measured() -> list[float]:
                return await measure(worker, hooks)

            return asyncio.run(measured())
        except BaseException:
            sys.stderr.write(worker.tail())
            raise
        finally:
            worker.stop()


async def _probe(send: Send, hooks: Hooks) -> list[float]:
    """Send records one at a time, each a group of its own; ms from before the send to the hook."""
    chance, took_ms = random.Random(SEED), []
    for number in range(WARM_UP + COUNT):
        name = f"p{number}"
        body = {"timestamp": system_clock(), "name": "probe", "labels": {"probe": name}, "value": 1}
        began_s = time.perf_counter()
        await send(number, json.dumps(body).encode())
        await until_async(lambda name=name: name in hooks.told_s, 60, f"the webhook of {name}")
        took_ms.append((hooks.told_s[name] - began_s) * 1000)
        await asyncio.sleep(chance.uniform(*PAUSE_S))
    return took_ms


def _row(what: str, times: list[float]) -> Row:
    """The first ones load kernels and open connections: said, not counted."""
    first, counted = times[0], times[WARM_UP:]
    p50, p99 = quantile(counted, 0.5), quantile(counted, 0.99)
    text = (
        f"record -> webhook, arrival, idle, {what} | p50 {p50:.1f} ms (<= {P50_MS:g})"
        f" | p99 {p99:.1f} ms (<= {P99_MS:g}) | max {max(counted):.1f} ms"
        f" | first ever {first:.0f} ms"
    )
    figures = {"transport": what, "p50_ms": p50, "p99_ms": p99, "max_ms": max(counted),
               "first_ms": first, "count": len(counted)}  # fmt: skip
    return Row("LATENCY", text, p50 <= P50_MS and p99 <= P99_MS, figures)
