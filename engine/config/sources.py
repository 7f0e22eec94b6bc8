"""Read `sources:` of tocsin.yaml."""

import re
from typing import cast

from engine.config.model import HttpLateness, Source, SourceKind
from engine.document import MapNode, Node, Reader, ScalarNode

LATENESS_MS_MAX = 3_600_000
HTTP_LATENESS_KEYS = ("ingest", "write")
DEFAULT_SOURCES = (Source("metrics", "metrics"), Source("logs", "logs"))
SOURCE_KEYS = ("topic", "format", "kind", "lateness", "partitions")
_LATER = {"shard_by": "`shard_by` of a source is not supported yet"}
_FORMATS_LATER = (
    "remote_write", "otlp", "influx", "loki", "opentsdb", "avro", "protobuf", "graphite",
)  # fmt: skip
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_KINDS = ("metrics", "logs")
_SOURCES_MAX = 1_000


def read_sources(top: MapNode, app_id: str, broker: str, reader: Reader) -> tuple[Source, ...]:
    """Return the topics to read; absent: `metrics` and `logs`, both JSON."""
    node = top.get("sources")
    if node is None:
        return DEFAULT_SOURCES
    if isinstance(node, ScalarNode) and node.value is None:
        return ()
    sequence = reader.sequence(node, "sources")
    sources: dict[str, Source] = {}
    for element in sequence or ():
        source = _source(element, app_id, broker, reader)
        if source is None:
            continue
        if source.topic in sources:
            at = element.get("topic") if isinstance(element, MapNode) else None
            reader.add(at or element, "source-duplicate", f"{source.topic} is here twice",
                       "remove one")  # fmt: skip
        sources[source.topic] = source
    if sequence is not None and len(sources) > _SOURCES_MAX:
        reader.add(sequence, "value-range", f"more than {_SOURCES_MAX} sources", "use fewer topics")
    return tuple(sources.values())


def read_http_lateness(top: MapNode, reader: Reader) -> HttpLateness:
    """Return how late what comes by HTTP may be."""
    node, default = top.get("http_lateness"), HttpLateness()
    mapping = reader.mapping(node, "http_lateness") if node is not None else None
    if mapping is None:
        return default
    reader.keys(mapping, "http_lateness", HTTP_LATENESS_KEYS)
    ingest_ms, write_ms = (
        reader.duration(mapping.get(key), key, 0, LATENESS_MS_MAX) for key in HTTP_LATENESS_KEYS
    )
    return HttpLateness(
        default.ingest_ms if ingest_ms is None else ingest_ms,
        default.write_ms if write_ms is None else write_ms,
    )


def _source(element: Node, app_id: str, broker: str, reader: Reader) -> Source | None:
    mapping = reader.mapping(element, "a source")
    if mapping is None:
        return None
    reader.keys(mapping, "a source", SOURCE_KEYS, _LATER)
    topic_node = reader.require(mapping, "this source", "topic", "write {topic: metrics}")
    topic = _topic(topic_node, app_id, reader)
    _format(mapping, reader)
    kind = reader.choice(mapping.get("kind"), "kind", _KINDS)
    if kind is None and "kind" not in mapping:
        if topic in _KINDS:
            kind = topic
        elif topic is not None:
            reader.add(topic_node or mapping, "source-kind",
                       f"what does {topic} hold?",
                       f"write {{topic: {topic}, kind: metrics}} or kind: logs")  # fmt: skip
    lateness_ms = reader.duration(mapping.get("lateness"), "lateness", 0, LATENESS_MS_MAX)
    partitions = reader.integer(mapping.get("partitions"), "partitions", 1, 4_096)
    if topic is None or kind is None:
        return None
    if not broker.startswith("embedded://"):
        # Kafka's own count counts; the key stays allowed so that a file can move to Kafka.
        partitions = None
    return Source(
        topic,
        cast(SourceKind, kind),
        lateness_ms=2_000 if lateness_ms is None else lateness_ms,
        partitions=partitions,
    )


def _topic(node: Node | None, app_id: str, reader: Reader) -> str | None:
    scalar = reader.scalar(node, "topic")
    if scalar is None:
        return None
    if not _TOPIC.fullmatch(scalar.text) or scalar.text in (".", ".."):
        reader.add(scalar, "source-topic", f"no topic can be called {scalar.text[:60]!r}",
                   "use letters, digits, . _ - and at most 249 of them")  # fmt: skip
        return None
    if scalar.text.startswith((f"{app_id}.", f"{app_id}-")):
        reader.add(scalar, "source-topic", f"names that begin with {app_id}. or {app_id}- are "
                   "Tocsin's own", "read another topic, or choose another app_id")  # fmt: skip
        return None
    return scalar.text


def _format(mapping: MapNode, reader: Reader) -> None:
    node = mapping.get("format")
    if isinstance(node, ScalarNode) and node.text in _FORMATS_LATER:
        reader.add(node, "unsupported", f"the format {node.text} is not supported yet",
                   "use json")  # fmt: skip
        return
    reader.choice(node, "format", ("json",))
