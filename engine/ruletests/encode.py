"""Samples and log lines as senders write them: JSON records and remote-write requests."""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cramjam
import msgspec

from engine.vector import LabelSet

STALE_BITS = 0x7FF0000000000002
_METRIC_NAME = "__name__"


class Sample(NamedTuple):
    """One sample to send; `bits` is the value's IEEE 754 form, so that the marker survives."""

    time_ms: int
    labels: LabelSet
    bits: int

    @property
    def value(self) -> float:
        """The value as a number."""
        return float(struct.unpack("<d", struct.pack("<Q", self.bits))[0])


def bits_of(value: float) -> int:
    """Return a number's bits."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def metric_record(sample: Sample) -> bytes:
    """Return a sample as a JSON record; a staleness marker has no JSON form."""
    assert sample.bits != STALE_BITS, "JSON has no staleness marker: use write_request"
    value: float | str = sample.value
    if math.isnan(sample.value):
        value = "NaN"
    elif math.isinf(sample.value):
        value = "+Inf" if sample.value > 0 else "-Inf"
    labels = dict(sample.labels)
    name = labels.pop(_METRIC_NAME)
    return msgspec.json.encode(
        {"timestamp": sample.time_ms, "name": name, "labels": labels, "value": value}
    )


def log_record(
    time_ms: int, labels: Mapping[str, str], message: str, fields: Mapping[str, object]
) -> bytes:
    """Return a log line as a JSON record."""
    head = {"timestamp": time_ms, "labels": labels, "message": message}
    return msgspec.json.encode({**fields, **head})


def write_request(samples: Sequence[Sample]) -> bytes:
    """Return samples as the body of a remote-write 1.0 request: snappy of a WriteRequest."""
    by_series: dict[LabelSet, list[Sample]] = {}
    for sample in samples:
        by_series.setdefault(sample.labels, []).append(sample)
    body = b"".join(_field(1, _series(labels, rows)) for labels, rows in by_series.items())
    return bytes(cramjam.snappy.compress_raw(body))


def _series(labels: LabelSet, samples: Iterable[Sample]) -> bytes:
    parts = [
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels
    ]
    for sample in samples:
        value = b"\x09" + sample.bits.to_bytes(8, "little")
        parts.append(_field(2, value + b"\x10" + _varint(sample.time_ms & 0xFFFFFFFFFFFFFFFF)))
    return b"".join(parts)


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
