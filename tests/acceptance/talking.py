"""Short words with the parts: HTTP to a worker, records to and from Kafka, metrics by name."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP

from engine.stream.embedded_log import EmbeddedLog


class Sending(NamedTuple):
    """One record for Kafka; its Kafka timestamp is the sender's clock, as wrong as it likes."""

    topic: str
    partition: int
    value: bytes | None
    timestamp_ms: int


class Answer(NamedTuple):
    status: int
    text: str
    warning: str = ""  # the header of that name

    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    url: str, body: bytes | None = None, *, method: str = "", timeout_s: float = 15.0,
    kind: str = "application/json",
) -> Answer:  # fmt: skip
    """One request; status 0 where nobody answers."""
    request = urllib.request.Request(url, body, method=method or ("POST" if body else "GET"))
    if body is not None:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return Answer(answer.status, answer.read().decode(), answer.headers["Warning"] or "")
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())
    except (urllib.error.URLError, OSError) as error:
        return Answer(0, repr(error))


def labelled(text: str, name: str, **fixed: str) -> Counter[tuple[str, ...]]:
    """The samples of a metric that are not zero: the other labels' values in order -> value."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match is None or not float(match[2]):
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', match[1] or ""))
        if all(labels.pop(key, None) == value for key, value in fixed.items()):
            found[tuple(labels[key] for key in sorted(labels))] += int(float(match[2]))
    return found


def total(text: str, name: str, **fixed: str) -> int:
    """The sum of a metric over the labels that are not given."""
    return sum(labelled(text, name, **fixed).values())


def send(bootstrap: str, records: Iterable[Sending]) -> list[int]:
    """Send records in this order, all acknowledged; their offsets."""

    async def work() -> list[int]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=4 << 20)
        async with producer:
            waiting = [
                await producer.send(
                    r.topic, r.value, key=None if r.value is not None else b"null",
                    partition=r.partition, timestamp_ms=r.timestamp_ms,
                )
                for r in records
            ]  # fmt: skip
            return [done.offset for done in await asyncio.gather(*waiting)]

    return asyncio.run(work())


def received(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """Everything that a topic of one partition holds, read as JSON."""

    async def work() -> list[dict[str, Any]]:
        tp, out = TopicPartition(topic, 0), list[dict[str, Any]]()
        asked = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        async with asked as consumer:
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            await consumer.seek_to_beginning(tp)
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(tp, timeout_ms=500)).values():
                    out += [json.loads(record.value) for record in records]
        return out

    return asyncio.run(work())


def embedded_log(directory: Path, app: str) -> list[dict[str, Any]]:
    """All records of topic `alerts` in an embedded log that no process has open."""
    log = EmbeddedLog(str(directory))
    try:
        tp, out, at = TP(f"{app}.alerts", 0), list[dict[str, Any]](), 0
        while at < log.partitions[tp].end:
            records, at = log.read(tp, at, 1 << 24)
            out += [json.loads(record.value) for record in records if record.value]
        return out
    finally:
        log.close()
