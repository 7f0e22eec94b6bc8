"""Label sections of remote write, as bytes: which entry of the dictionary each stands for.

A cache like the dictionary that it belongs to: another encoding of the same labels is another
section with the same entry.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sources import write_kernels as kernels

Array = npt.NDArray[Any]

_FIRST = 1_024


class Sections:
    """Sections by number, and the entry of each."""

    def __init__(self, seed: int) -> None:
        """`seed`: i64, so that nobody outside can make sections collide."""
        self._seed = seed
        self._count = 0
        self._before = -1  # the last section that was found: another follows it
        self._slots: Array = np.full(2 * _FIRST, -1, np.int32)
        self._hashes: Array = np.zeros(_FIRST, np.int64)
        self._starts: Array = np.zeros(_FIRST + 1, np.int64)
        self._follows: Array = np.full(_FIRST, -1, np.int32)
        self._entries: Array = np.zeros(_FIRST, np.int64)
        self._arena: Array = np.zeros(64 * _FIRST, np.uint8)

    def __len__(self) -> int:
        return self._count

    @property
    def bytes(self) -> int:
        """How many bytes of labels there are."""
        return int(self._starts[self._count])

    def find(self, raw: Array, section: Array) -> Array:
        """Return the entries of sections i64[n, 2] of raw u8, -1 where one is not known."""
        numbers = np.empty(section.shape[0], np.int64)
        self._before = kernels.find(
            raw, section, self._seed, self._slots, self._hashes, self._starts, self._arena,
            self._follows, self._before, numbers,
        )  # fmt: skip
        return np.where(numbers >= 0, self._entries[numbers], -1)

    def add(self, raw: Array, at: int, end: int, entry: int) -> None:
        """Remember raw[at:end] as a section of an entry; nothing where it is known."""
        hash_ = kernels.hashed(raw, at, end, self._seed)
        known, slot = kernels.place_of(
            raw, at, end, hash_, self._slots, self._hashes, self._starts, self._arena
        )
        if known >= 0:
            return
        number, start = self._count, self.bytes
        self._reserve(number + 1, start + end - at)
        self._arena[start : start + end - at] = raw[at:end]
        self._starts[number + 1] = start + end - at
        self._hashes[number], self._entries[number], self._follows[number] = hash_, entry, -1
        self._count += 1
        if 3 * self._count > self._slots.size:
            self._slots = np.full(2 * self._slots.size, -1, np.int32)
            kernels.rehash(self._hashes, self._count, self._slots)
        else:
            self._slots[slot] = number

    def _reserve(self, count: int, size: int) -> None:
        if size > self._arena.size:
            self._arena = _grown(self._arena, size)
        if count > self._entries.size:
            room = 2 * self._entries.size
            self._hashes = _grown(self._hashes, room)
            self._starts = _grown(self._starts, room + 1)
            self._follows = _grown(self._follows, room)
            self._entries = _grown(self._entries, room)


def _grown(array: Array, size: int) -> Array:
    more = np.zeros(max(size, array.size * 3 // 2), array.dtype)
    more[: array.size] = array
    return more
