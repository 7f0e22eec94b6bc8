"""Seeded faults: other cuts, crashes, zombies, re-reads and holes change nothing that is said."""

import json
import random

import pytest

from engine.owner import Snapshot
from tests.simulation import world

STAMPS = ("arrival_ms", "decision_ms")
OF_THE_LOG = ("input_offset", "watermark_ms", "sequence", "shard")


def without(record: bytes, names=STAMPS) -> bytes:
    fields = json.loads(record)
    for name in names:
        del fields[name]
    return json.dumps(fields, sort_keys=True).encode()


def undisturbed(seed: int, seconds: int = 90):
    rng = random.Random(seed)
    pipe = world.pipeline()
    for second, batch in enumerate(world.rows(rng, seconds)):
        now_ms = world.START_MS + second * 1_000
        for kind, partitions in (("metrics", 4), ("logs", 3)):
            mine = [world.record(row) for row in batch if row.kind == kind]
            for partition in range(partitions):
                pipe.feed(kind, partition, mine[partition::partitions], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    return pipe


class Store:
    """Keeps chunks as the checkpoint store does: only what changed is written again."""

    def __init__(self):
        self.chunks = {}
        self.next_offset = 0
        self.skipped = 0

    def save(self, owner):
        known = {name: version for name, (version, _) in self.chunks.items()}
        snapshot = owner.snapshot(known)
        fresh = {}
        for chunk in snapshot.chunks:
            if known.get(chunk.name) == chunk.version:
                self.skipped += 1
                fresh[chunk.name] = self.chunks[chunk.name]
            else:
                fresh[chunk.name] = (chunk.version, chunk.payload)
        self.chunks, self.next_offset = fresh, snapshot.next_offset

    def load(self, owner):
        chunks = tuple(
            type_chunk(name, version, payload) for name, (version, payload) in self.chunks.items()
        )
        if chunks:
            owner.restore(Snapshot("shard", 2, self.next_offset, chunks))


def type_chunk(name, version, payload):
    from engine.owner import Chunk

    return Chunk(name, version, payload)


@pytest.mark.parametrize("seed", range(8))
def test_crashes_cuts_and_zombies_replay_the_same_bytes(seed):
    pipe = undisturbed(seed)
    rng = random.Random(1000 + seed)
    crashes = zombies = skipped = 0
    for shard, log in enumerate(pipe.shards):
        wanted = [
            without(r.value) for r in pipe.alerts.records if json.loads(r.value)["shard"] == shard
        ]
        said, sequence = [], 0
        owner, store, zombie = pipe.new_owner(shard), Store(), None

        def hear(outputs, said=said):
            nonlocal sequence
            for output in outputs:
                number = json.loads(output.value)["sequence"]
                if number == sequence + 1:  # what the notifier does: seen ones are dropped
                    sequence = number
                    said.append(without(output.value))

        while owner.next_offset < len(log.records):
            end = owner.next_offset + rng.choice([1, 2, 7, 50])
            hear(owner.apply(log.records[owner.next_offset : end], stamp_ms=rng.randrange(10**6)))
            if zombie is not None and zombie.next_offset < len(log.records):
                zombies += 1
                hear(zombie.apply(log.records[zombie.next_offset : zombie.next_offset + 3], 5))
            dice = rng.random()
            if dice < 0.3:
                store.save(owner)
            elif dice < 0.4:
                crashes += 1
                zombie, owner = owner, pipe.new_owner(shard)
                store.load(owner)
        skipped += store.skipped
        assert said == wanted
    print(f"seed={seed} crashes={crashes} zombie_reads={zombies} chunks_not_rewritten={skipped}")
    assert crashes > 5
    assert zombies > 5
    assert skipped > 5


@pytest.mark.parametrize("seed", range(8))
def test_re_reads_zombie_sources_and_holes_lose_and_double_nothing(seed):
    calm = undisturbed(seed)
    rng = random.Random(2000 + seed)
    pipe = world.pipeline()
    stages = [pipe.stage, pipe.new_stage(world.plan())]
    taken = dict.fromkeys(pipe.inputs, 0)  # what is on its way to every shard
    rereads = holes = 0
    for second in range(90):
        now_ms = world.START_MS + second * 1_000
        for key, log in pipe.inputs.items():
            source = calm.inputs[key].records
            while (
                len(log.records) < len(source) and source[len(log.records)].timestamp_ms <= now_ms
            ):
                log.append(None, source[len(log.records)].value, now_ms)
            while taken[key] < len(log.records):
                stage = rng.choice(stages)
                start = taken[key]
                if rng.random() < 0.3 and start:  # another worker, or a zombie, reads again
                    rereads += 1
                    start = max(0, start - rng.randrange(1, 6))
                end = min(len(log.records), start + rng.choice([1, 3, 20]))
                stage.assign(*key, start)
                lost = rng.randrange(pipe.count) if rng.random() < 0.15 else None
                if lost is not None:  # one send fails: the worker ends, uncommitted
                    holes += 1
                    take_without(pipe, stage, key, start, end, now_ms, lost)
                    continue
                pipe.take(stage, *key, start, end, now_ms)
                taken[key] = max(taken[key], end)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    print(f"seed={seed} rereads={rereads} holes={holes}")
    assert rereads > 20
    assert holes > 10
    strip = (*STAMPS, *OF_THE_LOG)
    said = sorted(without(r.value, strip) for r in pipe.alerts.records)
    assert said == sorted(without(r.value, strip) for r in calm.alerts.records)


def take_without(pipe, stage, key, start, end, now_ms, lost):
    from engine.sources import Fetch

    records = pipe.inputs[key].records[start:end]
    fetch = Fetch(
        start, [r.offset for r in records], [r.timestamp_ms for r in records],
        [r.value for r in records],
    )  # fmt: skip
    outputs = stage.take(*key, fetch, now_ms)
    # The worker that lost a send is gone: what it has told the lost shard must be told again.
    stage.dictionary.clear()
    pipe.append([o for o in outputs if (o.topic, o.partition) != ("shards", lost)], now_ms)
