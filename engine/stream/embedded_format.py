"""The bytes of the embedded log: keys, record frames, partition heads. Knows no RocksDB.

Keys (all integers big-endian, so that RocksDB's order is ours):

    g                              generation, one more at each start
    t<name>                        a topic: id, partitions, retention, compacted or not
    e<topic id><partition>         a partition's head: next offset, last append time, open segment
    s<topic id><partition><first>  a closed segment: last append time, bytes
    r<topic id><partition><offset> a record
    i<topic id><partition><key>    of compacted topics: the offset of the key's newest record
    c<group><topic id><partition>  the next offset that a group reads
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.owner import LogRecord

GENERATION = b"g"
TOPIC = struct.Struct(">HIQQB")  # id, partitions, keep bytes, keep ms, compact
HEAD = struct.Struct(">QQQQ")  # next offset, last append time, open segment: first, bytes
SEGMENT = struct.Struct(">QQ")  # last append time, bytes
PARTITION = struct.Struct(">HI")  # topic id, partition
_RECORD = struct.Struct(">Qii")  # append time, key length, value length; -1: none
_HEADER = struct.Struct(">HI")  # name length, value length

Headers = Sequence[tuple[str, bytes]]


class TopicSpec(NamedTuple):
    """A topic as it is kept; limits are of one partition, 0 means for ever."""

    id: int
    partitions: int
    keep_bytes: int
    keep_ms: int
    compact: bool


def encode_record(time_ms: int, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Return the frame of a record."""
    frame = _RECORD.pack(
        time_ms, -1 if key is None else len(key), -1 if value is None else len(value)
    )
    body = frame + (key or b"") + (value or b"")
    if not headers:
        return body
    parts = [body]
    for name, content in headers:
        raw = name.encode()
        parts += (_HEADER.pack(len(raw), len(content)), raw, content)
    return b"".join(parts)


def decode_record(offset: int, frame: bytes) -> LogRecord:
    """Read a record's frame."""
    time_ms, key_bytes, value_bytes = _RECORD.unpack_from(frame)
    key_end = _RECORD.size + max(key_bytes, 0)
    value_end = key_end + max(value_bytes, 0)
    return LogRecord(
        offset,
        time_ms,
        None if key_bytes < 0 else frame[_RECORD.size : key_end],
        None if value_bytes < 0 else frame[key_end:value_end],
        _headers(frame, value_end) if value_end < len(frame) else (),
    )


def is_tombstone(frame: bytes) -> bool:
    """Whether the record's value is None."""
    return bool(_RECORD.unpack_from(frame)[2] < 0)


def _headers(frame: bytes, at: int) -> tuple[tuple[str, bytes], ...]:
    found = []
    while at < len(frame):
        name_bytes, value_bytes = _HEADER.unpack_from(frame, at)
        name_end = at + _HEADER.size + name_bytes
        found.append((frame[at + _HEADER.size : name_end].decode(),
                      frame[name_end : name_end + value_bytes]))  # fmt: skip
        at = name_end + value_bytes
    return tuple(found)


class Partition:
    """What is known of one partition without reading its records."""

    __slots__ = (
        "base", "bytes", "end", "full", "id", "next", "segments", "spec", "start", "time_ms",
        "tombstones",
    )  # fmt: skip

    def __init__(self, spec: TopicSpec, number: int) -> None:
        self.spec = spec
        self.id = PARTITION.pack(spec.id, number)
        self.time_ms = 0  # append time of the newest record: it never goes back
        self.start = self.next = self.end = 0  # first kept, next to assign, first not readable yet
        self.base = self.bytes = 0  # the open segment
        self.segments: list[tuple[int, int, int]] = []  # closed: first offset, last time, bytes
        self.tombstones: list[tuple[int, bytes]] = []  # compacted: offset, index key; oldest first
        self.full = False  # too much unread: appends are refused

    def record_key(self, offset: int) -> bytes:
        """Return the key of the record at an offset."""
        return b"r" + self.id + offset.to_bytes(8, "big")

    def head(self) -> bytes:
        """Return the partition's head."""
        return HEAD.pack(self.next, self.time_ms, self.base, self.bytes)

    def close_segment(self) -> tuple[bytes, bytes]:
        """Close the open segment; return what must be put for it."""
        self.segments.append((self.base, self.time_ms, self.bytes))
        entry = self.segment_key(self.base), SEGMENT.pack(self.time_ms, self.bytes)
        self.base, self.bytes = self.next, 0
        return entry

    def segment_key(self, first: int) -> bytes:
        """Return the key of a closed segment."""
        return b"s" + self.id + first.to_bytes(8, "big")

    def droppable(self, unread: int | None, now_ms: int) -> int:
        """Return how many closed segments are beyond the limits and read by every group."""
        total = self.total_bytes
        for count, (_, last_ms, size) in enumerate(self.segments):
            after = self.segments[count + 1][0] if count + 1 < len(self.segments) else self.base
            too_much = 0 < self.spec.keep_bytes < total
            too_old = 0 < self.spec.keep_ms < now_ms - last_ms
            if not (too_much or too_old) or (unread is not None and after > unread):
                return count
            total -= size
        return len(self.segments)

    @property
    def total_bytes(self) -> int:
        """All kept bytes."""
        return self.bytes + sum(size for _, _, size in self.segments)

    def unread_bytes(self, unread: int | None) -> int:
        """Return about how many bytes come at or after an offset."""
        if unread is None or unread >= self.next:
            return 0
        ends = [first for first, _, _ in self.segments[1:]] + [self.base]
        closed = zip(self.segments, ends, strict=False)
        return self.bytes + sum(size for (_, _, size), end in closed if end > unread)


def sized(records: Iterable[tuple[str, int, bytes | None, bytes | None, Headers]]) -> int:
    """Return about how much memory records wait in."""
    return sum(len(record[3] or b"") + len(record[2] or b"") + 64 for record in records)
