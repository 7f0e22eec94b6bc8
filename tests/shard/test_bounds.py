"""What a shard holds is bounded, and what it does not hold is counted under a name."""

import dataclasses

import msgspec
import pytest

from engine.limits import DEFAULT_LIMITS
from engine.series import RowBatch, decode, encode
from tests.shard.world import ERRORS, T0, count, pipeline, said, sample, second


def limits(**changed):
    return dataclasses.replace(DEFAULT_LIMITS, **changed)


def without_labels(pipe):
    """A worker that has told the labels before, to a shard that has lost them."""
    log = pipe.shards[0]
    for at, record in enumerate(log.records):
        message = decode(record.value)
        if isinstance(message, RowBatch) and message.announced:
            silent = msgspec.structs.replace(message, announced=b"")
            log.records[at] = record._replace(value=encode(silent))
    return pipe


def take_only(pipe, number, *values):
    pipe.feed("metrics", 0, values, T0 + number * 1_000)


def test_rows_wait_for_their_labels_and_then_count():
    pipe = pipeline(ERRORS)
    take_only(pipe, 1, *(sample(v, T0 + 1_000 + v, service="a") for v in (1, 2)))
    without_labels(pipe).run(T0)
    assert pipe.owners[0].parked.rows == 2
    pipe.stage.dictionary.clear()  # ten minutes later, or another worker
    take_only(pipe, 2, sample(1.0, T0 + 2_000, service="a"))
    for number in range(3, 10):
        second(pipe, number)
    assert pipe.owners[0].parked.rows == 0
    assert [(row[1], row[4]) for row in said(pipe)] == [("firing", 5.0)]  # 1 + 2 + 1


def test_rows_wait_in_snapshots_too():
    pipe = pipeline(ERRORS)
    take_only(pipe, 1, sample(4.0, T0 + 1_000), sample(9.0, T0 + 1_000, service="b"))
    without_labels(pipe).run(T0)
    other = pipe.new_owner(0)
    other.restore(pipe.owners[0].snapshot({}))
    pipe.owners[0] = other
    pipe.stage.dictionary.clear()
    take_only(pipe, 2, sample(0.0, T0 + 2_000, service="a"))
    for number in range(3, 10):
        second(pipe, number)
    assert [(row[3], row[1]) for row in said(pipe)] == [("a", "firing")]
    assert other.parked.rows == 1  # b's labels did not come


def test_waiting_rows_are_bounded_the_oldest_go():
    pipe = pipeline(ERRORS, limits=limits(parked_rows_max=3))
    before = count("series_unknown")
    for number in range(1, 6):
        take_only(pipe, number, sample(1.0, T0, service=f"s{number}"))
    without_labels(pipe).run(T0)
    assert pipe.owners[0].parked.rows == 3
    assert count("series_unknown") == before + 2
    take_only(pipe, 6, *(sample(1.0, T0, service=f"t{n}") for n in range(9)))
    without_labels(pipe).run(T0)  # one batch of more than may wait
    assert pipe.owners[0].parked.rows == 0
    assert count("series_unknown") == before + 5 + 9


def test_a_waiting_row_keeps_no_others_keys():
    pipe = pipeline(ERRORS)
    values = [sample(1.0, T0, service="a", pod=f"p{n}") for n in range(500)]
    take_only(pipe, 1, *values)
    pipe.run(T0)
    take_only(pipe, 2, *values, sample(1.0, T0, service="new"))
    without_labels(pipe).run(T0)
    ((raw, _, rows),) = pipe.owners[0].parked.freeze()
    assert rows == 1
    assert len(raw) < 300


def test_series_beyond_the_limit_are_dropped_and_counted_the_others_go_on():
    pipe = pipeline(ERRORS, limits=limits(series_max=2))
    before = count("series_limit")
    for number in range(12):
        at_ms = T0 + number * 1_000
        second(pipe, number, *(sample(1.0, at_ms, service=s) for s in "abc"))
    assert count("series_limit") == before + 1
    assert {row[3] for row in said(pipe)} == {"a", "b"}


def test_groups_beyond_the_limit_are_dropped_and_counted_the_others_go_on():
    pipe = pipeline(ERRORS, limits=limits(groups_per_rule_max=2))
    before = count("groups_limit")
    for number in range(12):
        at_ms = T0 + number * 1_000
        second(pipe, number, *(sample(1.0, at_ms, service=s, pod=p) for s in "abc" for p in "12"))
    assert count("groups_limit") == before + 2
    assert {row[3] for row in said(pipe)} == {"a", "b"}


@pytest.mark.parametrize("seconds", [40, 400])
def test_what_is_held_does_not_grow_with_time(seconds):
    rules = [
        ERRORS.replace("Errors", f"A{i}").replace("sum()", function)
        for i, function in enumerate(["sum()", "increase()", '"quantile(0.5)"', "distinct(pod)"])
    ]
    pipe = pipeline(*rules)
    for number in range(seconds):
        second(pipe, number, sample(float(number % 7), T0 + number * 1_000, service="a", pod="1"))
    chunks = pipe.owners[0].snapshot({}).chunks
    # 10 s in panes of 5 s, and the counter's look-back of a minute.
    assert sum(chunk.name.startswith("leaf/") for chunk in chunks) <= 3 * 3 + 16
    assert sum(len(chunk.payload) for chunk in chunks) < 60_000
