"""What every store of a leaf has in common: panes by number, versions, snapshots.

A pane is (end - width, end] and is known by end / width. Panes are disjoint, so a window is a run
of them, and a pane that no row falls into any more never changes: a checkpoint skips it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from engine.checkpoint import pack, unpack
from engine.owner import Chunk

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Pane = TypeVar("Pane")


class Rows(NamedTuple):
    """Rows of one feed for one leaf, as columns of equal length n."""

    panes: Ints  # pane numbers
    groups: Ints  # group of the feed
    members: Ints  # series of the feed
    times: Ints  # ms since the epoch
    values: Floats  # NaN: no number
    hashes: Hashes  # of the field, for distinct; 0: none
    texts: "Texts | None"  # lines, for evidence
    stamp_ms: int = 0  # when their batch reached a worker


class Texts(NamedTuple):
    """The lines of rows: line i is blob[ends[rows[i] - 1]:ends[rows[i]]]."""

    rows: Ints
    ends: Ints
    blob: bytes

    def line(self, i: int) -> str:
        """Return the text of the i-th row."""
        row = int(self.rows[i])
        start = int(self.ends[row - 1]) if row else 0
        return self.blob[start : int(self.ends[row])].decode("utf-8", "replace")

    def take(self, keep: npt.NDArray[Any]) -> "Texts":
        """Return the texts of some rows."""
        return Texts(self.rows[keep], self.ends, self.blob)


def take(rows: Rows, keep: npt.NDArray[Any]) -> Rows:
    """Return some of the rows: `keep` is a mask or indices."""
    return Rows(
        rows.panes[keep],
        rows.groups[keep],
        rows.members[keep],
        rows.times[keep],
        rows.values[keep],
        rows.hashes[keep],
        rows.texts.take(keep) if rows.texts is not None else None,
        rows.stamp_ms,
    )


def by_pane(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield the rows of each pane in order of panes; order inside a pane is kept."""
    if not rows.panes.size:
        return
    low, high = int(rows.panes.min()), int(rows.panes.max())
    if low == high:
        yield low, rows
        return
    for pane in np.unique(rows.panes).tolist():
        yield pane, take(rows, rows.panes == pane)


class PaneMap(Generic[Pane]):
    """Panes by number, each with the version it was last changed in."""

    def __init__(self) -> None:
        self.panes: dict[int, Pane] = {}
        self.versions: dict[int, int] = {}
        self.version = 0

    def touch(self, pane: int) -> None:
        """Say that a pane has changed."""
        self.version += 1
        self.versions[pane] = self.version

    def drop_before(self, pane: int) -> None:
        """Forget panes below a number."""
        for old in [number for number in self.panes if number < pane]:
            del self.panes[old]
            del self.versions[old]

    def run(self, first: int, last: int) -> Iterator[tuple[int, Pane]]:
        """Yield the panes first..last that exist, in order."""
        if last - first >= len(self.panes):
            wanted = sorted(number for number in self.panes if first <= number <= last)
        else:
            wanted = [number for number in range(first, last + 1) if number in self.panes]
        for number in wanted:
            yield number, self.panes[number]


def pane_chunk(
    prefix: str, pane: int, version: int, known: Mapping[str, int], arrays: Mapping[str, Any]
) -> Chunk:
    """Return a pane's chunk; without payload where the store already has that version."""
    name = f"{prefix}/{pane}"
    if known.get(name) == version:
        return Chunk(name, version, b"")
    return Chunk(name, version, pack({"version": version}, arrays))


def read_pane(payload: bytes) -> tuple[int, dict[str, npt.NDArray[Any]]]:
    """Return the version and the arrays of a pane's chunk."""
    meta, arrays = unpack(payload)
    return int(meta["version"]), arrays
