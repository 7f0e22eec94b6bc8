"""The real Kafka and Redis of the tests serve, keep or forget as told, and leave nothing behind."""

import subprocess
import sys

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.acceptance import services
from tests.waiting import DeadlineError, until


async def _write(broker: services.Kafka, topic: str, value: bytes, partition: int) -> int:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        return (await producer.send_and_wait(topic, value, partition=partition)).offset


@pytest.mark.real("kafka")
@pytest.mark.slow
async def test_kafka_keeps_records_over_a_kill() -> None:
    with services.kafka() as broker:
        broker.create_topic("kept", 3, {"message.timestamp.type": "LogAppendTime"})
        assert await _write(broker, "kept", b"one", 2) == 0
        broker.kill()
        assert not broker.running
        broker.start()
        assert await _write(broker, "kept", b"two", 2) == 1
        place = TopicPartition("kept", 2)
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, enable_auto_commit=False)
        async with consumer:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            read = [await consumer.getone(), await consumer.getone()]
        assert [record.value for record in read] == [b"one", b"two"]
        assert {record.timestamp_type for record in read} == {1}  # LogAppendTime, as asked
        directory = broker.directory
    assert not directory.exists()


@pytest.mark.real("kafka")
def test_a_topic_cannot_be_created_twice(kafka: services.Kafka) -> None:
    kafka.create_topic("twice")
    with pytest.raises(services.ServiceError, match="twice"):
        kafka.create_topic("twice")
    kafka.delete_topic("twice")


@pytest.mark.real("redis")
def test_redis_forgets_when_killed_and_when_flushed(redis: services.Redis) -> None:
    redis.command("SET", "a", "1")
    assert redis.command("GET", "a") == b"$1\r\n1\r\n"
    redis.flush()
    assert redis.command("GET", "a") == b"$-1\r\n"
    redis.command("SET", "a", "1")
    port = redis.port
    redis.kill()
    with pytest.raises(OSError, match="refused"):
        redis.command("PING")
    redis.start()
    assert redis.port == port
    assert redis.command("GET", "a") == b"$-1\r\n"


@pytest.mark.real("redis")
def test_a_paused_redis_accepts_and_does_not_answer(redis: services.Redis) -> None:
    redis.pause()
    with pytest.raises(TimeoutError):
        redis.command("PING", timeout_s=0.2)
    redis.resume()
    assert redis.command("PING") == b"+PONG\r\n"


@pytest.mark.real("redis")
def test_a_server_dies_with_the_process_that_started_it() -> None:
    script = (
        "import os, signal\n"
        "from tests.acceptance import services\n"
        "with services.redis() as server:\n"
        "    print(server.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    pid = int(ended.stdout)
    until(lambda: not _alive(pid), 10, f"redis-server {pid} outlives its test")


def test_waiting_tells_what_did_not_come() -> None:
    with pytest.raises(DeadlineError, match=r"not within 0.05 s: the moon"):
        until(lambda: False, 0.05, "the moon")


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
