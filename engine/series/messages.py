"""What the topic `shards` holds: row batches, marks, skips, plan switches and vectors.

MessagePack by msgspec, arrays instead of maps; the first element is the kind. Columns are raw
little-endian bytes. The topic's own append time is the time of HTTP rows and of skips.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import BatchError
from engine.series.labels import KEY_BYTES

BATCH_VERSION: Final = 1
NEVER_MS: Final = -(1 << 62)
"""A time that is not known; 0 is a time like any other."""
HTTP_INGEST: Final = "@ingest"
HTTP_WRITE: Final = "@write"
HTTP_TOPICS: Final = (HTTP_INGEST, HTTP_WRITE)

U32 = np.dtype("<u4")
U64 = np.dtype("<u8")
I64 = np.dtype("<i8")
F64 = np.dtype("<f8")


class LogColumns(msgspec.Struct, array_like=True, frozen=True):
    """What a row of a log has beside its series and its time; n rows each."""

    predicates: list[bytes]  # ids of the line filters that a bit of `hits` stands for
    hits: bytes  # u64[n, words]: which predicates the line passed
    numbers: dict[str, bytes]  # field -> f64[n], NaN where the row has none
    hashes: dict[str, bytes]  # field -> u64[n], 0 where the row has none
    line_ends: bytes  # u32[n]: where each line ends in `lines`
    lines: bytes  # the lines' first bytes, one after the other, UTF-8


class RowBatch(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The rows of one fetch of one source partition for one shard; most often without rows.

    (start, end] of the partition's offsets in the usual half-open form [start, end). HTTP rows
    have topic `@ingest` or `@write`, start == end == 0 and are never dropped as seen. A source
    that drops what was not read yet leaves a gap for ever; `gone_below` says that it is one.
    """

    v: int
    kind: str  # "metrics" or "logs"
    topic: str
    partition: int
    start: int
    end: int
    reached_ms: int  # S: nothing older was appended after what this covers
    lateness_ms: int  # of the source, as configured when it was read
    stamp_ms: int  # wall clock of the worker that took the fetch
    keys: bytes = b""  # 16 bytes for each distinct series
    announced: bytes = b""  # u32 index, u32 length, canonical labels; repeated
    series: bytes = b""  # u32[n]: index into keys
    time_base_ms: int = 0
    times: bytes = b""  # u32[n]: ms after time_base_ms
    offsets: bytes = b""  # u32[n]: after start
    values: bytes = b""  # f64[n], metrics only
    logs: LogColumns | None = None
    gone_below: int = 0  # the source has no records below this offset any more


