"""The entries of the topic `alerts`: they come back as written; damage is a msgspec error alone."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import ShardHello, decode, encode, to_value
from tests.strategies import log_entries


@given(log_entries)
def test_an_entry_comes_back(entry):
    raw = encode(entry)
    assert decode(raw) == entry
    assert encode(decode(raw)) == raw
    assert json.loads(raw)["v"] == entry.v


@given(log_entries)
def test_a_reader_skips_fields_of_later_versions(entry):
    body = json.loads(encode(entry))
    assert decode(json.dumps({**body, "later": [1]}).encode()) == entry


@given(
    log_entries, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_damage_is_a_msgspec_error(entry, flips):
    raw = bytearray(encode(entry))
    for place, value in flips:
        raw[place % len(raw)] = value
    try:
        decode(bytes(raw))
    except msgspec.MsgspecError:
        pass


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{}", b'{"kind": "nobody"}', b'{"kind": "hello", "shard": "x"}',
        b'{"kind": "posted", "tenant": "\xff"}', b'{"kind": "hello", "x": ' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_no_version_wrote_is_a_msgspec_error(raw):
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)


def test_equal_entries_give_equal_bytes():
    a = ShardHello(shard=1, sequence=2, fresh=True)
    assert encode(a) == encode(ShardHello(fresh=True, sequence=2, shard=1))
    assert json.loads(encode(a))["kind"] == "hello"


@given(st.floats())
def test_a_number_is_said_as_json_can(number):
    said = msgspec.json.decode(msgspec.json.encode(to_value(number)))
    text = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}
    back = text[said] if isinstance(said, str) else said
    assert (back == number) or (math.isnan(back) and math.isnan(number))
