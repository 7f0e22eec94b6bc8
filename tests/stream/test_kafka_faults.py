"""Workers on a real Kafka are killed, joined, frozen: nothing is lost, nothing counts twice."""

import asyncio
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.acceptance import services
from tests.stream.test_embedded_kill import SHARDS, SOURCES, check, child, events
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

SESSION_MS = 6_000


@pytest.fixture(scope="module")
def broker() -> Iterator[services.Kafka]:
    if reason := services.missing_kafka():
        pytest.skip(reason)
    with services.kafka() as kafka:
        yield kafka


class Load(threading.Thread):
    """Writes numbers to every partition, from 0, until told to stop."""

    def __init__(self, bootstrap: str, topics: list[dict[str, Any]], rate: int) -> None:
        super().__init__()
        self.bootstrap, self.topics, self.rate = bootstrap, topics, rate
        self.over = threading.Event()
        self.made = 0

    def run(self) -> None:
        asyncio.run(self.produce())

    async def produce(self) -> None:
        partitions = [(t["topic"], p) for t in self.topics for p in range(t["partitions"])]
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5) as producer:
            started, number = time.monotonic(), 0
            while not self.over.is_set():
                due = int((time.monotonic() - started) * self.rate / len(partitions)) - number
                for _ in range(due):
                    for topic, partition in partitions:
                        value = b"%012d" % number + b"." * 60
                        await producer.send(topic, value, partition=partition)
                    number += 1
                self.made = number
                await asyncio.sleep(0.005)  # not a wait: the pace of the load


class Fleet:
    """Workers with what Kubernetes would do: who ends with 1 is started again."""

    def __init__(self, plan: dict[str, Any], directory: Path) -> None:
        self.plan, self.directory = plan, directory
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts: list[str] = []

    def out(self, name: str) -> Path:
        return self.directory / f"{name}.out"

    def start(self, name: str, fault: str = "", **more: Any) -> None:
        plan = {**self.plan, "instance": name, "data_dir": str(self.directory / name), **more}
        plan["url"] = f"http://127.0.0.1/{name}"
        self.workers[name] = child(plan, self.out(name), fault)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.workers[name].send_signal(number)

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def lapse(self, seconds: float) -> None:
        """Let time pass, and start again who has ended by itself."""
        over_s = time.monotonic() + seconds

        def passed() -> bool:
            for name, process in self.workers.items():
                if process.poll() == 1:
                    self.restarts.append(name)
                    self.start(name)
            return time.monotonic() >= over_s

        until(passed, seconds + 5)

    def stop(self) -> None:
        for process in self.workers.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in self.workers.items():
            process.wait(50)
            assert process.returncode in (0, -9, -15), self.out(name).read_text()[-3000:]

    def taken(self, count: int) -> Callable[[], bool]:
        """Return whether the live workers have taken over so many owners in all, just now."""

        def held() -> bool:
            now: dict[tuple[str, str], int] = {}
            for name in self.workers:
                for event in events(self.out(name), "taken_over"):
                    for partition, epoch in event["epochs"].items():
                        key = (event["role"], partition)
                        now[key] = max(now.get(key, 0), epoch)
            return len(now) >= count

        return held


@pytest.fixture
def plan(broker: services.Kafka, request: pytest.FixtureRequest) -> dict[str, Any]:
    app = f"t{random.randrange(10**9)}"
    sources = [{**source, "topic": f"{app}-{source['topic']}"} for source in SOURCES]
    for source in sources:
        broker.create_topic(source["topic"], source["partitions"])
    return {
        "broker": broker.url, "app_id": app, "sources": sources, "shards": SHARDS,
        "session_timeout_ms": SESSION_MS, "checkpoint_every_ms": 1_000,
    }  # fmt: skip


def finish(fleet: Fleet, load: Load, plan: dict[str, Any]) -> dict[str, Any]:
    """Stop everybody, let one worker with an empty disk drain the logs, and check its state."""
    load.over.set()
    load.join()
    fleet.stop()
    fleet.start("last", drain=True)
    last = fleet.workers["last"]
    assert last.wait(90) == 0, fleet.out("last").read_text()[-3000:]
    result = events(fleet.out("last"), "result")[-1]
    app = plan["app_id"]
    strip = {k.removeprefix(f"{app}-"): v for k, v in result["ends"].items()}
    assert strip["metrics/0"] == load.made > 0
    check({**result, "ends": strip})
    return result


