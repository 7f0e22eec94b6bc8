"""The source stage: records to columns to one row batch for every shard. It keeps no state.

What it remembers (the dictionary, S and the position of each partition) is a cache or comes from
the log again: re-reads and a second worker doing the same are harmless, because shards drop what
they have seen.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from engine import metrics
from engine.limits import Limits
from engine.owner import Output
from engine.plan import Plan
from engine.series import (
    BATCH_VERSION,
    F64,
    HTTP_INGEST,
    HTTP_WRITE,
    NEVER_MS,
    U32,
    U64,
    LogColumns,
    Marks,
    RowBatch,
    encode,
    pack_announced,
)
from engine.sources.decoded import Decoded
from engine.sources.dictionary import Dictionary
from engine.sources.fetch import Fetch, Mark, Reject
from engine.sources.json import LogDecoder, decode_logs, decode_metrics
from engine.sources.projection import Projection
from engine.sources.remote_write import RemoteWriteError, decode_write

Endpoint = Literal["metrics", "logs", "write"]

RECORDS = metrics.counter("tocsin_records_total", "Records read from a source.", ["topic"])
REJECTS = metrics.counter(
    "tocsin_rejects_total", "Records that were not taken, by reason.", ["topic", "reason"]
)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One configured source topic."""

    topic: str
    kind: Literal["metrics", "logs"]
    lateness_ms: int
    partitions: int = 0  # 0: not known yet


@dataclass(slots=True)
class _Position:
    next_offset: int
    reached_ms: int = NEVER_MS
    gone_below: int = 0


@dataclass(frozen=True, slots=True)
class HttpTaken:
    """What became of one HTTP request; `outputs` must be acknowledged before it is answered."""

    outputs: list[Output]
    accepted: int
    rejects: list[Reject]  # position: line or series of the request, from 1


U32_MAX = (1 << 32) - 1


def _first_bytes(text: str, size: int) -> bytes:
    raw = text[:size].encode("utf-8", "replace")
    return raw if len(raw) <= size else raw[:size].decode("utf-8", "ignore").encode()


def _answered(_position: int) -> bytes:
    """Return nothing: whoever sent it by HTTP has the record, and gets its line."""
    return b""


