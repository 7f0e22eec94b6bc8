"""State and outputs of a shard are a function of its log: cuts, restarts and repeats change nothing."""

import random

import pytest

from engine.owner import Chunk, Snapshot
from engine.series import Vector, decode
from tests.groups.promworld import group, pipeline, query, record, rule
from tests.groups.test_shards_equal_one_place import fleet

STAMP_MS = 7
GROUPS = (
    group(
        rule("alert", "Hot", "temp > 60", for_ms=15_000, annotations={"at": "{{ $value }}"}),
        rule("record", "job:temp:sum", "sum by (job) (temp)", labels={"made": "yes"}),
        rule("alert", "Sum", "job:temp:sum > 150"),
        query("sum by (job) (rate(hits[1m])) / on (job) job:temp:sum"),
        query("max_over_time(sum(temp)[1m:15s])"),
        query("ALERTS{alertname='Sum'}"),
    ),
    group(
        query("topk(2, temp)"),
        query("temp{pod='1'} or hits"),
        query("avg_over_time(job:temp:sum[1m])"),
        name="second",
        interval_ms=30_000,
    ),
)


def lived(seed, shards=3, seconds=150):
    pipe = pipeline(*GROUPS, shards=shards)
    for second, rows in fleet(seed, seconds):
        now_ms = second * 1_000
        pipe.feed("metrics", 0, [record(n, ls, now_ms, v) for n, ls, v in rows], now_ms)
        if second % 20 == 0:  # a raw series beside the recorded ones of its name
            pipe.feed("metrics", 0, [record("job:temp:sum", {"job": "c"}, now_ms, 1.0)], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    return pipe


def applied(owner, records):
    return owner.apply(records, STAMP_MS) if records else []


def outputs_of(pipe, shard):
    return applied(pipe.new_owner(shard), pipe.shards[shard].records)


class Store:
    """What a checkpoint store keeps: the newest payload of every chunk by name."""

    def __init__(self):
        self.kept = {}

    def take(self, owner):
        snapshot = owner.snapshot({name: version for name, (version, _) in self.kept.items()})
        now = {}
        for chunk in snapshot.chunks:
            if not chunk.payload:
                assert self.kept[chunk.name][0] == chunk.version
            payload = chunk.payload or self.kept[chunk.name][1]
            now[chunk.name] = (chunk.version, payload)
        self.kept = now
        chunks = tuple(Chunk(name, version, raw) for name, (version, raw) in now.items())
        return Snapshot(snapshot.kind, snapshot.format, snapshot.next_offset, chunks)


def test_the_world_says_something():
    pipe = lived(1)
    assert {entry.rule for entry in pipe.alert_records} == {"Hot", "Sum"}
    queries = [result for result in pipe.results.records if b'"rows":[[' in result.value]
    assert len(queries) > 20
    assert any(b'"job":"c"' in result.value for result in queries)
    assert not any(b'"error":"e' in result.value for result in queries)


@pytest.mark.parametrize("seed", range(4))
def test_another_cut_gives_the_same_bytes(seed):
    pipe, rng = lived(seed), random.Random(seed)
    for shard in range(3):
        owner, got, at = pipe.new_owner(shard), [], 0
        records = pipe.shards[shard].records
        while at < len(records):
            end = at + rng.randint(1, 9)
            got += applied(owner, records[at:end])
            at = end
        assert got == outputs_of(pipe, shard)


@pytest.mark.parametrize("seed", range(4))
def test_an_owner_from_a_snapshot_gives_the_same_bytes(seed):
    pipe, rng = lived(seed), random.Random(seed)
    for shard in range(3):
        owner, store, got = pipe.new_owner(shard), Store(), []
        for at in range(0, len(pipe.shards[shard].records), 7):
            got += applied(owner, pipe.shards[shard].records[at : at + 7])
            if rng.random() < 0.5:
                snapshot = store.take(owner)
                if rng.random() < 0.5:
                    owner = pipe.new_owner(shard)
                    owner.restore(snapshot)
        assert got == outputs_of(pipe, shard)


def test_a_restored_owner_has_the_snapshot_that_it_came_from():
    pipe = lived(2)
    for shard in range(3):
        owner = pipe.new_owner(shard)
        applied(owner, pipe.shards[shard].records[:60])
        snapshot = owner.snapshot({})
        other = pipe.new_owner(shard)
        other.restore(snapshot)
        rest = pipe.shards[shard].records[60:]
        assert applied(other, rest) == applied(owner, rest)


@pytest.mark.parametrize("seed", range(3))
def test_repeated_vectors_change_nothing(seed):
    """A sender that was restored sends again; one without a past numbers its rows anew."""
    pipe, rng = lived(seed), random.Random(seed)
    owner_shard = next(
        shard for shard in range(3)
        if any(isinstance(decode(r.value), Vector) for r in pipe.shards[shard].records)
    )  # fmt: skip
    records = pipe.shards[owner_shard].records
    said, held = [], []
    for one in records:
        held.append(one)
        vectors = [r for r in held if isinstance(decode(r.value), Vector)]
        if vectors and rng.random() < 0.3:
            held.append(rng.choice(vectors))
    again = [one._replace(offset=offset) for offset, one in enumerate(held)]
    said = applied(pipe.new_owner(owner_shard), again)
    want = outputs_of(pipe, owner_shard)

    def without_offsets(outputs):
        # Records name the offset that made them; what they say is the same.
        import re

        return [re.sub(rb'"input_offset":\d+', b"", one.value) for one in outputs]

    assert without_offsets(said) == without_offsets(want)
