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
from tests.acceptance.talking import Answer, ask, total
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


class Readiness:
    """Asks workers whether they are ready, again and again, and notes each change."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.changes: dict[str, list[bool]] = {}
        self._threads: list[threading.Thread] = []

    def watch(self, worker: Worker) -> None:
        seen = self.changes.setdefault(worker.name, [])
        thread = threading.Thread(target=self._watch, args=(worker, seen), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, worker: Worker, seen: list[bool]) -> None:
        while not self.over.wait(0.05):
            ready = ask(f"{worker.url}/-/ready", timeout_s=2).status == 200
            if not seen or seen[-1] != ready:
                seen.append(ready)

    def marks(self) -> dict[str, int]:
        return {name: len(seen) for name, seen in self.changes.items()}

    def dipped(self, worker: Worker, since: dict[str, int]) -> None:
        """Not ready while partitions change hands, then ready; its two groups may do so in turn."""

        def changes() -> list[bool]:
            return self.changes[worker.name][since.get(worker.name, 0) :]

        until(lambda: changes()[:1] == [False] and changes()[-1], 10,
              lambda: f"{worker.name} ready={self.changes}")  # fmt: skip

    def stop(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(10)


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
    for worker in first:
        until(worker.answers, 30)
        readiness.watch(worker)
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
        readiness.stop()


def joined(run: Whole, readiness: Readiness) -> list[str]:
    """A third one comes; everybody is busy for a moment, then each answers for all."""
    before = readiness.marks()
    late = run.worker("w2")
    readiness.watch(late)
    late.start()
    workers = list(run.workers.values())
    settled(run, workers)
    print(f"joined: ready={readiness.changes}")
    assert min(map(shards_of, workers)) >= 4
    for worker in workers:
        readiness.dipped(worker, before)
    return [silenced_everywhere(by, workers) for by in workers]


def shards_of(worker: Worker) -> int:
    return total(worker.metrics(), "tocsin_owners_count", topic="shards")


def settled(run: Whole, workers: list[Worker]) -> None:
    """Wait until all are ready and every shard has its owner; the gauge is a moment behind."""
    until(
        lambda: all(w.answers() for w in workers) and sum(map(shards_of, workers)) == 16,
        60, run.logs,
    )  # fmt: skip


def served(url: str, body: bytes | None = None) -> Answer:
    """Ask again while the notifier is moving; that is a 503, never a 404 or an empty answer."""
    found = until(lambda: (answer := ask(url, body)).status != 503 and answer, 20, url)
    assert isinstance(found, Answer)
    return found


def silenced_everywhere(by: Worker, workers: list[Worker]) -> str:
    """Post a silence at one; each other one knows it at once: the post waited for the owner.

    Unless the owner is moving just then, and the answer says so; then they know it soon.
    """
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "service", "value": f"of-{by.name}", "isRegex": False}],
        "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": by.name, "comment": "three workers",
    }  # fmt: skip
    answer = served(f"{by.url}/api/v2/silences", json.dumps(silence).encode())
    assert answer.status == 200, answer
    found: str = answer.json()["silenceID"]
    if answer.warning:
        print(f"{by.name}: {answer.warning}")
        until(lambda: ask(f"{by.url}/api/v2/silence/{found}").status == 200, 20)
    for other in workers:
        read = served(f"{other.url}/api/v2/silence/{found}")
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
    before = readiness.marks()
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
        readiness.dipped(worker, before)
        for silence in silences:
            assert served(f"{worker.url}/api/v2/silence/{silence}").status == 200
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
        answers = [served(f"{worker.url}/api/v2/{path}") for worker in workers]
        assert {answer.status for answer in answers} == {200}, path
        assert len({answer.text for answer in answers}) == 1, path
