"""Rows whose series is not known yet: kept, bounded, until its labels come round."""

from collections import deque
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from engine import metrics
from engine.series import KEY_BYTES, U32, RowBatch, column
from engine.series import decode as decode_message
from engine.series import encode as encode_message


class Parked:
    """Batches with unknown series, oldest first."""

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.rows = 0
        self._held: deque[tuple[RowBatch, int, int]] = deque()  # batch, first offset, rows

    def add(self, batch: RowBatch, first: int, ids: npt.NDArray[np.int64]) -> None:
        """Keep the rows of a batch that have no series; the oldest go where there are too many."""
        wanted = (ids < 0) & (column(batch.offsets, U32).astype(np.int64) + batch.start >= first)
        if not wanted.any():
            return
        part = only(batch, np.flatnonzero(wanted))
        rows = int(wanted.sum())
        self._held.append((part, first, rows))
        self.rows += rows
        while self.rows > self.rows_max:
            _, _, dropped = self._held.popleft()
            self.rows -= dropped
            metrics.dropped("series_unknown", dropped)

    def take(self, known: Mapping[bytes, int]) -> Iterator[tuple[RowBatch, int]]:
        """Yield what can be read now and forget it."""
        waiting, self._held, self.rows = self._held, deque(), 0
        for batch, first, rows in waiting:
            keys = {batch.keys[i : i + KEY_BYTES] for i in range(0, len(batch.keys), KEY_BYTES)}
            if keys.isdisjoint(known):
                self._held.append((batch, first, rows))
                self.rows += rows
            else:
                yield batch, first

    def freeze(self) -> list[tuple[bytes, int, int]]:
        """Return what is held."""
        return [(encode_message(batch), first, rows) for batch, first, rows in self._held]

    def thaw(self, held: list[tuple[bytes, int, int]]) -> None:
        """Hold what freeze() returned."""
        for raw, first, rows in held:
            batch = decode_message(raw)
            assert isinstance(batch, RowBatch)
            self._held.append((batch, first, rows))
            self.rows += rows


def only(batch: RowBatch, rows: npt.NDArray[np.int64]) -> RowBatch:
    """Return a batch with some of its rows, and the keys of those alone."""
    n = len(batch.series) // 4
    used, series = np.unique(column(batch.series, U32)[rows], return_inverse=True)
    keys = np.frombuffer(batch.keys, np.uint8).reshape(-1, KEY_BYTES)[used].tobytes()

    def pick(raw: bytes) -> bytes:
        width = len(raw) // n if n else 0
        return np.frombuffer(raw, np.uint8).reshape(n, width)[rows].tobytes() if raw else b""

    logs = batch.logs
    if logs is not None:
        ends = column(logs.line_ends, U32).astype(np.int64)
        starts = np.r_[0, ends[:-1]]
        pieces = [logs.lines[starts[i] : ends[i]] for i in rows.tolist()]
        new_ends = np.cumsum([len(piece) for piece in pieces]).astype(U32)
        logs = msgspec.structs.replace(
            logs,
            hits=pick(logs.hits),
            numbers={name: pick(raw) for name, raw in logs.numbers.items()},
            hashes={name: pick(raw) for name, raw in logs.hashes.items()},
            line_ends=new_ends.tobytes(),
            lines=b"".join(pieces),
        )
    return msgspec.structs.replace(
        batch,
        keys=keys,
        announced=b"",
        series=series.astype(U32).tobytes(),
        times=pick(batch.times),
        offsets=pick(batch.offsets),
        values=pick(batch.values),
        logs=logs,
    )
