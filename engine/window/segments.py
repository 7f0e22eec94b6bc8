"""How rings are written down: append-only segments of rows, by partition of series.

A checkpoint writes the rows that came since the last one and names the segments before it again.
A partition is written anew, as one segment, when the store of checkpoints has lost one of its
segments or when they hold twice the rows that its rings do; of the latter kind one partition a
checkpoint, so that no checkpoint is as large as everything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError
from engine.owner import Chunk

Array = npt.NDArray[Any]

PARTITION: Final = 65_536
SPARE_ROWS: Final = 4_096  # segments smaller than this are not worth writing anew


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that a checkpoint wrote; its number says the order and is its version."""

    number: int
    rows: int
    newest_ms: int  # time of its newest row


@dataclass(frozen=True, slots=True)
class Restored:
    """What chunks brought, in the order it has to be applied."""

    needs: list[tuple[int, Array, Array]]  # first series, need_ms i64, cut_ms i64
    rows: list[tuple[Array, Array, Array]]  # series i64, times i64, bits i64
    passed_ms: int | None


class Rows(Protocol):
    """The rings, as segments see them. Series first..last-1 of one partition."""

    def needs(self, first: int, last: int) -> tuple[Array, Array]:
        """Return need_ms i64 and cut_ms i64."""

    def live(self, first: int, last: int) -> int:
        """Return the number of rows."""

    def take(self, first: int, last: int, only_fresh: bool) -> tuple[Array, Array, Array]:
        """Return series, times and bits of rows, which count as written from then on."""


class Segments:
    """The segments of one store, and what is on its way back from a checkpoint."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: dict[int, list[Segment]] = {}  # by partition
        self._need_versions: dict[int, int] = {}
        self._need_most: dict[int, int] = {}
        self._number = 0
        self._needs: list[tuple[int, Array, Array]] = []
        self._rows: list[tuple[int, Array, Array, Array]] = []
        self._passed_ms: int | None = None
        self.waiting = False
        """Whether there are chunks that `settled` has not been asked for."""

    def needs_changed(self, series: Array) -> None:
        """Say that needs of some series were raised."""
        for partition in np.unique(series // PARTITION).tolist():
            self._number += 1
            self._need_versions[partition] = self._number
            self._need_most.pop(partition, None)

    def chunks(
        self, rows: Rows, size: int, passed_ms: int | None, known: Mapping[str, int]
    ) -> Iterator[Chunk]:
        """Yield what a store with `size` series is; payloads only where `known` lacks them."""
        stale = self._stalest(rows, size)
        for partition in sorted(self._need_versions):
            first, last = partition * PARTITION, min((partition + 1) * PARTITION, size)
            yield self._need_chunk(rows, partition, first, last, known)
            held = self._alive(rows, partition, first, last, passed_ms)
            whole = partition == stale or any(
                known.get(self._segment_name(partition, segment)) != segment.number
                for segment in held
            )
            if whole:
                held.clear()
            for segment in held:
                yield Chunk(self._segment_name(partition, segment), segment.number, b"")
            columns = rows.take(first, last, not whole)
            if columns[0].size:
                yield self._write(partition, held, columns)
        self._number += 1
        head = {"passed_ms": passed_ms, "number": self._number}
        yield Chunk(f"{self._name}/head", self._number, pack(head, {}))

    def _segment_name(self, partition: int, segment: Segment) -> str:
        return f"{self._name}/{partition}/{segment.number}"

    def _stalest(self, rows: Rows, size: int) -> int:
        """Return the partition whose segments hold most that is dead, -1 where none does."""
        worst, most = -1, 0
        for partition, held in self._held.items():
            written = sum(segment.rows for segment in held)
            if written <= SPARE_ROWS or len(held) < 2:
                continue
            live = rows.live(partition * PARTITION, min((partition + 1) * PARTITION, size))
            if written > 2 * live and written - live > most:
                worst, most = partition, written - live
        return worst

    def _alive(
        self, rows: Rows, partition: int, first: int, last: int, passed_ms: int | None
    ) -> list[Segment]:
        """Return the segments of a partition that a coming tick may read a row of."""
        held = self._held.setdefault(partition, [])
        if passed_ms is not None and held:
            if partition not in self._need_most:
                self._need_most[partition] = int(rows.needs(first, last)[0].max(initial=0))
            floor_ms = passed_ms - self._need_most[partition]
            held[:] = [segment for segment in held if segment.newest_ms > floor_ms]
        return held

    def _need_chunk(
        self, rows: Rows, partition: int, first: int, last: int, known: Mapping[str, int]
    ) -> Chunk:
        name, version = f"{self._name}/needs/{partition}", self._need_versions[partition]
        if known.get(name) == version:
            return Chunk(name, version, b"")
        needs, cuts = rows.needs(first, last)
        meta = {"first": first, "number": version}
        return Chunk(name, version, pack(meta, {"needs": needs, "cuts": cuts}))

    def _write(
        self, partition: int, held: list[Segment], columns: tuple[Array, Array, Array]
    ) -> Chunk:
        series, times, bits = columns
        self._number += 1
        least, newest = int(times.min()), int(times.max())
        segment = Segment(self._number, series.size, newest)
        held.append(segment)
        over = times - least
        meta = {"number": segment.number, "first": partition * PARTITION, "least_ms": least}
        arrays = {
            "series": (series - partition * PARTITION).astype(np.uint16),
            "times": over.astype(np.uint32) if newest - least < 1 << 32 else over,
            "bits": bits,
        }
        return Chunk(self._segment_name(partition, segment), segment.number, pack(meta, arrays))

    def restore(self, name: str, payload: bytes) -> None:
        """Take a chunk back, in any order. Raises SnapshotError for what is none of ours."""
        meta, arrays = unpack(payload)
        try:
            self._restore(name.removeprefix(f"{self._name}/").split("/"), meta, arrays)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SnapshotError(f"{name} is no chunk of rings: {error!r}") from error
        self.waiting = True

    def _restore(self, path: list[str], meta: dict[str, Any], arrays: dict[str, Array]) -> None:
        number = int(meta["number"])
        match path:
            case ["head"]:
                passed = meta["passed_ms"]
                self._passed_ms = None if passed is None else int(passed)
            case ["needs", partition]:
                self._need_versions[int(partition)] = number
                self._needs.append((int(meta["first"]), arrays["needs"], arrays["cuts"]))
            case [partition, _]:
                series = arrays["series"].astype(np.int64) + int(meta["first"])
                times = arrays["times"].astype(np.int64) + int(meta["least_ms"])
                bits = arrays["bits"]
                newest = int(times.max())
                held = self._held.setdefault(int(partition), [])
                held.append(Segment(number, series.size, newest))
                held.sort(key=lambda segment: segment.number)
                self._rows.append((number, series, times, bits))
            case _:
                raise ValueError(path)
        self._number = max(self._number, number)

    def settled(self) -> Restored:
        """Return what chunks brought since, segments in the order they were written."""
        self._rows.sort(key=lambda entry: entry[0])
        brought = Restored(self._needs, [(s, t, b) for _, s, t, b in self._rows], self._passed_ms)
        self._needs, self._rows, self.waiting = [], [], False
        return brought
