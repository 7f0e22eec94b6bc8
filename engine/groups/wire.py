"""How vectors cross from shard to owner: rows with labels once, columns of what there is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from engine.groups.row_table import Ints, RowTable
from engine.series import (
    F64,
    I64,
    U32,
    Block,
    canonical,
    column,
    pack_announced,
    parse,
    unpack_announced,
)
from engine.vector import Floats, Labels, LabelSet, Mask, label_set

ROOM_BYTES = 2_048  # of a message beside its blocks
DROPPED = b"\x01"
KEPT = b"\x00"


@dataclass(frozen=True, slots=True)
class Cells:
    """What a block has of one time: rows i64[k] and columns f64[k] each."""

    at_ms: int
    rows: Ints
    columns: tuple[Floats, ...]


def announced(table: RowTable, first: int) -> bytes:
    """Return the labels of rows from `first` on."""
    return pack_announced(
        (row, (DROPPED if dropped else KEPT) + canonical("", dict(labels)))
        for row, (labels, dropped) in enumerate(
            zip(table.labels.sets[first:], table.labels.dropped[first:], strict=True), first
        )
    )


def told(raw: bytes) -> Iterator[tuple[int, LabelSet, bool]]:
    """Yield the rows that announced() packed: number, labels, whether the name goes."""
    for row, packed in unpack_announced(raw):
        _, labels = parse(packed[1:])
        yield row, label_set(labels), packed[:1] == DROPPED


def steps_block(
    exchange: str,
    born: int,
    table: RowTable,
    labels: Labels,
    columns: tuple[Floats, ...],
    mask: Mask,
    times: Ints,
) -> Block:
    """Return the block of an evaluated exchange. Shapes: columns f64[n, t], mask bool[n, t]."""
    live = np.flatnonzero(mask.any(axis=1))
    before = len(table)
    numbers = table.place(labels, live)
    order = np.argsort(numbers, kind="stable")
    live, numbers = live[order], numbers[order]
    cells = mask[live]
    return Block(
        exchange=exchange,
        born=born,
        announced=announced(table, before),
        times=times.astype(I64).tobytes(),
        rows=numbers.astype(U32).tobytes(),
        mask=b"" if cells.all() else np.packbits(cells).tobytes(),
        values=tuple(values[live][cells].astype(F64).tobytes() for values in columns),
    )


def samples_block(exchange: str, born: int, first: int, table: RowTable, rows: Ints, times: Ints,
                  values: Floats) -> Block:  # fmt: skip
    """Return a mirror's block: samples in the order in which they came."""
    return Block(
        exchange=exchange, born=born, announced=announced(table, first),
        times=times.astype(I64).tobytes(), rows=rows.astype(U32).tobytes(),
        values=(values.astype(F64).tobytes(),), samples=True,
    )  # fmt: skip


def cells_of(block: Block) -> Iterator[Cells]:
    """Yield what a block has of each of its times, times without rows too."""
    times = column(block.times, I64).astype(np.int64)
    rows = column(block.rows, U32).astype(np.int64)
    values = [column(raw, F64).astype(np.float64) for raw in block.values]
    size = rows.size * times.size
    if block.mask:
        bits = np.unpackbits(np.frombuffer(block.mask, np.uint8), count=size).astype(np.bool_)
    else:
        bits = np.ones(size, np.bool_)
    mask = bits.reshape(rows.size, times.size)
    place = np.cumsum(bits).reshape(mask.shape) - 1  # of each true cell among the values
    for step, at_ms in enumerate(times.tolist()):
        here = mask[:, step]
        chosen = place[here, step]
        yield Cells(at_ms, rows[here], tuple(one[chosen] for one in values))


def samples_of(block: Block) -> tuple[Ints, Ints, Floats]:
    """Return rows, times and values of a mirror's block."""
    return (
        column(block.rows, U32).astype(np.int64),
        column(block.times, I64).astype(np.int64),
        column(block.values[0], F64).astype(np.float64),
    )


def size_of(block: Block) -> int:
    """Return about how many bytes a block takes in a message."""
    texts = sum(len(text) for text in (*block.warnings, *block.infos, block.error))
    columns = sum(map(len, block.values)) + len(block.rows) + len(block.times) + len(block.mask)
    return len(block.announced) + columns + 4 * texts + 128


def packed(blocks: Iterable[Block], bytes_max: int) -> list[list[Block]]:
    """Return the blocks in parts of at most so many bytes each, at least one part."""
    parts: list[list[Block]] = [[]]
    room = bytes_max - ROOM_BYTES
    used = 0
    for whole in blocks:
        for block in _pieces(whole, room):
            size = size_of(block)
            if parts[-1] and used + size > room:
                parts.append([])
                used = 0
            parts[-1].append(block)
            used += size
    return parts


def _pieces(block: Block, room: int) -> Iterator[Block]:
    """Yield blocks that together say what one does: labels first, then rows in halves."""
    if size_of(block) <= room:
        yield block
        return
    if block.announced:
        entries = list(unpack_announced(block.announced))
        nothing = msgspec.structs.replace(
            block, times=b"", rows=b"", mask=b"", values=tuple(b"" for _ in block.values)
        )
        part: list[tuple[int, bytes]] = []
        used = 0
        for row, raw in entries:
            if part and used + len(raw) + 8 > room - 256:
                yield msgspec.structs.replace(nothing, announced=pack_announced(part))
                part, used = [], 0
            part.append((row, raw))
            used += len(raw) + 8
        yield msgspec.structs.replace(nothing, announced=pack_announced(part))
        yield from _pieces(msgspec.structs.replace(block, announced=b""), room)
        return
    rows = len(block.rows) // 4
    if rows < 2:  # one row over more steps than a message holds: the host will say so
        yield block
        return
    yield from _pieces(_rows(block, 0, rows // 2), room)
    yield from _pieces(_rows(block, rows // 2, rows), room)


def _rows(block: Block, first: int, last: int) -> Block:
    rows, steps = len(block.rows) // 4, len(block.times) // 8
    cut = msgspec.structs.replace(block, rows=block.rows[4 * first : 4 * last])
    if block.samples:
        return msgspec.structs.replace(
            cut,
            times=block.times[8 * first : 8 * last],
            values=(block.values[0][8 * first : 8 * last],),
        )
    bits: npt.NDArray[np.bool_] = np.ones((rows, steps), np.bool_)
    if block.mask:
        raw = np.unpackbits(np.frombuffer(block.mask, np.uint8), count=rows * steps)
        bits = raw.astype(np.bool_).reshape(rows, steps)
    start, end = 8 * int(bits[:first].sum()), 8 * int(bits[:last].sum())
    part = bits[first:last]
    return msgspec.structs.replace(
        cut,
        mask=b"" if part.all() else np.packbits(part).tobytes(),
        values=tuple(raw[start:end] for raw in block.values),
    )
