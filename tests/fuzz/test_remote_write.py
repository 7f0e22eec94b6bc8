"""Remote write, damaged: what kernels read is what the reader by hand reads, and refuses."""

import random
import struct
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.sources import RemoteWriteError, remote_write
from engine.sources.dictionary import Dictionary
from tests.sources.remote_writer import field, request, sample, series, snappy, varint

NOW_MS = 1_700_000_000_000
STALE = struct.pack("<Q", 0x7FF0000000000002)
NAMES = [("__name__", "up"), ("job", "a"), ("job", "b"), ("é", "x" * 200), ("", "x"), ("e", "")]
MORE = [
    b"", field(3, 2, b"\x0a\x02ab"), field(4, 2, b"\x08\x01"), field(9, 0, varint(5)),
    field(1, 2, field(1, 2, b"z") + field(2, 2, b"\xff")), field(2, 2, sample(1.0, -5)),
    field(1, 2, field(2, 2, b"v") + field(1, 2, b"n")), b"\x03", b"\x0a\xff",
]  # fmt: skip
one_series = st.builds(
    series,
    st.lists(st.sampled_from(NAMES), max_size=4, unique=True).map(
        lambda pairs: [NAMES[0], *pairs] if NAMES[0] not in pairs else pairs
    ),
    st.lists(st.tuples(st.sampled_from([0.0, 1.5, STALE]), st.integers(-5, NOW_MS)), max_size=3),
    st.sampled_from(MORE),
)
requests = st.lists(st.lists(one_series, max_size=5), min_size=1, max_size=3)


def outcome(body, book):
    try:
        decoded = remote_write.decode_write(body, book, DEFAULT_LIMITS)
    except RemoteWriteError as error:
        return error.reason, str(error)
    return (
        decoded.positions.tolist(), decoded.times_ms.tolist(), decoded.entries.tolist(),
        decoded.values.tobytes(), decoded.rejects,
    )  # fmt: skip


def dictionary():
    return Dictionary(2, b"secret", DEFAULT_LIMITS, "default")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests, st.integers(0, 2**32), st.integers(0, 4))
def test_kernels_read_what_a_reader_by_hand_reads(all_series, seed, flips):
    dice, fast, slow = random.Random(seed), dictionary(), dictionary()
    for some in [*all_series, *all_series]:  # again, so that labels are known
        raw = bytearray(request(*some))
        for _ in range(flips if raw and dice.random() < 0.5 else 0):
            raw[dice.randrange(len(raw))] = dice.choice(
                [0, 1, 10, 18, 127, 128, 255, dice.randrange(256)]
            )
        body = snappy(bytes(raw))
        have = outcome(body, fast)
        with mock.patch.object(remote_write, "_scanned", return_value=None):
            want = outcome(body, slow)
        assert have == want
