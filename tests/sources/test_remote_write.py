"""Remote write 1.0: what a sender of the tests' own writes is read; damage is a RemoteWriteError."""

import dataclasses
import math
import struct

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.sources import RemoteWriteError
from tests.sources.remote_writer import field, label, request, sample, series, snappy, varint
from tests.sources.stages import NOW_MS, rows, stage, told

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)
label_sets = st.dictionaries(words.filter(lambda word: word != "__name__"), words, max_size=4)
samples = st.lists(
    st.tuples(st.floats(), st.integers(NOW_MS - 60_000, NOW_MS + 60_000)), max_size=4
)
writes = st.lists(st.tuples(words, label_sets, samples), max_size=5)
UP = [("__name__", "up")]


def write(body, limits=DEFAULT_LIMITS):
    return stage(limits).take_http("write", body, NOW_MS)


def read(body):
    taken = write(body)
    return taken, rows(told(taken.outputs))


def as_request(entries):
    return request(
        *(series([*labels.items(), ("__name__", name)], found) for name, labels, found in entries)
    )


@given(writes, st.booleans())
def test_what_is_written_is_read(entries, literal):
    raw = as_request(entries)
    taken, found = read(snappy(raw) if literal else bytes(cramjam.snappy.compress_raw(raw)))
    wanted = [
        (0, tuple(sorted({**labels, "__name__": name}.items())), time_ms, value)
        for name, labels, points in entries
        for value, time_ms in points
    ]
    assert taken.accepted == len(wanted)
    assert not taken.rejects
    assert sorted(map(repr, found)) == sorted(map(repr, wanted))


@given(writes, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=5))
def test_flipped_bytes_never_end_a_reader(entries, flips):
    raw = bytearray(as_request(entries) or b"\0")
    for place, value in flips:
        raw[place % len(raw)] = value
    damaged = bytearray(snappy(as_request(entries)))
    for place, value in flips:
        damaged[place % len(damaged)] = value
    for body in (snappy(bytes(raw)), bytes(damaged)):
        assert refused(body) in REASONS


REASONS = {None, "malformed_snappy", "malformed_protobuf", "request_too_large"}


def refused(body):
    try:
        read(body)
    except RemoteWriteError as error:
        return error.reason
    return None


@given(st.binary(max_size=60))
def test_foreign_bytes_never_end_a_reader(raw):
    for body in (raw, snappy(raw)):
        assert refused(body) in REASONS


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a\xff", b"\x0a\x05ab", b"\x80" * 12, b"\x03\x00", b"\x00\x01", field(1, 2, b"\x0a\x09ab"),
        field(1, 2, field(2, 2, b"\x09\x00")), b"\x0a" + b"\xff" * 9 + b"\x01",
    ],
)  # fmt: skip
def test_malformed_protobuf_is_refused(raw):
    with pytest.raises(RemoteWriteError) as caught:
        write(snappy(raw))
    assert caught.value.reason == "malformed_protobuf"


def test_what_snappy_promises_is_not_allocated():
    with pytest.raises(RemoteWriteError) as caught:
        write(varint(2**32 - 1) + b"\0")
    assert caught.value.reason == "request_too_large"
    limits = dataclasses.replace(DEFAULT_LIMITS, request_bytes_max=100)
    with pytest.raises(RemoteWriteError, match="request_bytes_max is 100"):
        write(snappy(bytes(101)), limits)


def test_a_bad_series_leaves_the_others():
    bad_utf8 = field(1, 2, field(1, 2, b"a") + field(2, 2, b"\xff")) + series(UP, [(1.0, NOW_MS)])
    body = request(
        series(UP, [(1.0, NOW_MS)]),
        bad_utf8,
        series([("job", "x")], [(2.0, NOW_MS)]),
        series([*UP, ("a", "1"), ("a", "2")], [(3.0, NOW_MS)]),
        series([*UP, ("a", "x" * 5_000)], [(3.0, NOW_MS)]),
        series([*UP, ("h", "1")], [], field(4, 2, b"")),
        series([*UP, ("t", "old")], [(1.0, 0), (4.0, NOW_MS)]),
        series([*UP, ("t", "wraps")], [(1.0, NOW_MS - 2**63)]),
        series([*UP, ("ok", "1")], [(5.0, NOW_MS)]),
    )
    taken, found = read(snappy(body))
    assert sorted((r.position, r.reason) for r in taken.rejects) == [
        (2, "invalid_utf8"), (3, "metric_name"), (4, "label_name"), (5, "labels_too_large"),
        (6, "native_histogram"), (7, "timestamp_past"), (8, "timestamp_past"),
    ]  # fmt: skip
    assert sorted(row[3] for row in found) == [1.0, 4.0, 5.0]
    assert taken.accepted == 3


def test_what_is_not_read_is_skipped():
    metadata = field(3, 2, field(1, 0, varint(2)) + field(2, 2, b"up"))
    exemplar = field(3, 2, field(1, 2, label("trace", "1")) + sample(1.0, NOW_MS))
    body = request(series(UP, [(1.5, NOW_MS)], exemplar, field(99, 5, b"abcd")), more=metadata)
    taken, found = read(snappy(body))
    assert not taken.rejects
    assert [row[3] for row in found] == [1.5]


def test_a_staleness_marker_is_a_nan_and_zeros_may_be_left_out():
    stale = struct.pack("<Q", 0x7FF0000000000002)
    empty_value = field(2, 2, field(2, 0, varint(NOW_MS)))
    _, found = read(
        snappy(request(series(UP, [(stale, NOW_MS)]), series([*UP, ("a", "b")], [], empty_value)))
    )
    values = [row[3] for row in found]
    assert sum(map(math.isnan, values)) == 1
    assert stale in [struct.pack("<d", value) for value in values]  # its very bits
    assert 0.0 in values
