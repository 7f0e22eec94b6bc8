"""Checkpoints: what is written, what is found again, and what a paused owner cannot break."""

from collections.abc import Mapping

from engine.owner import Chunk, Snapshot
from engine.stream import checkpoints
from engine.stream.checkpoints import Manifest, Plan

P = 3


class Changelog:
    """A compacted partition: the last value of each key."""

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}
        self.written = 0

    def write(self, plan: Plan, *, chunks: int | None = None, manifest: bool = True) -> None:
        """Apply a plan, or only its first records, as a crash or a pause would leave it."""
        for key, value in plan.chunks[:chunks]:
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value
                self.written += len(value)
        if manifest:
            key, value = plan.manifest_entry
            self.entries[key] = value


class Writer:
    """An owner's side: what its last accepted checkpoint was."""

    def __init__(self, log: Changelog, epoch: int) -> None:
        self.log, self.epoch = log, epoch
        self.manifest: Manifest | None = None
        self.garbage: list[bytes] = []

    def take_over(self) -> Snapshot:
        loaded = next(checkpoints.candidates(self.log.entries, P))
        plan = checkpoints.adopt(P, loaded, self.epoch)
        self.log.write(plan)
        self.manifest, self.garbage = plan.manifest, plan.obsolete
        return loaded.snapshot

    def plan(self, offset: int, chunks: Mapping[str, tuple[int, bytes]]) -> Plan:
        known = self.manifest.known if self.manifest else {}
        snapshot = Snapshot("shard", 1, offset, tuple(
            Chunk(name, version, b"" if known.get(name) == version else payload)
            for name, (version, payload) in chunks.items()
        ))  # fmt: skip
        return checkpoints.plan(P, snapshot, self.epoch, self.manifest, self.garbage)

    def save(self, offset: int, chunks: Mapping[str, tuple[int, bytes]]) -> None:
        plan = self.plan(offset, chunks)
        self.log.write(plan)
        self.manifest, self.garbage = plan.manifest, plan.obsolete


def restored(log: Changelog) -> tuple[int, dict[str, bytes]]:
    found = next(checkpoints.candidates(log.entries, P)).snapshot
    return found.next_offset, {chunk.name: chunk.payload for chunk in found.chunks}


def test_a_snapshot_is_found_again_in_parts() -> None:
    log, large = Changelog(), bytes(range(256)) * 10_000
    Writer(log, 1).save(7, {"head": (7, b"h"), "ring": (5, large), "empty": (1, b"")})
    assert restored(log) == (7, {"head": b"h", "ring": large, "empty": b""})
    assert max(map(len, log.entries.values())) <= checkpoints.PART_BYTES_MAX
    assert all(key.startswith(b"0003/") for key in log.entries)


def test_what_did_not_change_is_not_written_again() -> None:
    log = Changelog()
    writer = Writer(log, 1)
    writer.save(1, {"head": (1, b"a"), "ring": (1, b"r" * 1_000)})
    log.written = 0
    for offset in range(2, 10):
        writer.save(offset, {"head": (offset, b"b"), "ring": (1, b"r" * 1_000)})
    assert log.written == 8
    assert restored(log) == (9, {"head": b"b", "ring": b"r" * 1_000})


def test_obsolete_chunks_go_one_checkpoint_later() -> None:
    log = Changelog()
    writer = Writer(log, 1)
    for offset in range(1, 20):
        writer.save(offset, {"head": (offset, b"%d" % offset)})
        assert len(log.entries) <= 3, "a manifest, its chunk, and the one before it"


def test_a_crash_anywhere_leaves_the_snapshot_before() -> None:
    for cut in range(4):
        log = Changelog()
        writer = Writer(log, 1)
        writer.save(1, {"a": (1, b"a1"), "b": (1, b"b1")})
        writer.save(2, {"a": (2, b"a2"), "b": (1, b"b1")})
        plan = writer.plan(3, {"a": (3, b"a3"), "b": (3, b"b3")})
        log.write(plan, chunks=cut, manifest=False)
        assert restored(log) == (2, {"a": b"a2", "b": b"b1"})


def test_a_damaged_chunk_falls_back_to_the_epoch_before() -> None:
    log = Changelog()
    Writer(log, 1).save(1, {"a": (1, b"good")})
    second = Writer(log, 5)
    second.take_over()
    second.garbage = []
    second.save(9, {"a": (9, b"later")})
    key = checkpoints.chunk_keys(P, second.manifest.chunks[0])[0]  # type: ignore[union-attr]
    for damaged in (b"lateR", b"late"):
        log.entries[key] = damaged
        assert restored(log) == (1, {"a": b"good"})
    del log.entries[key]
    assert restored(log) == (1, {"a": b"good"})


def test_a_paused_owner_breaks_nothing_when_it_wakes() -> None:
    """It may still write one checkpoint; then its commit is refused, and it falls silent."""
    log = Changelog()
    old = Writer(log, 1)
    old.save(1, {"a": (1, b"a1"), "b": (1, b"b1")})
    old.save(2, {"a": (2, b"a2"), "b": (1, b"b1")})
    late = old.plan(3, {"a": (3, b"zombie"), "b": (3, b"zombie")})
    new = Writer(log, 8)
    assert new.take_over().next_offset == 2
    new.save(5, {"a": (3, b"a3"), "b": (1, b"b1")})
    log.write(late)
    assert restored(log) == (5, {"a": b"a3", "b": b"b1"})
    new.save(6, {"a": (6, b"a6"), "b": (6, b"b6")})
    new.save(7, {"a": (6, b"a6"), "b": (6, b"b6")})
    third = Writer(log, 20)
    assert third.take_over().next_offset == 7
    third.save(9, {"a": (6, b"a6"), "b": (6, b"b6")})
    assert restored(log) == (9, {"a": b"a6", "b": b"b6"})
    # What the paused owner left behind is swept by the takeover after it.
    assert not [key for key in log.entries if b"/%020d" % 1 in key]


def test_a_later_format_is_left_alone() -> None:
    log = Changelog()
    Writer(log, 1).save(1, {"a": (1, b"mine")})
    log.entries[checkpoints.manifest_key(P, 9)] = b'{"v": 2, "what": "a later Tocsin wrote"}'
    assert restored(log) == (1, {"a": b"mine"})
