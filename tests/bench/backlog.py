"""The load of THROUGHPUT: one-record JSON samples whose sums, and so whose alerts, are known."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

WINDOW_MS = 60_000
HOSTS = 1_000
PARTITIONS = 4
RULES = """\
groups:
- name: bench
  rules:
  - alert: SumWrong
    metrics: cpu_seconds
    window: {tumbling: 1m}
    by: [host]
    compute: {total: sum()}
    when: total < 60 or total > 60
    annotations: {summary: "{{ labels.host }} sums to {{ total }}"}
"""
_RECORD = (
    '{"timestamp":%d,"name":"cpu_seconds",'
    '"labels":{"host":"host-%04d","region":"eu-west-1","service":"checkout"},"value":%d.0}'
)


@dataclass(frozen=True)
class Backlog:
    """A sample a second of each host: a host's minute sums to 60, or to 61 where it is hot.

    A row lost, doubled or in the wrong window is an alert that nobody expects.
    """

    start_ms: int  # the start of a window
    windows: int

    @property
    def size(self) -> int:
        return self.windows * HOSTS * WINDOW_MS // 1000

    def _hot(self, host: int, window: int) -> bool:
        """One host in fifty, in every second window; the first and the last are among them."""
        return host % 50 == 7 and window % 2 == (self.windows - 1) % 2

    def records(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (time, partition, record) in order of time, round robin over partitions."""
        n = 0
        for second in range(self.windows * 60):
            at_ms = self.start_ms + second * 1000 + 1000  # windows are (start, end]
            window, last = second // 60, second % 60 == 59
            for host in range(HOSTS):
                value = 1 + (last and self._hot(host, window))
                yield at_ms, n % PARTITIONS, (_RECORD % (at_ms, host, value)).encode()
                n += 1

    def firing(self) -> set[tuple[str, int, float]]:
        """(host, event time, sum) of every alert that must fire."""
        return {
            (f"host-{host:04d}", self.start_ms + (window + 1) * WINDOW_MS, 61.0)
            for window in range(self.windows)
            for host in range(HOSTS)
            if self._hot(host, window)
        }


async def fill(bootstrap: str, topic: str, backlog: Backlog) -> None:
    """Append the backlog; a record's Kafka timestamp is its own, so nothing is late."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, max_batch_size=1 << 19)
    async with producer:
        waiting = []
        for at_ms, partition, record in backlog.records():
            waiting.append(
                await producer.send(topic, record, partition=partition, timestamp_ms=at_ms)
            )
            if len(waiting) >= 20_000:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)


async def read_all(bootstrap: str, topic: str) -> list[bytes]:
    """Return the values of partition 0 of a topic."""
    tp = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        await consumer.seek_to_beginning(tp)
        found: list[bytes] = []
        while await consumer.position(tp) < end:
            got = await consumer.getmany(tp, timeout_ms=500)
            found += [record.value for records in got.values() for record in records]
        return found
