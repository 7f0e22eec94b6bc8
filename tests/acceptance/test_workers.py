"""Three workers on Kafka: one joins late, one leaves, under load; any of them answers."""

import dataclasses
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance import services
from tests.acceptance.fleet import WINDOW_MS, Load
from tests.acceptance.talking import ask, total
from tests.acceptance.whole import Producer, Whole, Worker, alert_log, keys, whole
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

APP = "three"
JOIN_S, LEAVE_S = 8.0, 26.0  # of the load; incidents are longer than a change of hands


@dataclasses.dataclass(frozen=True)
class OwnLoad(Load):
    """The same load on topics of our own."""

    def records(self) -> Iterator[tuple[int, str, int, bytes]]:
        for at_ms, topic, partition, record in super().records():
            yield at_ms, f"of-{topic}", partition, record


class Readiness(threading.Thread):
    """Asks workers whether they are ready, again and again, and notes each change."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.asked: tuple[Worker, ...] = ()
        self.changes: dict[str, list[bool]] = {}

    def run(self) -> None:
        while not self.over.wait(0.05):
            for worker in self.asked:
                answer = ask(f"{worker.url}/-/ready", timeout_s=2)
                seen = self.changes.setdefault(worker.name, [])
                if answer.status and (not seen or seen[-1] != (answer.status == 200)):
                    seen.append(answer.status == 200)


@pytest.fixture
def run(kafka: services.Kafka, redis: services.Redis, tmp_path: Path) -> Iterator[Whole]:
    kafka.create_topic("of-metrics", 4)
    kafka.create_topic("of-logs", 3)
    with whole(tmp_path, kafka.url, redis.url, APP, Load(0, 0).rules()) as found:
        for kind in ("metrics", "logs"):
            found.config = found.config.replace(
                f"topic: {kind},", f"topic: of-{kind}, kind: {kind},"
            )
        yield found


def test_one_joins_and_one_leaves_under_load_and_any_answers(
    run: Whole, kafka: services.Kafka
) -> None:
    readiness = Readiness()
    first = [run.worker("w0"), run.worker("w1")]
    for worker in first:
        worker.start()
    readiness.asked = tuple(first)
    readiness.start()
    try:
        start_ms = int((time.time() + 3) * 1000) // WINDOW_MS * WINDOW_MS + WINDOW_MS
        load = OwnLoad(start_ms, windows=34, length=18)
        producer = Producer(kafka.bootstrap, load)
        producer.start()
        until(lambda: time.time() * 1000 >= start_ms + JOIN_S * 1000, 30)
        silences = joined(run, readiness)
        until(lambda: time.time() * 1000 >= start_ms + LEAVE_S * 1000, 60)
        left(run, readiness, silences)
        producer.join(load.windows * WINDOW_MS / 1000 + 60)
        assert producer.failed is None
        told(run, load)
        assert keys(alert_log(kafka.bootstrap, APP)) == load.truth()
        same_answers([w for w in run.workers.values() if w.running])
        for worker in run.workers.values():
            if worker.running:
                assert worker.dropped() == {}
    finally:
        readiness.over.set()
        readiness.join(10)


def joined(run: Whole, readiness: Readiness) -> list[str]:
    """A third one comes; everybody is busy for a moment, then each answers for all."""
    before = {name: len(seen) for name, seen in readiness.changes.items()}
    late = run.worker("w2")
    readiness.asked += (late,)
    late.start()
    workers = list(run.workers.values())
    settled(run, workers)
    print(f"joined: ready={readiness.changes}")
    assert min(map(shards_of, workers)) >= 4
    assert readiness.changes["w2"] == [False, True], "not ready before it has its shards"
    for name in ("w0", "w1"):
        dipped(readiness.changes[name][before[name] :])
    return [silenced_everywhere(by, workers) for by in workers]


def shards_of(worker: Worker) -> int:
    return total(worker.metrics(), "tocsin_owners_count", topic="shards")


def settled(run: Whole, workers: list[Worker]) -> None:
    """Wait until all are ready and every shard has its owner; the gauge is a moment behind."""
    until(
        lambda: all(w.answers() for w in workers) and sum(map(shards_of, workers)) == 16,
        60, run.logs,
    )  # fmt: skip


def dipped(changes: list[bool]) -> None:
    """Not ready while partitions change hands; the two groups of a worker may do so in turn."""
    assert changes[:1] == [False]
    assert changes[-1] is True


def silenced_everywhere(by: Worker, workers: list[Worker]) -> str:
    """Post a silence at one; each other one knows it at once: the post waited for its owner."""
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "service", "value": f"of-{by.name}", "isRegex": False}],
        "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": by.name, "comment": "three workers",
    }  # fmt: skip
    answer = ask(f"{by.url}/api/v2/silences", json.dumps(silence).encode())
    assert answer.status == 200, answer
    found: str = answer.json()["silenceID"]
    for other in workers:
        read = ask(f"{other.url}/api/v2/silence/{found}")
        assert read.status == 200, (by.name, other.name, read)
        assert read.json()["createdBy"] == by.name
    return found


def owner_of_alerts(run: Whole) -> Worker:
    def owners() -> list[Worker]:
        return [
            worker for worker in run.workers.values()
            if worker.running
            and total(worker.metrics(), "tocsin_owners_count", topic="alerts") == 1
        ]  # fmt: skip

    until(lambda: len(owners()) == 1, 20)
    return owners()[0]


def left(run: Whole, readiness: Readiness, silences: list[str]) -> None:
    """The notifier's owner goes, in good order; the others take over and know everything."""
    leaving = owner_of_alerts(run)
    staying = [worker for worker in run.workers.values() if worker is not leaving]
    before = {name: len(seen) for name, seen in readiness.changes.items()}
    readiness.asked = tuple(staying)
    process = leaving._process
    assert process is not None
    began_s = time.monotonic()
    process.terminate()
    assert process.wait(30) == 0, run.logs()
    print(f"{leaving.name} ended in {time.monotonic() - began_s:.1f} s")
    leaving.stop()
    settled(run, staying)
    print(f"left: took {time.monotonic() - began_s:.1f} s ready={readiness.changes}")
    for worker in staying:
        dipped(readiness.changes[worker.name][before[worker.name] :])
        for silence in silences:
            assert ask(f"{worker.url}/api/v2/silence/{silence}").status == 200
    assert owner_of_alerts(run) in staying


