"""Make the Faust app of a role: one consumer group each, static membership, our transports."""

import hashlib
from typing import Any

import faust

from engine.stream.embedded_log import EmbeddedLog
from engine.stream.faust_private import RoleApp, register_transports
from engine.stream.fetches import Budget
from engine.stream.settings import StreamSettings
from engine.stream.topics import MESSAGE_BYTES_MAX

KAFKA_EVENTS_WAITING = 32  # fetches of one agent in its queue: a round of all shards, and more
EMBEDDED_EVENTS_WAITING = 4
FETCH_RECORDS_MAX = 8_000


def make_app(
    settings: StreamSettings, group: str, partitions: int, log: EmbeddedLog | None
) -> RoleApp:
    """Return an app whose id is the group's."""
    register_transports()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = RoleApp(group, **_common(settings, group, partitions), **_driver(settings))
    app.budget = Budget(settings.buffer_bytes_max // len(settings.roles))
    app.store_log = log
    return app


def _common(settings: StreamSettings, group: str, partitions: int) -> dict[str, Any]:
    return {
        "datadir": str(settings.data_dir / group),
        "topic_partitions": partitions,
        "topic_allow_declare": False,  # topics are declared in one place: topics.py
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "stream_wait_empty": False,  # with acks off it would wait for ever
        "stream_recovery_delay": 0.0,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "autodiscover": False,
        "consumer_auto_offset_reset": "earliest",  # it also governs changelogs: never `latest`
        "consumer_max_fetch_size": settings.fetch_bytes_max,
        "broker_max_poll_records": FETCH_RECORDS_MAX,
    }


def _driver(settings: StreamSettings) -> dict[str, Any]:
    if settings.embedded:
        return {
            "broker": "embedded://log",  # the app brings its log
            # A second RocksDB beside the log could be ahead of it after a power cut.
            "store": "memory://",
            "stream_buffer_maxsize": EMBEDDED_EVENTS_WAITING,
        }
    session_s = settings.session_timeout_ms / 1000
    return {
        "broker": [f"tocsin-{url}" for url in settings.broker.split(";")],
        "store": "rocksdb://",
        "stream_buffer_maxsize": KAFKA_EVENTS_WAITING,
        "consumer_group_instance_id": settings.instance_id,
        "canonical_url": _unique_url(settings),
        "broker_session_timeout": session_s,
        "broker_heartbeat_interval": max(session_s / 10, 0.2),
        "broker_request_timeout": max(30.0, session_s),
        "broker_rebalance_timeout": max(20.0, 2 * session_s),
        "broker_max_poll_interval": 86_400.0,
        "producer_request_timeout": 30.0,
        "producer_linger": 0,
        "producer_max_request_size": MESSAGE_BYTES_MAX,
    }


def _unique_url(settings: StreamSettings) -> str:
    """Return a URL by which Faust's assignor tells workers apart; nobody connects to it.

    A function of the instance id alone: to a static member that comes back the broker hands its
    old assignment, and Faust asserts that the URL in there is its own. Workers on one machine may
    advertise the same loopback address, and ids may hold what no host name may.
    """
    digest = hashlib.sha256(settings.instance_id.encode()).hexdigest()[:16]
    return f"http://i{digest}:6066"


def stream_topic(app: faust.App, name: str) -> Any:
    """Return a topic whose events are fetches and whose offsets Faust leaves alone."""
    return app.topic(name, key_serializer="raw", value_serializer="raw", acks=False)


def state_table(app: faust.App, name: str, partitions: int) -> Any:
    """Return a table that we write ourselves; its options are small: it is read at restore only."""
    options = {"block_cache_size": 1 << 20, "write_buffer_size": 1 << 20, "max_open_files": 64}
    stored = app.conf.store.scheme == "rocksdb"
    return app.Table(
        name,
        key_type=bytes,
        value_type=bytes,
        partitions=partitions,
        recovery_buffer_size=16,
        **({"options": options} if stored else {}),
    )
