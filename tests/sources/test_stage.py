"""The stage's promises: one message a shard and fetch, cut where it is too long, labels told once."""

import dataclasses
import itertools

import pytest

from engine.limits import DEFAULT_LIMITS
from engine.series import HTTP_INGEST, HTTP_WRITE, NEVER_MS, Marks, RowBatch, decode
from engine.sources import Mark, SourceSpec, SourceStage
from tests.sources.stages import NOW_MS, SHARDS, fetch, line, metric, plan, rows, stage, take, told


def covers(seen, shard):
    return [(batch.start, batch.end) for number, batch in seen.batches if number == shard]


@pytest.mark.parametrize(
    "values", [[b"{"], [None], [metric(labels={"service": "a"})], [metric()] * 3]
)
def test_every_shard_hears_of_every_fetch(values):
    made = stage()
    for _ in range(3):
        seen = take(made, values)
        for shard in range(SHARDS):
            (cover,) = covers(seen, shard)
            assert cover[1] - cover[0] == len(values)
    assert cover == (2 * len(values), 3 * len(values))


def test_offsets_that_the_log_left_out_are_covered_too():
    made = stage()  # transaction markers and compaction leave gaps
    gaps = fetch([metric(), metric()])._replace(offsets=[5, 9])
    seen = told(made.take("metrics", 0, gaps, NOW_MS))
    assert {cover for shard in range(SHARDS) for cover in covers(seen, shard)} == {(0, 10)}
    assert [row[0] for row in rows(seen)] == [5, 9]


def test_a_row_goes_to_the_shards_that_own_its_groups():
    seen = take(stage(), [metric(labels={"service": name}) for name in "abcdefgh"])
    assert len(rows(seen)) == 8  # one rule, one group a row: one shard
    assert len({shard for shard, batch in seen.batches if batch.series}) > 1


def test_what_no_rule_reads_is_not_sent():
    rules = """
groups:
- name: g
  rules:
  - {alert: A, metrics: 'wanted{a="1"}', window: {tumbling: 10s}, compute: {n: count()}, when: n > 0}
"""
    made = stage(rules=rules)
    seen = take(made, [metric("wanted", labels={"a": "1"}), metric("wanted"), metric("other")])
    assert [row[0] for row in rows(seen)] == [0]
    assert not rows(take(made, [line()], "logs"))
    assert not seen.rejects


def test_a_batch_over_the_message_limit_is_cut_and_gives_every_row():
    limits = dataclasses.replace(DEFAULT_LIMITS, batch_bytes_max=2_000)
    values = [metric(labels={"service": "a", "pod": f"pod-{i:04}"}, value=i) for i in range(300)]
    made = stage(limits)
    outputs = made.take("metrics", 0, fetch(values), NOW_MS)
    assert max(len(output.value) for output in outputs) <= 2_000
    seen = told(outputs)  # reads in order: every part must tell the labels that it uses
    assert sorted(row[3] for row in rows(seen)) == [float(i) for i in range(300)]
    for shard in range(SHARDS):
        parts = covers(seen, shard)
        assert [parts[0][0], parts[-1][1]] == [0, 300]
        assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
        said = [batch.reached_ms for number, batch in seen.batches if number == shard]
        assert said == [NEVER_MS] * (len(said) - 1) + [
            NOW_MS
        ]  # S only when the last rows are there


def test_a_request_over_the_message_limit_is_cut_too():
    limits = dataclasses.replace(DEFAULT_LIMITS, batch_bytes_max=2_000)
    lines = [line(f"timeout {i:03} " + "x" * 100, {"service": "a"}) for i in range(100)]
    taken = stage(limits).take_http("logs", b"\n".join(lines), NOW_MS)
    assert max(len(output.value) for output in taken.outputs) <= 2_000
    seen = told(taken.outputs)
    assert len({row[3] for row in rows(seen)}) == taken.accepted == 100
    assert {(batch.topic, batch.start, batch.end) for _, batch in seen.batches} == {
        (HTTP_INGEST, 0, 0)
    }


def test_times_further_apart_than_a_column_holds_are_cut():
    limits = dataclasses.replace(DEFAULT_LIMITS, past_ms_max=10 * 365 * 86_400_000)
    times = [NOW_MS, NOW_MS - 2**33, NOW_MS - 2**32 - 1, NOW_MS - 1]
    values = [metric(timestamp=at, labels={"service": "a"}) for at in times]
    made = stage(limits)
    seen = take(made, values)
    assert [row[2] for row in rows(seen)] == times
    taken = made.take_http("metrics", b"\n".join(values), NOW_MS)
    assert sorted(row[2] for row in rows(told(taken.outputs, seen.labels))) == sorted(times)


