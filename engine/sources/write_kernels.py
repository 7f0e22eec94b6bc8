"""Kernels over the bytes of a WriteRequest: samples to columns, label sections found again.

They take what every client writes. Whatever else they meet, be it legal or broken, they say so and
the request is read by hand (remote_write.py), so that one reader decides what is an error.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]

UNUSUAL: Final = -1
_LABEL, _SAMPLE = 10, 18  # tags of a TimeSeries' fields, length-delimited
_VALUE, _TIME = 9, 16  # tags of a Sample's fields: 64 bits, varint
_HISTOGRAM = 4  # field number
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@jit
def varint(raw: Array, at: int, end: int) -> tuple[Any, Any]:
    """Return a number, as i64, and where it ends; -1 where it is cut or too long."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < np.uint64(70):
        byte = raw[at]
        at += 1
        value |= np.uint64(byte & 127) << shift
        if byte < 128:
            return np.int64(value), at
        shift += np.uint64(7)
    return np.int64(0), UNUSUAL


@jit
def skip(raw: Array, at: int, end: int, tag: int) -> Any:
    """Return where the field after a tag ends, UNUSUAL where it is not one."""
    wire = tag & 7
    if tag < 8:
        return UNUSUAL
    if wire == 0:
        return varint(raw, at, end)[1]
    size = 8 if wire == 1 else 4
    if wire == 2:
        size, at = varint(raw, at, end)
    elif wire not in {1, 5}:
        return UNUSUAL
    return at + size if at >= 0 and 0 <= size <= end - at else UNUSUAL


@jit
def bits_at(raw: Array, at: int) -> Any:
    """Return 8 bytes, little-endian, as i64."""
    value = np.uint64(0)
    for place in range(8):
        value |= np.uint64(raw[at + place]) << np.uint64(8 * place)
    return np.int64(value)


@jit
def sample(raw: Array, at: int, end: int) -> tuple[bool, Any, Any]:
    """Return whether raw[at:end] is a sample, its time and the bits of its value."""
    time_ms, bits = np.int64(0), np.int64(0)  # proto3 leaves zeros out
    while at < end:
        tag, at = varint(raw, at, end)
        if at < 0:
            return False, time_ms, bits
        if tag == _VALUE:
            if end - at < 8:
                return False, time_ms, bits
            bits = bits_at(raw, at)
            at += 8
        elif tag == _TIME:
            time_ms, at = varint(raw, at, end)
        else:
            at = skip(raw, at, end, tag)
        if at < 0:
            return False, time_ms, bits
    return True, time_ms, bits


@jit
def series(
    raw: Array, at: int, end: int, rows: int, times: Array, bits: Array
) -> tuple[Any, Any, Any, bool]:
    """Read one TimeSeries: the rows so far with its own, its label section, histograms or not.

    Its samples are written from `rows` on. UNUSUAL rows: read it by hand.
    """
    first, last, histograms = at, at, False
    while at < end:
        began = at
        tag, at = varint(raw, at, end)
        if at < 0:
            return UNUSUAL, first, last, histograms
        if tag not in {_LABEL, _SAMPLE}:
            histograms = histograms or tag >> 3 == _HISTOGRAM
            at = skip(raw, at, end, tag)
            if at < 0:
                return UNUSUAL, first, last, histograms
            continue
        size, at = varint(raw, at, end)
        if at < 0 or size < 0 or size > end - at:
            return UNUSUAL, first, last, histograms
        if tag == _LABEL:
            if last == first:
                first = began
            elif last != began:  # labels in two places: legal, and written by nobody
                return UNUSUAL, first, last, histograms
            last = at + size
        else:
            ok, times[rows], bits[rows] = sample(raw, at, at + size)
            if not ok:
                return UNUSUAL, first, last, histograms
            rows += 1
        at += size
    return rows, first, last, histograms


