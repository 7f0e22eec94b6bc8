"""The snapshot envelope: what was packed comes back; damage is a SnapshotError and nothing else."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError

ROW = np.dtype([("at", "<i8"), ("state", "u1"), ("value", "<f8")], align=False)
json_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
metas = st.dictionaries(
    json_texts,
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), json_texts),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(json_texts, inner, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=4,
)
arrays = st.dictionaries(
    json_texts,
    hnp.arrays(
        st.sampled_from([np.uint8, "<u4", "<u8", "<i8", "<f8", np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5),
    ),
    max_size=4,
)


@given(metas, arrays)
def test_what_was_packed_comes_back(meta, columns):
    back, found = unpack(pack(meta, columns))
    assert back == meta
    assert set(found) == set(columns)
    for name, column in columns.items():
        assert found[name].dtype == column.dtype
        assert found[name].shape == column.shape
        assert found[name].tobytes() == column.tobytes()  # bits: NaN payloads too
        assert found[name].flags.writeable


def test_records_come_back_aligned_for_kernels():
    rows = np.zeros(3, np.dtype([("a", "<i8"), ("b", "<f8")], align=True))
    rows["b"] = [1.5, -0.0, np.nan]
    _, found = unpack(pack({}, {"rows": rows}))
    assert found["rows"].dtype == rows.dtype
    assert found["rows"].dtype.isalignedstruct
    assert found["rows"].tobytes() == rows.tobytes()


@given(metas, arrays)
def test_equal_state_packs_to_equal_bytes(meta, columns):
    shuffled = dict(reversed(list(meta.items())))
    assert pack(shuffled, columns) == pack(meta, columns)


@given(metas, arrays, st.integers(0), st.integers(1, 255))
def test_every_flipped_byte_is_noticed(meta, columns, place, flip):
    raw = bytearray(pack(meta, columns))
    raw[place % len(raw)] ^= flip
    with pytest.raises(SnapshotError):
        unpack(bytes(raw))


@given(metas, arrays, st.integers(0))
def test_every_cut_is_noticed(meta, columns, at):
    raw = pack(meta, columns)
    with pytest.raises(SnapshotError):
        unpack(raw[: at % len(raw)])


@given(st.binary(max_size=80))
def test_foreign_bytes_are_refused(raw):
    with pytest.raises(SnapshotError):
        unpack(raw)


def sealed(head: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    """A chunk whose checksum is right, whatever it says."""
    rest = struct.pack("<I", len(head) if size is None else size) + head + body
    return b"TCS1" + struct.pack("<I", zlib.crc32(rest)) + rest


HEADS = [
    [], {}, {"meta": {}}, {"arrays": []}, {"meta": {}, "arrays": 3}, {"meta": {}, "arrays": [[]]},
    {"meta": {}, "arrays": [["a", "<f8", [10**9]]]}, {"meta": {}, "arrays": [["a", "<f8", [-1]]]},
    {"meta": {}, "arrays": [["a", "<f8", [2**63]]]}, {"meta": {}, "arrays": [["a", "O", [1]]]},
    {"meta": {}, "arrays": [["a", "no such type", [1]]]}, {"meta": {}, "arrays": [["a", ",,", [1]]]},
    {"meta": {}, "arrays": [["a", [["x"]], [1]]]}, {"meta": {}, "arrays": [["a", {}, [1]]]},
    {"meta": {}, "arrays": [["a", "<f8", "shape"]]}, {"meta": {}, "arrays": [[["a"], "<f8", [0]]]},
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS, ids=json.dumps)
def test_a_right_checksum_over_nonsense_is_refused(head):
    with pytest.raises(SnapshotError):
        unpack(sealed(json.dumps(head).encode(), b"\0" * 8))


def test_a_head_longer_than_the_chunk_is_refused():
    with pytest.raises(SnapshotError):
        unpack(sealed(b'{"meta": {}, "arr', size=10**6))


def test_a_refusal_says_what_is_wrong():
    with pytest.raises(SnapshotError, match="checksum"):
        unpack(pack({}, {})[:-1] + b"!")
    with pytest.raises(SnapshotError, match="not a snapshot chunk"):
        unpack(b"RIFF" + bytes(40))
