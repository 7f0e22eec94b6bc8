"""Keep topics, partitions and groups' offsets in one RocksDB: one WAL, so a crash leaves a prefix.

Units are taken in order, each whole or not at all. One write is in flight; what came meanwhile is
the next batch (group commit). A record can be read when its write (and, for `always`, its fsync)
is done. `fsync=interval` loses nothing to a killed process and at most about the last second to a
power cut; `always` loses nothing that was acknowledged, if the disk honours fdatasync.

A write or flush that fails leaves unknown what was assigned, so it ends the process. An append to
an unknown topic fails alone, before it is queued.
"""

import asyncio
import atexit
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, NamedTuple, Protocol
from weakref import WeakSet, WeakValueDictionary

from faust.types import TP
from rocksdict import Rdict, WriteBatch, WriteOptions

from engine.clock import Clock, system_clock
from engine.errors import LogFailedError, StreamError
from engine.owner import LogRecord
from engine.stream import rocks
from engine.stream.embedded_catalogue import Catalogue, scan
from engine.stream.embedded_format import (
    GENERATION,
    TOPIC,
    Headers,
    Partition,
    TopicSpec,
    decode_record,
    encode_record,
    sized,
)

SEGMENT_BYTES = 16 << 20
FETCH_RECORDS_MAX = 10_000
PENDING_BYTES_MAX = 16 << 20  # waiting for the writer; beyond it `room` is closed
INLINE_BYTES_MAX = 64 << 10  # larger batches are written in the writer's thread
TOMBSTONES_MAX = 1_000  # of one partition; readers that run see at least so many

log = logging.getLogger(__name__)