@jit
def scan(
    raw: Array, payload: Array, section: Array, ends: Array, odd: Array, times: Array, bits: Array
) -> tuple[Any, Any]:
    """Read a WriteRequest: how many series and rows; UNUSUAL series: read it by hand.

    Shapes: payload and section i64[series, 2] (where the TimeSeries and its labels are), ends
    i64[series] (rows up to and with it), odd bool[series] (native histograms in it), times and
    bits i64[rows]. Half a byte of room for each byte of the request is enough.
    """
    at, end = 0, raw.size
    found, rows = 0, 0
    while at < end:
        tag, at = varint(raw, at, end)
        if at < 0:
            return UNUSUAL, 0
        if tag != _LABEL:  # timeseries = 1, too
            at = skip(raw, at, end, tag)
            if at < 0:
                return UNUSUAL, 0
            continue
        size, at = varint(raw, at, end)
        if at < 0 or size < 0 or size > end - at:
            return UNUSUAL, 0
        rows, first, last, odd[found] = series(raw, at, at + size, rows, times, bits)
        if rows < 0:
            return UNUSUAL, 0
        payload[found, 0], payload[found, 1] = at, at + size
        section[found, 0], section[found, 1] = first, last
        ends[found] = rows
        found += 1
        at += size
    return found, rows


@jit
def hashed(raw: Array, at: int, end: int, seed: int) -> Any:
    """Return a hash of raw[at:end]."""
    value = np.uint64(seed) ^ (np.uint64(end - at) * _MULTIPLIER)
    while at + 8 <= end:
        value = (value ^ np.uint64(bits_at(raw, at))) * _MULTIPLIER
        value ^= value >> np.uint64(29)
        at += 8
    while at < end:
        value = (value ^ np.uint64(raw[at])) * _MULTIPLIER
        at += 1
    value = (value ^ (value >> np.uint64(32))) * _MULTIPLIER
    return np.int64(value ^ (value >> np.uint64(29)))


@jit
def same(a: Array, at: int, b: Array, from_: int, size: int) -> bool:
    """Compare bytes; they mostly are equal, so without a way out the loop is a fast one."""
    other = np.uint8(0)
    for place in range(size):
        other |= a[at + place] ^ b[from_ + place]
    return bool(other == 0)


@jit
def place_of(
    raw: Array, at: int, end: int, hash_: int, slots: Array, hashes: Array, starts: Array,
    arena: Array,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the number of a section and its slot; -1 and a free slot where it is not known."""
    mask = slots.size - 1
    slot = hash_ & mask
    while slots[slot] >= 0:
        number = slots[slot]
        size = starts[number + 1] - starts[number]
        if (
            hashes[number] == hash_
            and size == end - at
            and same(raw, at, arena, starts[number], size)
        ):
            return int(number), int(slot)
        slot = (slot + 1) & mask
    return -1, int(slot)


@jit
def find(
    raw: Array, section: Array, seed: int, slots: Array, hashes: Array, starts: Array,
    arena: Array, follows: Array, before: int, out: Array,
) -> Any:  # fmt: skip
    """Fill out i64[n] with the numbers of sections, -1 where one is new; returns the last one.

    A client writes its series in one order, so the one that followed last time is tried first.
    Every hit is compared byte by byte.
    """
    for i in range(section.shape[0]):
        at, end = section[i, 0], section[i, 1]
        number = np.int64(-1)
        if before >= 0 and follows[before] >= 0:
            guess = np.int64(follows[before])
            size = starts[guess + 1] - starts[guess]
            if size == end - at and same(raw, at, arena, starts[guess], size):
                number = guess
        if number < 0:
            hash_ = hashed(raw, at, end, seed)
            number = np.int64(place_of(raw, at, end, hash_, slots, hashes, starts, arena)[0])
            if before >= 0 and number >= 0:
                follows[before] = number
        out[i] = number
        before = int(number)
    return before


@jit
def rehash(hashes: Array, count: int, slots: Array) -> None:
    """Fill free slots with the first `count` numbers."""
    mask = slots.size - 1
    for number in range(count):
        slot = hashes[number] & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = number
