"""Prometheus remote write 1.0 to columns: snappy, then the protobuf WriteRequest, read by hand.

Fields that are used: timeseries = 1: labels = 1, samples = 2. Exemplars, histograms and metadata
are skipped; a series with native histograms is counted. What clients write is read by kernels,
series found by the bytes of their labels; only labels that are new, and whatever the kernels will
not take, are read field by field here.
"""

from collections.abc import Iterator
from typing import Any

import cramjam
import numpy as np

from engine.limits import Limits
from engine.series import METRIC_NAME
from engine.sources.decoded import Decoded
from engine.sources.dictionary import Dictionary, SeriesError
from engine.sources.fetch import Reject
from engine.sources.write_kernels import UNUSUAL, scan


class RemoteWriteError(ValueError):
    """A request that can never be taken; `reason` names why."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise RemoteWriteError("malformed_protobuf", "a number is cut or too long")
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _fields(raw: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Yield (field number, wire type, payload) of a message."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        field, wire = tag >> 3, tag & 7
        if field == 0:
            raise RemoteWriteError("malformed_protobuf", "field number 0")
        if wire == 0:
            number, at = _varint(raw, at)
            yield field, wire, number
            continue
        if wire == 2:
            size, at = _varint(raw, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise RemoteWriteError("malformed_protobuf", f"wire type {wire}")
        if size > len(raw) - at:
            raise RemoteWriteError("malformed_protobuf", "a field is cut")
        yield field, wire, raw[at : at + size]
        at += size


def _label(raw: bytes) -> tuple[str, str]:
    parts = {1: "", 2: ""}
    for field, wire, payload in _fields(raw):
        if field in parts and wire == 2:
            assert isinstance(payload, bytes)
            parts[field] = payload.decode()
    return parts[1], parts[2]


def _sample(raw: bytes) -> tuple[int, int]:
    """Return (time in ms, bits of the value); proto3 leaves zeros out.

    Bits, because the staleness marker is a signalling NaN that must arrive as it is.
    """
    bits = time_ms = 0
    for field, wire, payload in _fields(raw):
        if field == 1 and wire == 1:
            assert isinstance(payload, bytes)
            bits = int.from_bytes(payload, "little")
        elif field == 2 and wire == 0:
            assert isinstance(payload, int)
            time_ms = payload - (1 << 64) if payload >= 1 << 63 else payload
    return time_ms, bits


def decode_write(body: bytes, dictionary: Dictionary, limits: Limits) -> Decoded:
    """Decode one request; positions number the series from 1. Raises RemoteWriteError."""
    raw = _unpacked(body, limits)
    decoded = _scanned(np.frombuffer(bytearray(raw), np.uint8), dictionary, limits)
    return _walked(raw, dictionary, limits) if decoded is None else decoded


def _scanned(raw: Any, dictionary: Dictionary, limits: Limits) -> Decoded | None:
    """Decode a request by kernels; None where it has to be read by hand. Shape: raw u8[n]."""
    room = raw.size // 2 + 1  # a series or a sample takes two bytes and more
    payload, section = np.empty((room, 2), np.int64), np.empty((room, 2), np.int64)
    ends, odd = np.empty(room, np.int64), np.empty(room, np.bool_)
    times, bits = np.empty(room, np.int64), np.empty(room, np.int64)
    count, rows = scan(raw, payload, section, ends, odd, times, bits)
    if count == UNUSUAL:
        return None
    section, ends = section[:count].copy(), ends[:count]
    entries = dictionary.sections.find(raw, section)
    rejects: list[Reject] = []
    for place in np.flatnonzero((entries < 0) | odd[:count]).tolist():
        part = bytes(raw[payload[place, 0] : payload[place, 1]][: limits.reject_bytes_max])
        found: int | SeriesError = int(entries[place])
        if found == -1:
            try:
                found = _new(raw, int(section[place, 0]), int(section[place, 1]), dictionary)
            except UnicodeDecodeError as error:
                rejects.append(Reject(place + 1, "invalid_utf8", f"labels: {error}", part))
                continue
        if odd[place]:
            rejects.append(_histograms(place + 1))
        if isinstance(found, SeriesError):
            rejects.append(Reject(place + 1, found.reason, str(found), part))
        else:
            entries[place] = found
    counts = np.diff(ends, prepend=0)
    decoded = Decoded(
        np.repeat(np.arange(1, count + 1), counts), times[:rows].copy(),
        np.repeat(entries, counts), bits[:rows].view(np.float64).copy(), rejects=rejects,
    )  # fmt: skip
    return decoded if (entries >= 0).all() else decoded.take(decoded.entries >= 0)


def _new(raw: Any, at: int, end: int, dictionary: Dictionary) -> int | SeriesError:
    """Return the entry of a label section that was not seen before, and remember it."""
    written = raw[at:end].tobytes()
    labels = _labels(written)
    if labels is None:
        labels, _, _ = _series(written)
    found = _entry(dictionary, labels, aliased=False)
    if not isinstance(found, SeriesError):
        dictionary.remember(raw, at, end, found)
    return found


def _labels(raw: bytes) -> tuple[tuple[str, str], ...] | None:
    """Read labels as clients write them: short, name before value; None where they are not so.

    Every new series is read once, so this is half of what it costs.
    """
    labels, at, end = [], 0, len(raw)
    while at + 3 < end:
        last = at + 2 + raw[at + 1]
        name_end = at + 4 + raw[at + 3]
        if raw[at] != 10 or raw[at + 1] > 127 or raw[at + 2] != 10 or name_end + 2 > last:
            return None
        if raw[name_end] != 18 or name_end + 2 + raw[name_end + 1] != last or last > end:
            return None
        labels.append((raw[at + 4 : name_end].decode(), raw[name_end + 2 : last].decode()))
        at = last
    return tuple(labels) if at == end else None


def _histograms(number: int) -> Reject:
    return Reject(number, "native_histogram", "native histograms are not read", b"")


def _walked(raw: bytes, dictionary: Dictionary, limits: Limits) -> Decoded:
    """Decode a request field by field."""
    times: list[int] = []
    values: list[int] = []
    entries: list[int] = []
    positions: list[int] = []
    rejects: list[Reject] = []
    number = 0
    for field, wire, payload in _fields(raw):
        if field != 1 or wire != 2:
            continue
        number += 1
        assert isinstance(payload, bytes)
        try:
            labels, samples, histograms = _series(payload)
        except UnicodeDecodeError as error:
            part = payload[: limits.reject_bytes_max]
            rejects.append(Reject(number, "invalid_utf8", f"labels: {error}", part))
            continue
        found = _entry(dictionary, labels)
        if histograms:
            rejects.append(_histograms(number))
        if isinstance(found, SeriesError):
            part = payload[: limits.reject_bytes_max]
            rejects.append(Reject(number, found.reason, str(found), part))
            continue
        for time_ms, bits in samples:
            times.append(time_ms)
            values.append(bits)
            entries.append(found)
            positions.append(number)
    return Decoded(
        np.array(positions, np.int64),
        np.array(times, np.int64),
        np.array(entries, np.int64),
        np.array(values, np.uint64).view(np.float64),
        rejects=rejects,
    )


def _unpacked(body: bytes, limits: Limits) -> bytes:
    """Undo snappy; what the block announces is looked at before anything is allocated for it."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > limits.request_bytes_max:
            text = f"{size} bytes; limits.request_bytes_max is {limits.request_bytes_max}"
            raise RemoteWriteError("request_too_large", text)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise RemoteWriteError("malformed_snappy", f"not snappy: {error}") from error


def _series(raw: bytes) -> tuple[tuple[tuple[str, str], ...], list[tuple[int, int]], bool]:
    labels, samples, histograms = [], [], False
    for field, wire, payload in _fields(raw):
        if wire == 2 and field == 1:
            assert isinstance(payload, bytes)
            labels.append(_label(payload))
        elif wire == 2 and field == 2:
            assert isinstance(payload, bytes)
            samples.append(_sample(payload))
        elif field == 4:
            histograms = True
    return tuple(labels), samples, histograms


def _entry(
    dictionary: Dictionary, labels: tuple[tuple[str, str], ...], *, aliased: bool = True
) -> int | SeriesError:
    found = dictionary.alias.get(labels) if aliased else None
    if found is not None:
        return found
    as_dict = dict(labels)
    if len(as_dict) != len(labels):
        return SeriesError("label_name", "a label name occurs twice")
    if not as_dict.get(METRIC_NAME):
        return SeriesError("metric_name", "the label `__name__` is missing")
    return dictionary.intern(labels if aliased else None, as_dict)