class SourceStage:
    """Takes fetches and requests, gives row batches, marks and rejects."""

    def __init__(
        self,
        sources: Sequence[SourceSpec],
        shards: int,
        secret: bytes,
        limits: Limits,
        tenant: str = "default",
        http_lateness_ms: Mapping[str, int] | None = None,
    ) -> None:
        self.sources = {source.topic: source for source in sources}
        self.shards, self.limits = shards, limits
        self.http = {HTTP_INGEST: 2_000, HTTP_WRITE: 10_000, **(http_lateness_ms or {})}
        self.dictionary = Dictionary(shards, secret, limits, tenant)
        self.logs = LogDecoder(self.dictionary.projection)
        self.positions: dict[tuple[str, int], _Position] = {}
        self.ready = False  # until it knows what the rules read, nothing may be taken
        self.samples_total = self.lines_total = self.rejected_total = 0
        self._reject_second = 0
        self._reject_count = 0

    # -- what the host tells --------------------------------------------------------------------

    def use(self, plans: Sequence[Plan]) -> None:
        """Project by what these plans read: the one in use, and the one that comes next."""
        projection = Projection(plans, self.shards)
        self.ready = True
        self.dictionary.use(projection)
        self.logs = LogDecoder(projection)

    def partitions(self, topic: str, count: int) -> None:
        """Note how many partitions a source topic has."""
        source = self.sources[topic]
        self.sources[topic] = SourceSpec(topic, source.kind, source.lateness_ms, count)

    def assign(self, topic: str, partition: int, next_offset: int, gone_below: int = 0) -> None:
        """Take from this offset on; below `gone_below` the partition holds nothing any more."""
        self.positions[topic, partition] = _Position(next_offset, NEVER_MS, gone_below)

    def revoke(self, topic: str, partition: int) -> None:
        """Forget a partition."""
        self.positions.pop((topic, partition), None)

    # -- records in -----------------------------------------------------------------------------

    def take(self, topic: str, partition: int, fetch: Fetch, stamp_ms: int) -> list[Output]:
        """Return one message for every shard, and the rejects.

        Empty batches too: (start, end) must reach every shard, or the next one looks like a hole.
        """
        source = self.sources[topic]
        position = self.positions[topic, partition]
        self.dictionary.trim()
        decoded = self._decode(source.kind, fetch.values, fetch.offsets)
        RECORDS.labels(topic).inc(len(fetch.values))
        # The broker's clock, but never ahead of ours: a producer's wrong clock moves nothing.
        stamps = np.minimum(np.array(fetch.timestamps_ms, np.int64), stamp_ms)
        stamps[stamps < 0] = stamp_ms
        arrived = stamps[np.searchsorted(np.array(fetch.offsets, np.int64), decoded.positions)]

        def record(offset: int) -> bytes:
            return fetch.values[bisect_left(fetch.offsets, offset)] or b""

        decoded = self._in_time(decoded, arrived, record)
        position.reached_ms = max(position.reached_ms, int(stamps.max()))
        start, position.next_offset = position.next_offset, fetch.offsets[-1] + 1
        head = RowBatch(
            BATCH_VERSION, source.kind, topic, partition, start, position.next_offset,
            position.reached_ms, source.lateness_ms, stamp_ms, gone_below=position.gone_below,
        )  # fmt: skip
        outputs = self._batches(head, decoded, stamp_ms, empty=True)
        self._count(decoded)
        return outputs + self._rejects(topic, partition, decoded.rejects, stamp_ms)

    def take_http(self, endpoint: Endpoint, body: bytes, stamp_ms: int) -> HttpTaken:
        """Return the batches of one request. Raises RemoteWriteError for what can never succeed."""
        topic = HTTP_WRITE if endpoint == "write" else HTTP_INGEST
        self.dictionary.trim()
        if endpoint == "write":
            decoded = decode_write(body, self.dictionary, self.limits)
            number = len(decoded.positions)
        else:
            lines = body.split(b"\n")
            places = [i + 1 for i, line in enumerate(lines) if line.strip()]
            decoded = self._decode(endpoint, [lines[i - 1] for i in places], places)
            number = len(places)
        RECORDS.labels(topic).inc(number)
        decoded = self._in_time(decoded, np.full(decoded.times_ms.size, stamp_ms), _answered)
        kind = "logs" if endpoint == "logs" else "metrics"
        head = RowBatch(BATCH_VERSION, kind, topic, 0, 0, 0, stamp_ms, self.http[topic], stamp_ms)
        accepted, rejects = decoded.positions.size, decoded.rejects
        decoded.positions = np.zeros(accepted, np.int64)
        outputs = self._batches(head, decoded, stamp_ms, empty=False)
        self._count(decoded)
        for reject in rejects:
            REJECTS.labels(topic, reject.reason).inc()
        return HttpTaken(outputs, accepted, rejects)

    def marks(self, ends: Sequence[Mark], stamp_ms: int) -> list[Output]:
        """Return one message a shard: proofs of time, and which partitions there are.

        Nothing while a topic's partitions are not known: shards would go on without them.
        """
        if any(source.partitions == 0 for source in self.sources.values()):
            return []
        table = {
            source.topic: (source.partitions, source.lateness_ms)
            for source in self.sources.values()
        }
        table |= {topic: (1, lateness_ms) for topic, lateness_ms in self.http.items()}
        proofs = [(m.topic, m.partition, m.end_offset, m.time_ms) for m in ends]
        raw = encode(Marks(BATCH_VERSION, proofs, table, stamp_ms))
        return [Output("shards", shard, None, raw) for shard in range(self.shards)]

    # -- inside ---------------------------------------------------------------------------------

    def _count(self, decoded: Decoded) -> None:
        self.rejected_total += len(decoded.rejects)
        if decoded.messages is None:
            self.samples_total += decoded.times_ms.size
        else:
            self.lines_total += decoded.times_ms.size

    def _decode(
        self, kind: str, values: Sequence[bytes | None], positions: Sequence[int]
    ) -> Decoded:
        if kind == "metrics":
            return decode_metrics(values, positions, self.dictionary, self.limits)
        return decode_logs(values, positions, self.dictionary, self.logs, self.limits)

    def _in_time(
        self, decoded: Decoded, arrived: npt.NDArray[np.int64], record: Callable[[int], bytes]
    ) -> Decoded:
        """Reject rows whose time is far from when they arrived; `record` finds one by position."""
        # Compared, not subtracted: a time near -2^63 would wrap into the present.
        future = decoded.times_ms > arrived + self.limits.future_ms_max
        past = decoded.times_ms < arrived - self.limits.past_ms_max
        bad = future | past
        if not bad.any():
            return decoded
        for i in np.flatnonzero(bad).tolist():
            ahead_ms = int(decoded.times_ms[i]) - int(arrived[i])
            text = f"its time {int(decoded.times_ms[i])} is {abs(ahead_ms) / 1000:g} s "
            text += "ahead of its arrival" if future[i] else "behind its arrival"
            reason = "timestamp_future" if future[i] else "timestamp_past"
            position = int(decoded.positions[i])
            raw = record(position)[: self.limits.reject_bytes_max]
            decoded.rejects.append(Reject(position, reason, text, raw))
        return decoded.take(~bad)

    def _batches(
        self, head: RowBatch, decoded: Decoded, stamp_ms: int, *, empty: bool
    ) -> list[Output]:
        book = self.dictionary
        counts = book.target_count[decoded.entries]
        rows = np.repeat(np.arange(decoded.entries.size), counts)
        starts = np.repeat(book.target_start[decoded.entries], counts)
        within = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        targets = book.targets[starts + within]
        hits = self._hits(decoded)
        if hits is not None:
            rows, targets = self._wanted(rows, targets, hits)
        nothing = encode(head) if empty else b""
        outputs = []
        for shard in range(self.shards):
            mine = rows[targets == shard]
            if mine.size:
                parts = self._fill(head, decoded, hits, mine, shard, stamp_ms)
                outputs += [Output("shards", shard, None, part) for part in parts]
            elif empty:
                outputs.append(Output("shards", shard, None, nothing))
        return outputs

    def _hits(self, decoded: Decoded) -> npt.NDArray[np.uint64] | None:
        """Return which predicates each line passed: u64[n, words]."""
        if decoded.messages is None:
            return None
        tests = self.logs.projection.tests
        words = max(1, -(-len(tests) // 64))
        hits = np.zeros((len(decoded.messages), words), np.uint64)
        for bit, test in enumerate(tests):
            passed = np.fromiter(map(test, decoded.messages), np.bool_, len(decoded.messages))
            hits[passed, bit >> 6] |= np.uint64(1 << (bit & 63))
        return hits

    def _wanted(
        self,
        rows: npt.NDArray[np.int64],
        targets: npt.NDArray[np.int64],
        hits: npt.NDArray[np.uint64],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Leave out lines that no rule's filter lets through, where every log rule has one."""
        if any(feed.predicate is None for feed in self.logs.projection.logs):
            return rows, targets
        some = np.asarray(hits.any(axis=1))[rows]
        return rows[some], targets[some]

    def _fill(
        self,
        head: RowBatch,
        decoded: Decoded,
        hits: npt.NDArray[np.uint64] | None,
        rows: npt.NDArray[np.int64],
        shard: int,
        stamp_ms: int,
    ) -> list[bytes]:
        """Return the batch of one shard.

        A batch over the message limit is cut at a record: the parts cover [start, a), [a, b) ...
        """
        book = self.dictionary
        times = decoded.times_ms[rows]
        base = int(times.min())
        if int(times.max()) - base > U32_MAX:  # limits.past_ms_max may be months
            return self._halves(head, decoded, hits, rows, shard, False, stamp_ms)
        entries, index = np.unique(decoded.entries[rows], return_inverse=True)
        news = book.to_announce(entries, shard, stamp_ms)
        logs = None if hits is None else self._log_columns(decoded, hits, rows)
        batch = msgspec.structs.replace(
            head,
            keys=book.keys[entries].tobytes(),
            announced=pack_announced((int(i), book.raw[int(entries[i])]) for i in news),
            series=index.astype(U32).tobytes(),
            time_base_ms=base,
            times=(times - base).astype(U32).tobytes(),
            offsets=(decoded.positions[rows] - head.start).astype(U32).tobytes(),
            values=b"" if decoded.values is None else decoded.values[rows].astype(F64).tobytes(),
            logs=logs,
        )
        raw = encode(batch)
        if len(raw) <= self.limits.batch_bytes_max or rows.size == 1:
            return [raw]
        return self._halves(head, decoded, hits, rows, shard, news.size > 0, stamp_ms)

    def _halves(
        self,
        head: RowBatch,
        decoded: Decoded,
        hits: npt.NDArray[np.uint64] | None,
        rows: npt.NDArray[np.int64],
        shard: int,
        announced: bool,
        stamp_ms: int,
    ) -> list[bytes]:
        middle = rows.size // 2
        if announced:  # what the whole batch would have told, its parts must tell
            self.dictionary.untold(decoded.entries[rows], shard)
        cut = int(decoded.positions[rows[middle]])
        # S is said by the last part only: before that part is read, its rows are still to come.
        first = msgspec.structs.replace(head, end=cut, reached_ms=NEVER_MS) if head.end else head
        second = msgspec.structs.replace(head, start=cut) if head.end else head
        return self._fill(first, decoded, hits, rows[:middle], shard, stamp_ms) + self._fill(
            second, decoded, hits, rows[middle:], shard, stamp_ms
        )

    def _log_columns(
        self, decoded: Decoded, hits: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]
    ) -> LogColumns:
        assert decoded.messages is not None
        cut = self.limits.evidence_line_bytes_max
        lines = [_first_bytes(decoded.messages[i], cut) for i in rows.tolist()]
        ends = np.cumsum([len(line) for line in lines]).astype(U32)
        return LogColumns(
            predicates=[predicate.id for predicate in self.logs.projection.predicates],
            hits=hits[rows].astype(U64).tobytes(),
            numbers={n: c[rows].astype(F64).tobytes() for n, c in decoded.numbers.items()},
            hashes={n: c[rows].astype(U64).tobytes() for n, c in decoded.hashes.items()},
            line_ends=ends.tobytes(),
            lines=b"".join(lines),
        )

    def _rejects(
        self, topic: str, partition: int, rejects: list[Reject], stamp_ms: int
    ) -> list[Output]:
        """Count every reject; keep so many a second."""
        outputs = []
        for reject in rejects:
            REJECTS.labels(topic, reject.reason).inc()
            if stamp_ms // 1000 != self._reject_second:
                self._reject_second, self._reject_count = stamp_ms // 1000, 0
            self._reject_count += 1
            if self._reject_count > self.limits.rejects_per_second_max:
                metrics.dropped("reject_not_kept")
                continue
            kept = {
                "v": 1,
                "topic": topic,
                "partition": partition,
                "offset": reject.position,
                "reason": reject.reason,
                "text": reject.text,
                "record": reject.record.decode("utf-8", "backslashreplace"),
                "stamp_ms": stamp_ms,
            }
            key = f"{topic}/{partition}".encode()
            outputs.append(Output("rejects", 0, key, msgspec.json.encode(kept)))
        return outputs


__all__ = ["HttpTaken", "RemoteWriteError", "SourceSpec", "SourceStage"]
