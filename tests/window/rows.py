"""Rows for stores: as plain tuples for a naive twin, and as the columns a store takes."""

import itertools
from typing import NamedTuple

import numpy as np

from engine.window import Rows, Texts

PANE_MS = 1_000


class Row(NamedTuple):
    time_ms: int
    group: int
    member: int
    value: float = float("nan")
    text: str = ""


def pane(time_ms):
    """The pane (end - width, end] that holds a time."""
    return -(-time_ms // PANE_MS)


def columns(rows, hashes=None, stamp_ms=0):
    lines = [row.text.encode() for row in rows]
    texts = Texts(
        np.arange(len(rows)),
        np.fromiter(itertools.accumulate(map(len, lines)), np.int64, len(rows)),
        b"".join(lines),
    )
    return Rows(
        panes=np.array([pane(row.time_ms) for row in rows], np.int64),
        groups=np.array([row.group for row in rows], np.int64),
        members=np.array([row.member for row in rows], np.int64),
        times=np.array([row.time_ms for row in rows], np.int64),
        values=np.array([row.value for row in rows], np.float64),
        hashes=np.array(hashes if hashes is not None else [0] * len(rows), np.uint64),
        texts=texts,
        stamp_ms=stamp_ms,
    )


def cut(rows, rng):
    """Cut rows into batches at random places."""
    at = 0
    while at < len(rows):
        end = at + rng.randrange(1, 8)
        yield rows[at:end]
        at = end


def fill(store, rows, rng=None):
    """Add rows in batches of random sizes, or all at once."""
    for batch in cut(rows, rng) if rng else [rows]:
        store.add(columns(batch))
    return store


def by_group(rows, first, last, size):
    """The rows of panes first..last, by group."""
    found = [[] for _ in range(size)]
    for row in rows:
        if first <= pane(row.time_ms) <= last:
            found[row.group].append(row)
    return found


def restored(store, make):
    """What a checkpoint makes of a store, every chunk through its bytes."""
    other = make()
    for chunk in store.chunks("leaf/x", {}):
        other.restore(int(chunk.name.rpartition("/")[2]), chunk.payload)
    return other


def same(a, b):
    """Equal to the bit, NaN to NaN; the sign of a zero says nothing."""
    a, b = np.asarray(a, np.float64) + 0.0, np.asarray(b, np.float64) + 0.0
    return a.shape == b.shape and ((a == b) | (np.isnan(a) & np.isnan(b))).all()
