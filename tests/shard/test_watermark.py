"""The watermark: the least of what every source partition has proven, and nothing but the log."""

import pytest

from engine.limits import DEFAULT_LIMITS
from engine.owner import LogRecord
from engine.series import HTTP_INGEST, HTTP_WRITE, NEVER_MS, Marks, RowBatch, Skip, decode, encode
from engine.shard import ShardOwner
from tests.shard.world import ERRORS, T0, pipeline, plan, sample, second

LATE_MS = 2_000
WRITE_LATE_MS = 10_000


class Shard:
    """One owner, fed message by message."""

    def __init__(self, sources=None):
        self.owner = ShardOwner(0, 1, {}.__getitem__, DEFAULT_LIMITS, 30_000)
        self.sources = sources or {"m": (2, LATE_MS)}

    def read(self, message, at_s):
        raw = message if isinstance(message, bytes) else encode(message)
        record = LogRecord(self.owner.next_offset, T0 + int(at_s * 1_000), None, raw)
        assert self.owner.apply([record], 0) == []
        return self.now

    @property
    def now(self):
        """The watermark in seconds, None while there is none."""
        value = self.owner.watermark.watermark_ms
        return None if value == NEVER_MS else (value - T0) / 1_000

    def batch(self, partition, start, end, reached_s, at_s, topic="m", series=b"", **more):
        return self.read(
            RowBatch(1, "metrics", topic, partition, start, end, T0 + int(reached_s * 1_000), 0, 0,
                     **more), at_s,
        )  # fmt: skip

    def marks(self, at_s, *proofs):
        found = [(topic, number, end, T0 + int(s * 1_000)) for topic, number, end, s in proofs]
        return self.read(Marks(1, found, self.sources, 0), at_s)

    def skip(self, at_s, *sources):
        return self.read(Skip(1, list(sources), "evaluation_timeout"), at_s)


def test_it_is_the_least_of_all_partitions_less_the_lateness():
    shard = Shard()
    assert shard.batch(0, 0, 5, 10, 10) is None  # which partitions there are is not known
    assert shard.marks(10) is None  # partition 1 was not heard of
    assert shard.batch(1, 0, 5, 7, 10) == 5
    assert shard.batch(1, 5, 9, 20, 20) == 8
    assert shard.batch(0, 5, 9, 20, 20) == 18


def test_it_never_goes_back():
    shard = Shard()
    shard.marks(10, ("m", 0, 0, 10), ("m", 1, 0, 10))
    assert shard.now == 8
    assert shard.batch(0, 0, 1, 3, 11) == 8
    shard.sources = {"m": (3, 50_000)}
    assert shard.marks(12, ("m", 0, 1, 12), ("m", 1, 0, 12), ("m", 2, 0, 12)) == 8


def test_a_mark_that_comes_before_its_batch_proves_nothing():
    shard = Shard()
    shard.marks(10, ("m", 0, 0, 10), ("m", 1, 0, 10))
    shard.batch(0, 0, 5, 10, 10)
    assert shard.marks(20, ("m", 0, 9, 20), ("m", 1, 0, 20)) == 8  # 5..8 are still on their way
    shard.batch(0, 5, 9, 12, 20)
    assert shard.now == 10
    assert shard.marks(21, ("m", 0, 9, 21), ("m", 1, 0, 21)) == 19


def test_a_partition_that_is_behind_holds_and_may_be_skipped():
    shard = Shard()
    shard.marks(0, ("m", 0, 0, 0), ("m", 1, 0, 0))
    for at_s in range(1, 31):
        shard.marks(at_s, ("m", 0, 0, at_s))
        assert shard.owner.held_back_by() == []
    assert shard.now == -2
    shard.marks(31, ("m", 0, 0, 31))
    assert shard.owner.held_back_by() == [("m", 1)]
    output = shard.owner.skip_output([("m", 1)])
    assert (output.topic, output.partition) == ("shards", 0)
    assert decode(output.value) == Skip(1, [("m", 1)], "evaluation_timeout")
    assert shard.read(output.value, 31) == 29
    assert shard.owner.held_back_by() == []
    # It comes back: no row of it makes time go back, and it holds again.
    assert shard.batch(1, 0, 1, 5, 32) == 29
    assert shard.marks(33, ("m", 0, 0, 33)) == 29
    assert shard.marks(34, ("m", 0, 0, 34), ("m", 1, 1, 34)) == 32