def test_labels_are_told_once_and_again_after_ten_minutes():
    made, value = stage(), metric(labels={"service": "a"})
    assert len(take(made, [value] * 3).labels) == 1
    assert not take(made, [value]).labels
    for minutes, wanted in ((5, 0), (9, 0), (10, 1), (11, 0), (20, 1)):
        at_ms = NOW_MS + minutes * 60_000
        again = metric(labels={"service": "a"}, timestamp=at_ms)
        outputs = made.take(
            "metrics", 0, fetch([again], made.positions["metrics", 0].next_offset, at_ms), at_ms
        )
        assert len(told(outputs).labels) == wanted, minutes


def test_a_clock_that_begins_at_nought_tells_labels_too():
    made = stage()
    outputs = made.take("metrics", 0, fetch([metric(timestamp=5)], 0, 5), 5)
    assert len(told(outputs).labels) == 1


def test_a_full_dictionary_never_mixes_series_up(monkeypatch):
    # What it forgets it forgets between fetches: the numbers of this one are in use.
    monkeypatch.setattr("engine.sources.dictionary.ENTRIES_MAX", 3)
    made = stage()
    values = [metric(f"m{i}", float(i), {"service": "a"}) for i in range(10)]
    for _ in range(3):
        seen = take(made, values)
        assert [(dict(row[1])["__name__"], row[3]) for row in rows(seen)] == [
            (f"m{i}", float(i)) for i in range(10)
        ]


def test_a_fetch_of_long_labels_is_forgotten(monkeypatch):
    monkeypatch.setattr("engine.sources.dictionary.ALIAS_BYTES_MAX", 10_000)
    made = stage()
    for turn in range(20):
        take(made, [metric(labels={"a": f"{turn}-{i}" + "x" * 1_000}) for i in range(20)])
        assert made.dictionary.alias_bytes < 40_000
    assert len(made.dictionary.raw) <= 40


def test_more_predicates_than_a_word_has_bits():
    rules = "groups:\n- name: g\n  rules:\n" + "".join(
        f'  - {{alert: A{i}, logs: \'{{service="a"}} |= "word{i:03}"\', window: {{tumbling: 10s}},'
        f" compute: {{n: count()}}, when: n > 0}}\n"
        for i in range(130)
    )
    made = stage(rules=rules)
    seen = take(
        made,
        [line(f"has word{i:03}", {"service": "a"}) for i in (0, 63, 64, 129)]
        + [line("x", {"service": "a"})],
        "logs",
    )
    (batch,) = [batch for _, batch in seen.batches if batch.series]
    assert len(batch.logs.predicates) == 130
    bits = int.from_bytes(batch.logs.hits, "little")
    words = 3 * 64
    passed = [[b for b in range(130) if bits >> (row * words + b) & 1] for row in range(4)]
    assert [len(found) for found in passed] == [1, 1, 1, 1]
    assert len({found[0] for found in passed}) == 4
    assert [row[0] for row in rows(seen)] == [0, 1, 2, 3]  # nobody's filter lets the last one in


def test_a_line_is_kept_as_evidence_up_to_so_many_bytes():
    seen = take(stage(), [line("timeout " + "é" * 5_000)], "logs")
    (kept,) = {row[3] for row in rows(seen)}
    assert kept.startswith("timeout é")
    assert len(kept.encode()) <= DEFAULT_LIMITS.evidence_line_bytes_max


def test_a_producers_clock_moves_nothing():
    seen = take(stage(), [metric()], at_ms=NOW_MS + 10**10)  # its record's time is right
    assert {batch.reached_ms for _, batch in seen.batches} == {NOW_MS}
    assert not seen.rejects
    seen = take(stage(), [metric()], at_ms=-1)  # a topic without timestamps
    assert {batch.reached_ms for _, batch in seen.batches} == {NOW_MS}


def test_time_reached_never_goes_back():
    made = stage()
    take(made, [metric()], at_ms=NOW_MS - 10)
    seen = take(made, [metric()], at_ms=NOW_MS - 500)
    assert {batch.reached_ms for _, batch in seen.batches} == {NOW_MS - 10}


def test_marks_name_every_source_and_wait_for_partitions_to_be_known():
    made = SourceStage([SourceSpec("metrics", "metrics", 3_000)], 2, b"s", DEFAULT_LIMITS)
    made.use([plan()])
    assert made.marks([Mark("metrics", 0, 7, NOW_MS)], NOW_MS) == []
    made.partitions("metrics", 5)
    outputs = made.marks([Mark("metrics", 0, 7, NOW_MS)], NOW_MS)
    assert [output.partition for output in outputs] == [0, 1]
    message = decode(outputs[0].value)
    assert isinstance(message, Marks)
    assert message.marks == [("metrics", 0, 7, NOW_MS)]
    assert message.sources["metrics"] == (5, 3_000)
    assert {HTTP_INGEST, HTTP_WRITE} < set(message.sources)


def test_a_partition_whose_past_is_gone_says_so():
    made = stage()
    made.assign("metrics", 0, 50, gone_below=50)
    for _, batch in take(made, [metric()]).batches:
        assert isinstance(batch, RowBatch)
        assert (batch.start, batch.gone_below) == (50, 50)
