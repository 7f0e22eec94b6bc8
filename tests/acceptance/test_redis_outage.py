"""Redis killed, frozen and emptied while alerts fire and resolve: nobody misses a page."""

import asyncio
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.acceptance import services
from tests.acceptance.talking import labelled, total
from tests.acceptance.teams import route_by
from tests.acceptance.whole import Whole, Worker, whole
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

APP = "outage"
OUTAGE_S = 60 if os.environ.get("LONG") else 20
REST_S = 6  # notifiers/store.py asks a failed store again after 5 s
SIZE = 20
TEAMS = 10  # Slack takes one message a second and channel
WARNING = "You may get this message twice."
RULES = """\
groups:
- name: outage
  rules:
  - alert: Down
    metrics: down
    window: {tumbling: 1s}
    by: [service, team]
    compute: {worst: max()}
    when: worst > 0
    annotations: {summary: "{{ labels.service }} is down"}
"""


class Fleet(threading.Thread):
    """Says of every service, five times a second, whether it is down."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(daemon=True)
        self.bootstrap, self.over = bootstrap, threading.Event()
        self.down: frozenset[str] = frozenset()
        self.everybody = [f"{group}{i:02d}x" for group in "abc" for i in range(SIZE)]

    def run(self) -> None:
        asyncio.run(self._produce())

    async def _produce(self) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            while not await asyncio.to_thread(self.over.wait, 0.2):
                at_ms, down = int(time.time() * 1000), self.down
                sent = []
                for i, service in enumerate(self.everybody):
                    labels = {"service": service, "team": str(i % TEAMS)}
                    body = {"timestamp": at_ms, "name": "down", "labels": labels,
                            "value": int(service in down)}  # fmt: skip
                    value = json.dumps(body).encode()
                    sent.append(await producer.send("redis-down", value, partition=i % 2))
                await asyncio.gather(*sent)


class Story:
    """The surroundings, and what each far side was told of each service."""

    def __init__(self, run: Whole, worker: Worker, fleet: Fleet) -> None:
        self.run, self.worker, self.fleet = run, worker, fleet
        self.down: dict[str, frozenset[str]] = {
            group: frozenset(s for s in fleet.everybody if s[0] == group) for group in "abc"
        }

    def set_down(self, *groups: str) -> None:
        self.fleet.down = frozenset().union(*(self.down[group] for group in groups))

    def told(self) -> dict[str, Counter[tuple[str, str]]]:
        """Channel -> (service, firing or resolved) -> how often it was accepted there."""
        far = self.run.far
        found: dict[str, Counter[tuple[str, str]]] = {
            "webhook": Counter(), "slack": Counter(), "email": Counter(),
        }  # fmt: skip
        for (_, service, what), n in far.hooks().items():
            found["webhook"][service, what.partition(":")[0]] += n
        for channel, service, status, _ in self.pages():
            found[channel][service, status] += 1
        return found

    def pages(self) -> Iterator[tuple[str, str, str, bool]]:
        """(channel, service, status, says that it may come twice) of what people got."""
        for call in tuple(self.run.far.slack.calls):
            if call.error or "thread_ts" in call.body:
                continue
            text = json.dumps(call.body)
            status = "resolved" if call.method == "chat.update" else "firing"
            assert ("RESOLVED" in text) == (status == "resolved"), text
            yield "slack", self.service(text), status, WARNING in text
        for mail in self.run.far.mail.mails():
            plain = mail.message.get_body(("plain",))
            assert plain is not None
            text = plain.get_content().replace("\n", " ")
            status = str(mail.message["X-Tocsin-Status"])
            yield "email", self.service(text), status, WARNING in text

    def service(self, text: str) -> str:
        named = [service for service in self.fleet.everybody if service in text]
        assert len(named) == 1, (named, text)
        return named[0]

    def everybody_knows(self, status: str, groups: str, timeout_s: float = 60) -> None:
        wanted = {(service, status) for group in groups for service in self.down[group]}

        def missing() -> dict[str, int]:
            return {name: len(wanted - told.keys()) for name, told in self.told().items()}

        until(lambda: not any(missing().values()), timeout_s,
              lambda: f"not told {status}: {missing()}\n{self.run.state()}")  # fmt: skip

    def unfenced(self) -> Counter[tuple[str, ...]]:
        return labelled(self.worker.metrics(), "tocsin_notifications_unfenced_total")


@pytest.fixture
def story(kafka: services.Kafka, redis: services.Redis, tmp_path: Path) -> Iterator[Story]:
    kafka.create_topic("redis-down", 2)
    with whole(tmp_path, kafka.url, redis.url, APP, RULES) as run:
        head, _, _ = run.config.partition("sources:")
        run.config = head + "sources:\n  - {topic: redis-down, kind: metrics, lateness: 1s}\n"
        route_by(run, "team", map(str, range(TEAMS)))
        worker, fleet = run.worker("w0"), Fleet(kafka.bootstrap)
        worker.start()
        fleet.start()
        try:
            yield Story(run, worker, fleet)
        finally:
            fleet.over.set()
            fleet.join(10)


def fences(redis: services.Redis) -> int:
    return int(redis.command("DBSIZE").strip(b":\r\n"))


def test_nobody_misses_a_page_while_redis_is_gone_frozen_or_emptied(
    story: Story, redis: services.Redis
) -> None:
    pid = story.worker.pid
    story.set_down("a")
    story.everybody_knows("firing", "a")
    assert fences(redis) == 3 * SIZE
    assert not story.unfenced()

    outage_s = killed(story, redis)
    emptied_and_frozen(story, redis)

    # Each page once: one notifier lived all the time.
    for channel, told in story.told().items():
        assert set(told.values()) == {1}, (channel, told)
        assert len(told) == 2 * 3 * SIZE
    for channel, service, status, warned in story.pages():
        said = (channel, service, status)
        hit = {("a", "resolved"), ("b", "firing"), ("c", "firing")}  # Redis was gone, or frozen
        assert warned == ((service[0], status) in hit), said
    assert story.worker.pid == pid
    assert story.worker.answers()
    unfenced = story.unfenced()
    print(f"outage={outage_s:.0f}s frozen=1 emptied=2 unfenced={dict(unfenced)}")
    assert unfenced == {("slack",): 3 * SIZE, ("email",): 3 * SIZE, ("webhook",): 3 * SIZE}
    failures = total(story.worker.metrics(), "tocsin_fence_failures_total")
    assert 0 < failures < 3 * SIZE, "an outage costs a time-out now and then, not one a page"


def killed(story: Story, redis: services.Redis) -> float:
    """20 fire and 20 resolve while Redis is gone; after it is back the fence is used again."""
    redis.kill()
    gone_s = time.monotonic()
    story.set_down("b")
    story.everybody_knows("firing", "b")
    story.everybody_knows("resolved", "a")
    took_s = time.monotonic() - gone_s
    print(f"40 changes were told in {took_s:.1f} s without Redis")
    until(lambda: time.monotonic() - gone_s >= OUTAGE_S, OUTAGE_S + 1)
    outage_s = time.monotonic() - gone_s
    redis.start()
    back_s = time.monotonic()
    until(lambda: time.monotonic() - back_s >= REST_S, REST_S + 1)
    assert fences(redis) == 0
    story.set_down()
    story.everybody_knows("resolved", "b")
    assert fences(redis) == 3 * SIZE, story.run.state()
    return outage_s


def emptied_and_frozen(story: Story, redis: services.Redis) -> None:
    """Emptied twice, and silent instead of gone while 20 fire."""
    redis.flush()
    redis.pause()
    story.set_down("c")
    story.everybody_knows("firing", "c")
    redis.resume()
    back_s = time.monotonic()
    until(lambda: time.monotonic() - back_s >= REST_S, REST_S + 1)
    redis.flush()
    story.set_down()
    story.everybody_knows("resolved", "c")
    assert fences(redis) == 3 * SIZE