def told(run: Whole, load: Load) -> None:
    """Every message, once; a break-off in the middle of a send may double one, and says so."""
    wanted = load.episodes()

    def done() -> bool:
        ended = sum(what.startswith("resolved") for _, _, what in run.far.hooks())
        return ended >= wanted and len(run.far.mails()) >= 2 * wanted

    until(done, 90, lambda: f"{len(run.far.hooks())} of {2 * wanted}\n{run.state()}")
    hooks = run.far.hooks()
    idempotency = Counter(hit.headers["idempotency-key"] for hit in tuple(run.far.hook.hits))
    marked = sum(
        e["kind"] == "notified" and e["possibly_repeated"]
        for e in alert_log(run.broker.removeprefix("kafka://"), APP)
    )
    mails = run.far.mails()
    print(
        f"webhook={sum(hooks.values())} of {2 * wanted} mails={sum(mails.values())} marked={marked}"
    )
    assert len(hooks) == 2 * wanted
    assert sum(hooks.values()) - len(hooks) == sum(idempotency.values()) - len(idempotency)
    assert sum(mails.values()) - 2 * wanted <= marked


def same_answers(workers: list[Worker]) -> None:
    """Alerts, groups, silences and receivers are the same wherever they are asked for."""
    for path in ("alerts", "alerts/groups", "silences", "receivers"):
        answers = [ask(f"{worker.url}/api/v2/{path}") for worker in workers]
        assert {answer.status for answer in answers} == {200}, path
        assert len({answer.text for answer in answers}) == 1, path
