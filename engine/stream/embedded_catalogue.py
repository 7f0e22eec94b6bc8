"""What the embedded log knows without reading records: topics, partitions, groups' offsets."""

from collections.abc import Iterator
from itertools import takewhile

from faust.types import TP
from rocksdict import Rdict

from engine.errors import StreamError
from engine.stream.embedded_format import (
    HEAD,
    PARTITION,
    SEGMENT,
    TOPIC,
    Partition,
    TopicSpec,
    decode_record,
    is_tombstone,
)


def scan(db: Rdict, low: bytes, high: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield what is stored from `low` up to `high`."""
    # No iterate_upper_bound: rocksdict's iterator does not keep its ReadOptions alive, and a scan
    # then ends early without an error (200 of 200 once they were collected).
    return takewhile(lambda entry: entry[0] < high, db.items(from_key=low))


class Catalogue:
    """Topics, partitions and offsets of one log, as they are on disk plus what is in flight."""

    def __init__(self, db: Rdict) -> None:
        self.topics: dict[str, TopicSpec] = {}
        self.partitions: dict[TP, Partition] = {}
        self.groups: dict[str, dict[TP, int]] = {}
        self._names: dict[int, str] = {}
        for key, value in scan(db, b"t", b"u"):
            topic_id, partitions, keep_bytes, keep_ms, compact = TOPIC.unpack(value)
            spec = TopicSpec(topic_id, partitions, keep_bytes, keep_ms, bool(compact))
            self.know(key[1:].decode(), spec)
        self._load_heads(db)
        for key, value in scan(db, b"c", b"d"):
            group = self.groups.setdefault(key[1 : -PARTITION.size].decode(), {})
            group[self._tp(key[-PARTITION.size :])] = int.from_bytes(value, "big")
        for part in self.partitions.values():
            if part.spec.compact:
                self._find_tombstones(db, part)

    def _tp(self, raw: bytes) -> TP:
        topic_id, number = PARTITION.unpack(raw)
        return TP(self._names[topic_id], number)

    def _load_heads(self, db: Rdict) -> None:
        for key, value in scan(db, b"e", b"f"):
            part = self.partitions[self._tp(key[1:])]
            part.next, part.time_ms, part.base, part.bytes = HEAD.unpack(value)
            part.end, part.start = part.next, part.base
        for key, value in scan(db, b"s", b"t"):
            part = self.partitions[self._tp(key[1:7])]
            first = int.from_bytes(key[7:], "big")
            part.segments.append((first, *SEGMENT.unpack(value)))
            part.start = min(part.start, first)

    def _find_tombstones(self, db: Rdict, part: Partition) -> None:
        for key, frame in scan(db, part.record_key(0), part.record_key(part.end)):
            if is_tombstone(frame):
                offset = int.from_bytes(key[7:], "big")
                name = decode_record(offset, frame).key or b""
                part.tombstones.append((offset, b"i" + part.id + name))

    def know(self, name: str, spec: TopicSpec) -> None:
        """Take a topic, or its new limits, as fact."""
        self.topics[name] = spec
        self._names[spec.id] = name
        for number in range(spec.partitions):
            tp = TP(name, number)
            if tp in self.partitions:
                self.partitions[tp].spec = spec
            else:
                self.partitions[tp] = Partition(spec, number)

    def changed(self, name: str, wanted: TopicSpec) -> TopicSpec | None:
        """Return what must be stored so that the topic is as wanted, None if it already is.

        Raises StreamError for another number of partitions; `wanted.id` is ignored.
        """
        known = self.topics.get(name)
        if known and (known.partitions, known.compact) != (wanted.partitions, wanted.compact):
            raise StreamError(
                f"topic {name} has {known.partitions} partitions"
                f"{' and is compacted' if known.compact else ''}, not {wanted.partitions}"
                f"{' and compacted' if wanted.compact else ''}: keep the old number, or start"
                " with another directory"
            )
        spec = wanted._replace(id=known.id if known else len(self.topics) + 1)
        return None if spec == known else spec

    def unread_from(self, tp: TP) -> int | None:
        """Return the slowest group's offset, None if nobody reads it."""
        return min((group[tp] for group in self.groups.values() if tp in group), default=None)
