"""Rings through checkpoints: what comes back, whatever the store of chunks has lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checkpoint import pack
from engine.errors import SnapshotError
from engine.limits import DEFAULT_LIMITS
from engine.window import RingStore
from tests.window.samples import columns, rows

SERIES = 4
NEED_MS = 400_000


def make():
    return RingStore(DEFAULT_LIMITS)


def read(store, base_ms=0):
    """What every window sees, as bytes."""
    ids, ends = np.arange(SERIES), base_ms + np.arange(-700_000, 700_001, 70_000)
    functions = ("sum_over_time", "count_over_time", "rate")
    seen = [store.over(function, ids, ends, NEED_MS) for function in functions]
    instant = store.instant(ids, ends, NEED_MS)
    return [array.tobytes() for columns_ in (instant, *seen) for array in columns_]


class Disk:
    """A store of checkpoints: holds what the last one named, and may forget."""

    def __init__(self):
        self.held = {}

    def take(self, store):
        named = list(store.chunks({name: version for name, (version, _) in self.held.items()}))
        assert len({chunk.name for chunk in named}) == len(named)
        self.held = {
            chunk.name: (chunk.version, chunk.payload or self.held[chunk.name][1])
            for chunk in named
        }
        return named

    def give(self, rng):
        other = make()
        for name in rng.sample(sorted(self.held), len(self.held)):
            other.restore(name, self.held[name][1])
        return other


steps = st.lists(
    st.tuples(
        rows(series=SERIES, size=25), st.sampled_from(["checkpoint", "restore", "lose", "go on"]),
        st.integers(0, SERIES), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(steps, st.randoms())
def test_a_restored_store_sees_what_the_live_one_does(plan, rng):
    live, disk = make(), Disk()
    base_ms = 0
    for some, what, needed, ticks in plan:
        base_ms += 300_000
        live.need(np.arange(needed), NEED_MS + 1_000 * needed)
        live.append(*columns([(s, t + base_ms, v) for s, t, v in some]))
        if ticks:
            live.tick_passed(base_ms)
        if what == "lose" and disk.held:
            del disk.held[rng.choice(sorted(disk.held))]
        if what == "go on":
            continue
        disk.take(live)
        other = disk.give(rng)
        assert read(live, base_ms) == read(other, base_ms)
        if what == "restore":
            live = other


def test_a_checkpoint_writes_what_is_new_and_no_more():
    store, disk = make(), Disk()
    store.need(np.arange(SERIES), NEED_MS)
    ids = np.arange(SERIES)
    store.append(ids, np.full(SERIES, 1_000), np.ones(SERIES))
    first = disk.take(store)
    assert {chunk.name.split("/")[1] for chunk in first} == {"needs", "0", "head"}
    store.append(ids, np.full(SERIES, 2_000), np.ones(SERIES))
    second = disk.take(store)
    written = [chunk.name for chunk in second if chunk.payload]
    assert len([name for name in written if name.startswith("ring/0/")]) == 1
    assert not any(name.startswith("ring/needs") for name in written)
    assert [chunk.name for chunk in disk.take(store) if chunk.payload] == ["ring/head"]


def test_segments_that_no_tick_reads_go():
    store, disk = make(), Disk()
    store.need(np.arange(SERIES), 10_000)
    names = []
    for at in range(0, 500_000, 5_000):
        store.append(np.arange(SERIES), np.full(SERIES, at), np.ones(SERIES))
        store.tick_passed(at)
        names.append(len(disk.take(store)))
    assert max(names) == names[-1] < 8


def test_without_ticks_segments_are_written_anew_when_half_is_dead():
    store, disk = make(), Disk()
    ids = np.arange(2_000)
    store.need(ids, 10_000)
    written = []
    for at in range(0, 500_000, 5_000):
        store.append(ids, np.full(ids.size, at), np.ones(ids.size))
        disk.take(store)
        written.append(sum(len(payload) for _, payload in disk.held.values()))
    assert max(written[10:]) < 20 * written[0]


def test_partitions_are_written_apart():
    store, disk = make(), Disk()
    ids = np.array([0, 65_535, 65_536, 200_000])
    store.need(ids, NEED_MS)
    store.append(ids, np.arange(4) + 7, np.arange(4.0))
    disk.take(store)
    other = make()
    for name, (_, payload) in disk.held.items():
        other.restore(name, payload)
    values, mask, sample_ms = other.instant(ids, np.array([10]), NEED_MS)
    assert mask.all()
    assert values[:, 0].tolist() == [0, 1, 2, 3]
    assert sample_ms[:, 0].tolist() == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("name", "payload"),
    [("ring/0/1", b""), ("ring/0/1", pack({}, {})), ("ring/what/ever/else", pack({"number": 1}, {})),
     ("ring/needs/x", pack({"number": 1}, {})), ("ring/0/1", pack({"number": 1, "first": 0}, {}))],
)  # fmt: skip
def test_a_damaged_chunk_is_refused(name, payload):
    with pytest.raises(SnapshotError):
        make().restore(name, payload)