class Marks(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """Proofs of time for source partitions, and which partitions there are."""

    v: int
    marks: list[tuple[str, int, int, int]]  # topic, partition, end offset, time_ms
    sources: dict[str, tuple[int, int]]  # topic -> partitions, lateness_ms
    stamp_ms: int


class Skip(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """Continue without these source partitions until they are heard of again."""

    v: int
    sources: list[tuple[str, int]]
    reason: str


class PlanSwitch(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """Ticks after `from_ms` are judged by the rule set of that digest, earlier ones are not.

    From the message on what it reads is collected. NEVER_MS: from here on.
    """

    v: int
    digest: str
    from_ms: int = NEVER_MS


class Block(msgspec.Struct, array_like=True, frozen=True):
    """What one shard has of one exchange: k rows at t times, or k samples.

    Rows are numbers that `announced` gave labels to, under the same `born`. Of samples, each has
    its own row, time and value: times i64[k], one column of values f64[k].
    """

    exchange: str
    born: int  # the tick at which the sender began to number its rows
    announced: bytes = b""  # u32 row, u32 length, flags and canonical labels; repeated
    times: bytes = b""  # i64[t]
    rows: bytes = b""  # u32[k]
    mask: bytes = b""  # bits of bool[k, t]; empty: all of them
    values: tuple[bytes, ...] = ()  # of each column f64[true cells of the mask], row by row
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    error: str = ""
    samples: bool = False


class Vector(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """What one shard has for one owner at one tick; part 0..parts-1, all of them or nothing."""

    v: int
    sender: int
    tick_ms: int
    part: int
    parts: int
    digest: str  # of the plan that the tick was judged by
    due: tuple[int, ...]  # intervals of groups that are due
    blocks: list[Block]


Message = RowBatch | Marks | Skip | PlanSwitch | Vector

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Return the bytes of a message; equal messages give equal bytes."""
    return _encoder.encode(message)


def decode(raw: bytes) -> Message:
    """Read a message. Raises BatchError on bytes that no version of ours wrote."""
    try:
        message = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BatchError(f"not a message of the topic shards: {error}") from error
    if message.v > BATCH_VERSION:
        raise BatchError(f"message version {message.v} is newer than {BATCH_VERSION}: upgrade")
    if isinstance(message, RowBatch) and not _whole(message):
        raise BatchError("the columns of a row batch do not fit together")
    if isinstance(message, Vector) and not all(map(_block_whole, message.blocks)):
        raise BatchError("the columns of a vector do not fit together")
    return message


def _block_whole(block: Block) -> bool:
    steps, rows = len(block.times) // 8, len(block.rows) // 4
    if len(block.times) != 8 * steps or len(block.rows) != 4 * rows:
        return False
    list(unpack_announced(block.announced))
    cells = rows if block.samples else rows * steps
    if block.samples and (steps != rows or block.mask):
        return False
    if block.mask:
        if len(block.mask) != -(-cells // 8):
            return False
        cells = int(np.unpackbits(np.frombuffer(block.mask, np.uint8), count=cells).sum())
    return all(len(column) == 8 * cells for column in block.values)


def _whole(batch: RowBatch) -> bool:
    """Say whether the columns of a batch can be read: what is wrong here would end every owner."""
    n = len(batch.series) // 4
    keys = len(batch.keys) // KEY_BYTES
    logs = batch.logs
    sizes = {len(batch.series), len(batch.times), len(batch.offsets)}
    if sizes != {4 * n} or len(batch.keys) != KEY_BYTES * keys:
        return False
    if n and int(np.frombuffer(batch.series, U32).max()) >= keys:
        return False
    if any(index >= keys for index, _ in unpack_announced(batch.announced)):
        return False
    if logs is None:
        return len(batch.values) == 8 * n
    if batch.values:
        return False
    words = max(1, -(-len(logs.predicates) // 64))
    wide = [*logs.numbers.values(), *logs.hashes.values()]
    if any(len(raw) != 8 * n for raw in wide) or len(logs.hits) not in (0, 8 * n * words):
        return False
    ends = np.frombuffer(logs.line_ends, U32) if len(logs.line_ends) == 4 * n else None
    if ends is None or (n and int(ends[-1]) > len(logs.lines)):
        return False
    return bool((ends[1:] >= ends[:-1]).all())


def column(raw: bytes, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """View a column's bytes; read only."""
    return np.frombuffer(raw, dtype)


def pack_announced(entries: Iterable[tuple[int, bytes]]) -> bytes:
    """Pack (index into keys, canonical labels) pairs."""
    return b"".join(
        index.to_bytes(4, "little") + len(raw).to_bytes(4, "little") + raw for index, raw in entries
    )


def unpack_announced(raw: bytes) -> Iterable[tuple[int, bytes]]:
    """Yield (index into keys, canonical labels). Raises BatchError where it is cut."""
    at = 0
    while at < len(raw):
        if at + 8 > len(raw):
            raise BatchError("announcements are cut")
        index = int.from_bytes(raw[at : at + 4], "little")
        size = int.from_bytes(raw[at + 4 : at + 8], "little")
        at += 8
        if at + size > len(raw):
            raise BatchError("announcements are cut")
        yield index, raw[at : at + size]
        at += size
