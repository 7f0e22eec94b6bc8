"""Messages of the topic `shards`: what goes in comes out; anything else is a BatchError."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import BatchError
from engine.series import RowBatch, decode, encode, pack_announced, unpack_announced
from tests.strategies import messages, row_batches, small_ints


@given(messages)
def test_a_message_comes_back(message):
    raw = encode(message)
    assert decode(raw) == message
    assert encode(decode(raw)) == raw


@given(st.binary(max_size=64))
@example(b"")
@example(b"\x93\x01\x01")
@example(msgspec.msgpack.encode([4, 1, "digest", "a field of a later version"])[:-1])
def test_bytes_of_nobody_are_a_batch_error(raw):
    try:
        decode(raw)
    except BatchError:
        return
    assert raw[:1] >= b"\x90"  # by chance an array: then a whole message


@given(messages, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_never_end_a_reader(message, flips):
    raw = bytearray(encode(message))
    for place, value in flips:
        raw[place % len(raw)] = value
    try:
        read = decode(bytes(raw))
    except BatchError:
        return
    if isinstance(read, RowBatch):  # what is taken can be read to its end
        assert len(list(unpack_announced(read.announced))) >= 0


@given(messages, st.integers(0))
def test_a_cut_message_is_a_batch_error(message, at):
    raw = encode(message)
    with pytest.raises(BatchError):
        decode(raw[: at % len(raw)])


def test_a_later_version_is_refused_and_named():
    raw = msgspec.msgpack.encode([4, 2, "digest"])
    with pytest.raises(BatchError, match=r"version 2 is newer than 1: upgrade"):
        decode(raw)


COLUMNS = ("keys", "series", "times", "offsets", "values", "announced")


@given(row_batches(), st.sampled_from(COLUMNS), st.binary(min_size=1, max_size=3))
def test_columns_that_do_not_fit_together_are_refused(batch, name, more):
    wrong = msgspec.structs.replace(batch, **{name: getattr(batch, name) + more})
    with pytest.raises(BatchError):
        decode(encode(wrong))


@given(row_batches())
def test_a_row_of_a_series_that_the_batch_does_not_have_is_refused(batch):
    n = len(batch.series) // 4
    if n:
        wrong = msgspec.structs.replace(batch, series=b"\xff" * 4 * n)
        with pytest.raises(BatchError):
            decode(encode(wrong))


@given(row_batches())
def test_columns_of_logs_that_do_not_fit_are_refused(batch):
    if batch.logs is None:
        return
    for name, value in (
        ("hits", batch.logs.hits + b"x"),
        ("line_ends", batch.logs.line_ends + b"\xff\xff\xff\xff"),
        ("numbers", {"a": batch.logs.lines + b"1"}),
    ):
        logs = msgspec.structs.replace(batch.logs, **{name: value})
        wrong = msgspec.structs.replace(batch, logs=logs)
        if name == "numbers" and len(value["a"]) == 2 * len(batch.series):
            continue
        with pytest.raises(BatchError):
            decode(encode(wrong))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=20)), max_size=5))
def test_announcements_come_back(entries):
    assert list(unpack_announced(pack_announced(entries))) == entries


@given(st.binary(max_size=40))
def test_cut_announcements_are_a_batch_error(raw):
    try:
        found = list(unpack_announced(raw))
    except BatchError:
        return
    assert pack_announced(found) == raw


@given(small_ints)
def test_readers_skip_fields_that_later_versions_add(digest):
    raw = msgspec.msgpack.encode([4, 1, str(digest), 0, "later"])
    assert decode(raw).digest == str(digest)