class Append(NamedTuple):
    """One record to append."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Listener(Protocol):
    """Who wants to know what became readable."""

    def on_appended(self, touched: set[TP]) -> None:
        """These partitions have new records."""
        ...


class _Unit(NamedTuple):
    records: Sequence[Append]
    commits: Mapping[TP, int]
    group: str
    done: "asyncio.Future[list[int]]"


def end_process(error: BaseException) -> None:
    """Say why and end: what the failed write assigned is unknown."""
    log.critical("the embedded log failed, this process ends: %s", error)
    os._exit(70)


class EmbeddedLog:
    """A partitioned log in one directory; one process, one event loop."""

    opened: ClassVar["WeakValueDictionary[str, EmbeddedLog]"] = WeakValueDictionary()

    @classmethod
    def at(cls, path: str, fsync: str = "interval") -> "EmbeddedLog":
        """Return the log of a directory, opened once in this process."""
        path = os.path.realpath(path)
        found = cls.opened.get(path)
        if found is None:
            found = cls.opened[path] = cls(path, fsync)
        if found.fsync != fsync:
            raise StreamError(f"{path} is open with fsync={found.fsync}, not {fsync}")
        return found

    def __init__(
        self,
        path: str,
        fsync: str = "interval",
        *,
        fsync_every_ms: int = 1_000,
        clock: Clock = system_clock,
        on_failure: Callable[[BaseException], None] = end_process,
    ) -> None:
        if fsync not in ("always", "interval"):
            raise StreamError(f"fsync={fsync}: say always or interval")
        self.path, self.fsync = path, fsync
        self._fsync_every_ms, self._clock, self._on_failure = fsync_every_ms, clock, on_failure
        self._db: Rdict | None = rocks.open_log(path)
        self._plain, self._synced = WriteOptions(), WriteOptions()
        self._synced.sync = True
        # rocksdict releases the GIL in write, flush_wal and compact_range.
        self._writer = ThreadPoolExecutor(1, "log-writer")
        self._sweeper = ThreadPoolExecutor(1, "log-sweeper")
        self._catalogue = Catalogue(self.db)
        self.topics = self._catalogue.topics
        self.partitions = self._catalogue.partitions
        self._groups = self._catalogue.groups
        self.listeners: WeakSet[Listener] = WeakSet()
        self._pending: list[_Unit] = []
        self._pending_bytes = 0
        self._scheduled = self._busy = False
        self._sync_due: asyncio.TimerHandle | None = None
        self._failed: BaseException | None = None
        self.room = asyncio.Event()  # open while the writer keeps up
        self.room.set()
        self.generation = int.from_bytes(self.db.get(GENERATION) or b"", "big") + 1
        self.db.put(GENERATION, self.generation.to_bytes(8, "big"), self._synced)
        atexit.register(self.close)

    @property
    def db(self) -> Rdict:
        """The open RocksDB."""
        if self._db is None:
            raise StreamError(f"{self.path} is closed")
        return self._db

    def declare(
        self,
        name: str,
        partitions: int,
        *,
        keep_bytes: int = 0,
        keep_ms: int = 0,
        compact: bool = False,
    ) -> None:
        """Create a topic, or give it these limits. Refuses another number of partitions."""
        wanted = TopicSpec(0, partitions, keep_bytes, keep_ms, compact)
        spec = self._catalogue.changed(name, wanted)
        if spec is not None:
            self.db.put(b"t" + name.encode(), TOPIC.pack(*spec), self._synced)
            self._catalogue.know(name, spec)

    # Writing: units in order, each whole or not at all.

    def append(
        self,
        records: Sequence[Append],
        commits: Mapping[TP, int] | None = None,
        group: str = "",
    ) -> "asyncio.Future[list[int]]":
        """Take records and offsets of `group` as ONE atomic unit; resolves to the offsets.

        Raises: LogFailedError after a failed write; StreamError for an unknown topic or one
        with too much unread, before anything is queued.
        """
        if self._failed is not None or self._db is None:
            raise LogFailedError(f"{self.path} takes no more: {self._failed or 'closed'}")
        written = {TP(record.topic, record.partition) for record in records}
        for tp in written | set(commits or ()):
            part = self.partitions.get(tp)
            if part is None:
                raise StreamError(f"{self.path} has no partition {tp.partition} of {tp.topic}")
            if part.full and tp in written:
                raise StreamError(f"{tp.topic}/{tp.partition} has too much unread: try again later")
        loop = asyncio.get_running_loop()
        unit = _Unit(records, commits or {}, group, loop.create_future())
        self._pending.append(unit)
        self._pending_bytes += sized(records)
        if self._pending_bytes > PENDING_BYTES_MAX:
            self.room.clear()
        if not self._scheduled and not self._busy:
            self._scheduled = True
            loop.call_soon(self._flush)
        return unit.done

    def _flush(self) -> None:
        self._scheduled = False
        if self._busy or not self._pending or self._failed is not None:
            return
        units, size = self._pending, self._pending_bytes
        self._pending, self._pending_bytes = [], 0
        self.room.set()
        loop = asyncio.get_running_loop()
        try:
            batch, touched, offsets = self._build(units)
            if self.fsync == "interval":
                if self._sync_due is None:
                    self._sync_due = loop.call_later(self._fsync_every_ms / 1000, self._sync)
                if size <= INLINE_BYTES_MAX:
                    self.db.write(batch, self._plain)
                    self._written(units, touched, offsets)
                    return
        except Exception as error:  # noqa: BLE001 - rocksdict raises bare Exception
            self._fail(units, error)
            return
        self._busy = True
        options = self._synced if self.fsync == "always" else self._plain
        write = loop.run_in_executor(self._writer, self.db.write, batch, options)

        def finished(future: "asyncio.Future[None]") -> None:
            self._busy = False
            if error := future.exception():
                self._fail(units, error)
            else:
                self._written(units, touched, offsets)

        write.add_done_callback(finished)

    def _build(self, units: Iterable[_Unit]) -> tuple[WriteBatch, set[TP], list[list[int]]]:
        batch, touched, assigned = WriteBatch(raw_mode=True), set[TP](), []
        newest: dict[bytes, bytes] = {}  # index entries of this batch
        now_ms = self._clock()
        for unit in units:
            offsets = []
            for record in unit.records:
                tp = TP(record.topic, record.partition)
                part = self.partitions[tp]
                offset, part.next = part.next, part.next + 1
                part.time_ms = max(now_ms, part.time_ms)  # whatever the clock does
                frame = encode_record(part.time_ms, record.key, record.value, record.headers)
                batch.put(part.record_key(offset), frame)
                part.bytes += len(frame)
                if part.spec.compact and record.key is not None:
                    self._compact(batch, part, record, offset, newest)
                touched.add(tp)
                offsets.append(offset)
            for tp, offset in unit.commits.items():
                key = b"c" + unit.group.encode() + self.partitions[tp].id
                batch.put(key, offset.to_bytes(8, "big"))
            assigned.append(offsets)
        for tp in touched:
            part = self.partitions[tp]
            if part.bytes >= SEGMENT_BYTES and not part.spec.compact:
                batch.put(*part.close_segment())
            batch.put(b"e" + part.id, part.head())
        return batch, touched, assigned

    def _compact(
        self,
        batch: WriteBatch,
        part: Partition,
        record: Append,
        offset: int,
        newest: dict[bytes, bytes],
    ) -> None:
        """Drop the key's older record in the batch that holds the newer one."""
        index = b"i" + part.id + (record.key or b"")
        old = newest.get(index) or self.db.get(index)
        if old is not None:
            batch.delete(b"r" + part.id + old)
        newest[index] = offset.to_bytes(8, "big")
        batch.put(index, newest[index])
        # A tombstone is kept while it may be the last record (recovery waits for that offset) and
        # for readers that run; for ever it would be a leak, because chunk keys are never reused.
        if record.value is None:
            part.tombstones.append((offset, index))
        if len(part.tombstones) > TOMBSTONES_MAX:
            dead, key = part.tombstones.pop(0)
            if (newest.get(key) or self.db.get(key)) == dead.to_bytes(8, "big"):
                batch.delete(part.record_key(dead))
                batch.delete(key)
                newest.pop(key, None)

    def _written(self, units: list[_Unit], touched: set[TP], assigned: list[list[int]]) -> None:
        for tp in touched:
            part = self.partitions[tp]
            part.end = part.next  # readable only now: nobody acts on what a crash may take
        for unit, offsets in zip(units, assigned, strict=True):
            if unit.commits:
                self._groups.setdefault(unit.group, {}).update(unit.commits)
            if not unit.done.done():
                unit.done.set_result(offsets)
        for listener in list(self.listeners):
            listener.on_appended(touched)
        if self._pending:
            self._flush()

    def _fail(self, units: list[_Unit], error: BaseException) -> None:
        self._failed = error
        units, self._pending = units + self._pending, []
        for unit in units:
            if not unit.done.done():
                unit.done.set_exception(LogFailedError(f"write to {self.path} failed: {error}"))
                unit.done.exception()  # seen: the process ends, nobody may be waiting
        self._on_failure(error)

    def _sync(self) -> None:
        self._sync_due = None
        if self._db is None:
            return
        self._watch(
            asyncio.get_running_loop().run_in_executor(self._writer, self.db.flush_wal, True)
        )

    def _watch(self, work: "asyncio.Future[None]") -> None:
        def finished(future: "asyncio.Future[None]") -> None:
            error = future.exception()
            if error is not None:
                self._fail([], error)

        work.add_done_callback(finished)

    # Reading

    def read(
        self, tp: TP, offset: int, max_bytes: int, max_records: int = FETCH_RECORDS_MAX
    ) -> tuple[list[LogRecord], int]:
        """Return records from `offset` on (one at least, if any) and the position after."""
        part, found, size = self.partitions[tp], list[LogRecord](), 0
        low, high = part.record_key(max(offset, part.start)), part.record_key(part.end)
        for key, frame in scan(self.db, low, high):
            found.append(decode_record(int.from_bytes(key[7:], "big"), frame))
            size += len(frame)
            if size >= max_bytes or len(found) >= max_records:
                return found, found[-1].offset + 1
        return found, part.end

    def committed(self, group: str, tp: TP) -> int | None:
        """Return the next offset that a group reads, None if it never said."""
        return self._groups.get(group, {}).get(tp)

    def committed_all(self, group: str) -> dict[TP, int]:
        """Return all offsets of a group."""
        return dict(self._groups.get(group, {}))

    def unread_from(self, tp: TP) -> int | None:
        """Return the slowest group's offset, None if nobody reads it."""
        return self._catalogue.unread_from(tp)

    def now_ms(self) -> int:
        """Return the time by the clock that stamps records."""
        return self._clock()

    def close(self) -> None:
        """Wait for the writer, sync and close; appends fail from here on."""
        if self._db is None:
            return
        db, self._db = self._db, None
        if self._sync_due is not None:
            self._sync_due.cancel()
        self._writer.shutdown(wait=True)
        self._sweeper.shutdown(wait=True)
        if self._failed is None:
            db.flush_wal(True)
        db.close()
        self.opened.pop(self.path, None)
        atexit.unregister(self.close)

    def write_aside(self, batch: WriteBatch, compacted: Sequence[tuple[bytes, bytes]]) -> None:
        """Write in the sweeper's thread and give the disk of those ranges back."""
        db = self.db

        def work() -> None:
            db.write(batch, self._plain)
            for low, high in compacted:
                db.compact_range(low, high)  # or the disk is not given back for long

        self._watch(asyncio.get_running_loop().run_in_executor(self._sweeper, work))
