"""Keep the embedded log within its limits: drop whole read segments, refuse what nobody reads."""

from collections.abc import Collection

from rocksdict import WriteBatch

from engine import metrics
from engine.stream.embedded_format import Partition
from engine.stream.embedded_log import EmbeddedLog

LOG_BYTES = metrics.gauge("tocsin_embedded_log_bytes", "Bytes kept in the embedded log.", ["topic"])
SEGMENTS_DROPPED = metrics.counter(
    "tocsin_embedded_segments_dropped_total", "Segments beyond the retention.", ["topic"]
)
FULL = metrics.gauge(
    "tocsin_embedded_partitions_full_count", "Partitions that refuse appends: too much unread."
)


def sweep(
    log: EmbeddedLog,
    now_ms: int,
    unread_bytes_max: int = 0,
    capped: Collection[str] = (),
) -> int:
    """Drop whole segments beyond the limits, but nothing that a group has not read.

    A partition of a topic in `capped` (the sources: whoever writes there can try again later)
    with more than `unread_bytes_max` unread refuses appends until its reader has come on.
    Returns the number of segments dropped; the disk work is done aside.
    """
    dropped, full = 0, 0
    sizes: dict[str, int] = {}
    for tp, part in log.partitions.items():
        unread = log.unread_from(tp)
        count = part.droppable(unread, now_ms) if not part.spec.compact else 0
        if count:
            _drop(log, part, count)
            SEGMENTS_DROPPED.labels(tp.topic).inc(count)
            dropped += count
        part.full = tp.topic in capped and 0 < unread_bytes_max < part.unread_bytes(unread)
        full += part.full
        sizes[tp.topic] = sizes.get(tp.topic, 0) + part.total_bytes
    for topic, size in sizes.items():
        LOG_BYTES.labels(topic).set(size)
    FULL.set(full)
    return dropped


def _drop(log: EmbeddedLog, part: Partition, count: int) -> None:
    after = part.segments[count][0] if count < len(part.segments) else part.base
    batch = WriteBatch(raw_mode=True)
    batch.delete_range(part.record_key(part.start), part.record_key(after))
    for first, _, _ in part.segments[:count]:
        batch.delete(part.segment_key(first))
    freed = part.record_key(0), part.record_key(after)
    # Readers see the new start at once; a crash before the write leaves the segments to drop again.
    part.segments, part.start = part.segments[count:], after
    log.write_aside(batch, [freed])
