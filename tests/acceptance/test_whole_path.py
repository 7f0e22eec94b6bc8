"""From 100,000 samples and 100,000 log lines on a real Kafka to exactly the expected messages."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import services
from tests.acceptance.fleet import WINDOW_MS, Load
from tests.acceptance.whole import Producer, Whole, alert_log, keys, whole
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

WINDOWS = 46


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[services.Kafka, services.Redis]]:
    for reason in (services.missing_kafka(), services.missing_redis()):
        if reason:
            pytest.skip(reason)
    with services.kafka() as kafka, services.redis() as redis:
        kafka.create_topic("metrics", 4)
        kafka.create_topic("logs", 3)
        yield kafka, redis


def starting(load_windows: int, in_s: float = 3.0) -> Load:
    start_ms = int((time.time() + in_s) * 1000) // WINDOW_MS * WINDOW_MS + WINDOW_MS
    return Load(start_ms, load_windows)


def finished(run: Whole, load: Load, timeout_s: float) -> None:
    """Wait until every episode has ended at the webhook, the slowest far side aside."""
    wanted = load.episodes()

    def done() -> bool:
        return sum(w.startswith("resolved") for _, _, w in run.far.hooks()) >= wanted

    until(done, timeout_s, lambda: f"{len(run.far.hooks())} of {2 * wanted}\n{run.logs()}")


def test_100_000_samples_and_lines_give_exactly_the_expected_messages(
    parts: tuple[services.Kafka, services.Redis], tmp_path: Path
) -> None:
    kafka, redis = parts
    with whole(tmp_path, kafka.url, redis.url, "calm", Load(0, 0).rules()) as run:
        for name in ("w0", "w1"):
            run.worker(name).start()
        load = starting(WINDOWS)
        producer = Producer(kafka.bootstrap, load)
        producer.start()
        producer.join(load.windows * WINDOW_MS / 1000 + 60)
        assert producer.failed is None
        assert min(producer.sent.values()) >= 100_000, producer.sent
        finished(run, load, 60)
        wanted = load.episodes()
        until(lambda: sum("RESOLVED" in text for text in run.far.roots()) >= wanted, 90)
        until(lambda: sum(run.far.mails().values()) >= 2 * wanted, 30)
        entries = alert_log(kafka.bootstrap, "calm")
        assert keys(entries) == load.truth()
        assert set(run.far.hooks().values()) == {1}
        assert len(run.far.hooks()) == 2 * wanted
        assert len(run.far.roots()) == wanted
        by_status = Counter(status for _, status in run.far.mails().elements())
        assert by_status == {"firing": wanted, "resolved": wanted}
        for worker in run.workers.values():
            assert worker.dropped() == {}
        print(f"sent={dict(producer.sent)} episodes={wanted} records={len(entries)}")