def test_killed_joined_and_frozen(plan: dict[str, Any], tmp_path: Path,
                                  broker: services.Kafka) -> None:  # fmt: skip
    fleet = Fleet(plan, tmp_path)
    load = Load(broker.bootstrap, plan["sources"], rate=3_000)
    fleet.start("w0")
    fleet.start("w1")
    until(fleet.taken(SHARDS + 1), 40, lambda: fleet.out("w0").read_text()[-2000:])
    load.start()
    try:
        fleet.lapse(5)
        fleet.kill("w0")
        fleet.lapse(1)
        fleet.start("w0")
        fleet.lapse(7)
        fleet.start("w2")
        fleet.lapse(7)
        fleet.signal("w1", signal.SIGSTOP)
        fleet.lapse(2 * SESSION_MS / 1000)
        fleet.signal("w1", signal.SIGCONT)
        fleet.lapse(6)
        fleet.kill("w0")
        shutil.rmtree(tmp_path / "w0")
        fleet.lapse(SESSION_MS / 1000 + 4)
    finally:
        for process in fleet.workers.values():
            process.send_signal(signal.SIGCONT)
        result = finish(fleet, load, plan)
    print(f"restarts={fleet.restarts} old={result['notifier']['old']}"
          f" repeats={result['notifier']['repeats']}")  # fmt: skip


@pytest.mark.parametrize("point", ["ingest.after_ack:4", "checkpoint.after_chunks:4",
                                   "checkpoint.after_manifest:5", "checkpoint.after_commit:5"])  # fmt: skip
def test_killed_at_a_fault_point(plan: dict[str, Any], tmp_path: Path, broker: services.Kafka,
                                 point: str) -> None:  # fmt: skip
    fleet = Fleet(plan, tmp_path)
    load = Load(broker.bootstrap, plan["sources"], rate=3_000)
    load.start()
    try:
        fleet.start("w0", point)
        assert fleet.workers["w0"].wait(60) == -signal.SIGKILL, fleet.out("w0").read_text()[-2000:]
        fleet.start("w0")
        fleet.lapse(8)
    finally:
        finish(fleet, load, plan)


def test_the_wrong_topics_are_refused_with_a_remedy(
    plan: dict[str, Any], tmp_path: Path, broker: services.Kafka
) -> None:
    broker.create_topic(f"{plan['app_id']}.shards", 2)
    out = tmp_path / "out"
    wrong = {**plan, "data_dir": str(tmp_path), "sources": [{"topic": "nowhere"}]}
    assert child(wrong, out).wait(40) == 1
    text = out.read_text()
    assert f"topic {plan['app_id']}.shards has 2 partitions, not {SHARDS}" in text
    assert "message.timestamp.type=CreateTime" in text
    assert "source topic nowhere does not exist" in text


def test_of_two_processes_with_one_id_the_elder_leaves(
    plan: dict[str, Any], tmp_path: Path, broker: services.Kafka
) -> None:
    fleet = Fleet(plan, tmp_path)
    load = Load(broker.bootstrap, plan["sources"], rate=1_000)
    load.start()
    try:
        fleet.start("w0")
        until(fleet.taken(SHARDS + 1), 40, lambda: fleet.out("w0").read_text()[-2000:])
        elder = fleet.workers.pop("w0")
        twin = {**plan, "instance": "w0", "data_dir": str(tmp_path / "twin"), "url": "http://x"}
        fleet.workers["twin"] = child(twin, fleet.out("twin"))
        assert elder.wait(60) == 1, fleet.out("w0").read_text()[-2000:]
        assert "a younger process has the instance id w0" in fleet.out("w0").read_text()
        taken = events(fleet.out("twin"), "taken_over")
        until(lambda: events(fleet.out("twin"), "taken_over") != taken or taken, 40)
    finally:
        finish(fleet, load, plan)