def test_a_partition_never_heard_of_is_held_back_by_from_the_first_mark_on():
    shard = Shard()
    shard.marks(100, ("m", 0, 0, 100))
    shard.marks(130, ("m", 0, 0, 130))
    assert shard.owner.held_back_by() == []
    shard.marks(131, ("m", 0, 0, 131))
    assert shard.owner.held_back_by() == [("m", 1)]
    assert shard.now is None
    assert shard.skip(131, ("m", 1)) == 129


def test_http_is_as_far_as_the_log_itself():
    shard = Shard({HTTP_INGEST: (1, LATE_MS), HTTP_WRITE: (1, WRITE_LATE_MS)})
    assert shard.marks(10) == 8
    assert shard.marks(11) == 9  # anybody's record moves it


def test_remote_write_counts_from_its_first_rows_to_a_quarter_of_an_hour_after_the_last():
    shard = Shard({HTTP_INGEST: (1, LATE_MS), HTTP_WRITE: (1, WRITE_LATE_MS)})
    assert shard.marks(10) == 8
    row = {"keys": bytes(16), "values": bytes(8)}
    row |= dict.fromkeys(("series", "times", "offsets"), bytes(4))
    rows = encode(RowBatch(1, "metrics", HTTP_WRITE, 0, 0, 0, 0, 0, 0, **row))
    assert shard.read(rows, 15) == 8  # its lateness holds from now on: 15 - 10 < 8
    assert shard.marks(20) == 10
    assert shard.marks(915) == 905
    assert shard.marks(916) == 914  # the sender has gone


def test_append_times_that_go_back_move_nothing():
    shard = Shard({HTTP_INGEST: (1, LATE_MS)})
    assert shard.marks(10) == 8
    assert shard.marks(3) == 8


def test_a_hole_is_refused_until_the_rows_come_again():
    shard = Shard()
    shard.marks(0, ("m", 0, 0, 0), ("m", 1, 0, 0))
    shard.batch(0, 0, 5, 10, 10)
    shard.marks(10, ("m", 1, 0, 50))
    assert shard.now == 8
    assert shard.batch(0, 7, 9, 20, 20) == 8  # 5 and 6 were lost on their way
    assert shard.marks(21, ("m", 0, 9, 21)) == 8
    assert shard.batch(0, 5, 9, 20, 22) == 18


def test_what_the_source_has_dropped_is_no_hole():
    shard = Shard()
    shard.marks(0, ("m", 0, 0, 0), ("m", 1, 0, 0))
    shard.batch(0, 0, 5, 10, 10)
    shard.marks(10, ("m", 1, 0, 50))
    assert shard.batch(0, 80, 90, 20, 20, gone_below=80) == 18
    assert shard.batch(0, 90, 99, 30, 30) == 28
    assert shard.batch(0, 105, 110, 40, 40, gone_below=80) == 28  # 99..104 are not gone


def test_unreadable_records_are_stepped_over():
    shard = Shard()
    for raw in (b"", b"nonsense", encode(Skip(1, [], ""))[:-1]):
        shard.read(raw, 1)
    assert shard.owner.next_offset == 3
    assert shard.marks(10, ("m", 0, 0, 10), ("m", 1, 0, 10)) == 8


@pytest.mark.parametrize("cut", [1, 3, 100])
def test_how_the_log_is_cut_is_no_matter(cut):
    pipe = pipeline(ERRORS)
    for number in range(30):
        second(pipe, number, sample(1.0, T0 + number * 1_000))
    owner, log = pipe.new_owner(0), pipe.shards[0].records
    outputs = []
    while owner.next_offset < len(log):
        outputs += owner.apply(log[owner.next_offset : owner.next_offset + cut], 0)
    assert len(outputs) == len(pipe.alert_records) > 0
    assert owner.watermark.watermark_ms == pipe.owners[0].watermark.watermark_ms
    assert plan(ERRORS).digest == owner.plan.digest
