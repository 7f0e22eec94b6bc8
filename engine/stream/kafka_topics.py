"""Create the internal topics on Kafka, and refuse those that are not as they must be."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from engine.errors import StreamError
from engine.stream.settings import SourceTopic
from engine.stream.topics import MESSAGE_BYTES_MAX, Topic

TIMEOUT_MS = 20_000
LEADER_TRIES = 200
LEADER_STEP_S = 0.05
UNKNOWN_TOPIC, ALREADY_EXISTS = 3, 36
MESSAGE_BYTES_MIN = 1_000_000  # a topic that takes less cannot hold our records


def config_of(topic: Topic) -> dict[str, str]:
    """Return the settings that a topic is created with."""
    config = {
        "message.timestamp.type": "LogAppendTime" if topic.append_time else "CreateTime",
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
        "cleanup.policy": "compact" if topic.compact else "delete",
    }
    if topic.compact:
        config |= {"min.cleanable.dirty.ratio": "0.1", "segment.ms": "3600000"}
    else:
        config["retention.bytes"] = str(topic.keep_bytes or -1)
        config["retention.ms"] = str(topic.keep_ms or -1)
    return config


async def ensure(
    servers: Sequence[str],
    topics: Sequence[Topic],
    sources: Sequence[SourceTopic],
    replication_factor: int,
) -> dict[str, int]:
    """Create what is missing, check the rest; return partitions by topic. Raises StreamError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(servers), request_timeout_ms=TIMEOUT_MS)
    await admin.start()
    try:
        names = [topic.name for topic in topics] + [source.topic for source in sources]
        found = await _describe(admin, names)
        missing = [topic for topic in topics if topic.name not in found]
        if missing:
            await _create(admin, missing, replication_factor)
            found = await _led(admin, names, {topic.name for topic in topics})
        wrong = [problem for topic in topics for problem in _partitions(topic, found)]
        wrong += [problem for source in sources for problem in _source(source, found)]
        old = [topic for topic in topics if topic not in missing]
        wrong += await _check_configs(admin, old)
    finally:
        await admin.close()
    if wrong:
        raise StreamError("; ".join(wrong))
    return found


async def _describe(admin: Any, names: Sequence[str]) -> dict[str, int]:
    """Return the topics that exist and are led, with their numbers of partitions."""
    found = {}
    for topic in await admin.describe_topics(list(names)):
        parts = topic["partitions"]
        if topic["error_code"] == 0 and parts and all(part["leader"] >= 0 for part in parts):
            found[topic["topic"]] = len(parts)
    return found


async def _led(admin: Any, names: Sequence[str], wanted: set[str]) -> dict[str, int]:
    for _ in range(LEADER_TRIES):
        found = await _describe(admin, names)
        if wanted <= found.keys():
            return found
        await asyncio.sleep(LEADER_STEP_S)
    raise StreamError(f"Kafka has no leaders for {', '.join(sorted(wanted - found.keys()))}")


async def _create(admin: Any, topics: Sequence[Topic], replication_factor: int) -> None:
    wanted = []
    for topic in topics:
        new = NewTopic(topic.name, topic.partitions, 1, topic_configs=config_of(topic))
        # aiokafka refuses -1 (the broker's default) in its constructor; the protocol does not.
        new.replication_factor = replication_factor
        wanted.append(new)
    reply = await admin.create_topics(wanted, timeout_ms=TIMEOUT_MS)
    for name, code, *text in reply.topic_errors:
        # Several workers start at once: what another one has just made is checked like the rest.
        if code not in (0, ALREADY_EXISTS):
            raise StreamError(
                f"Kafka did not create {name} (error {code} {' '.join(map(str, text))}): create"
                f" it yourself, or allow this user to, see engine/ARCHITECTURE.md for its settings"
            )


def _partitions(topic: Topic, found: dict[str, int]) -> list[str]:
    if found.get(topic.name) == topic.partitions:
        return []
    return [
        f"topic {topic.name} has {found.get(topic.name)} partitions, not {topic.partitions}:"
        f" set shards to what it was created with, or choose another app_id"
    ]


def _source(source: SourceTopic, found: dict[str, int]) -> list[str]:
    count = found.get(source.topic)
    if count is None:
        return [f"source topic {source.topic} does not exist: create it, or correct `sources:`"]
    if source.partitions not in (None, count):
        return [
            f"source topic {source.topic} has {count} partitions, not {source.partitions}:"
            " correct or leave out `partitions:`"
        ]
    return []


async def _check_configs(admin: Any, topics: Sequence[Topic]) -> list[str]:
    if not topics:
        return []
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    configs: dict[str, dict[str, str]] = {}
    for reply in await admin.describe_configs(asked):
        for _, _, _, name, entries in reply.resources:
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return [problem for topic in topics for problem in _config(topic, configs.get(topic.name, {}))]


def _config(topic: Topic, config: dict[str, str]) -> list[str]:
    problems = []
    wanted = "LogAppendTime" if topic.append_time else "CreateTime"
    if config.get("message.timestamp.type", wanted) != wanted:
        problems.append(
            f"topic {topic.name} has message.timestamp.type={config['message.timestamp.type']}:"
            f" kafka-configs --alter --topic {topic.name} --add-config"
            f" message.timestamp.type={wanted}"
        )
    policy = config.get("cleanup.policy", "")
    if topic.compact and policy != "compact":
        problems.append(f"topic {topic.name} has cleanup.policy={policy}: it must be compact")
    if not topic.compact and "compact" in policy:
        problems.append(f"topic {topic.name} is compacted: its records would vanish")
    if int(config.get("max.message.bytes", MESSAGE_BYTES_MAX)) < MESSAGE_BYTES_MIN:
        problems.append(
            f"topic {topic.name} has max.message.bytes={config['max.message.bytes']}: it must be"
            f" at least {MESSAGE_BYTES_MIN}"
        )
    return problems
