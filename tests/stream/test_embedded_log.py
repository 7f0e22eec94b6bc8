"""The embedded log: whole units, in order, readable when durable; kept and dropped as told."""

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from engine.errors import LogFailedError, LogInUseError, StreamError
from engine.owner import LogRecord
from engine.stream import embedded_log
from engine.stream.embedded_log import Append, EmbeddedLog
from engine.stream.embedded_sweep import sweep

Open = Callable[..., EmbeddedLog]


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    opened: list[EmbeddedLog] = []

    def make(name: str = "log", **options: Any) -> EmbeddedLog:
        opened.append(EmbeddedLog(str(tmp_path / name), **options))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


def values(log: EmbeddedLog, topic: str, partition: int = 0, start: int = 0) -> list[bytes | None]:
    return [r.value for r in log.read(TP(topic, partition), start, 1 << 30)[0]]


async def test_a_unit_is_read_back_as_it_was(open_log: Open) -> None:
    log = open_log(clock=lambda: 1_000)
    log.declare("a", 2)
    headers = (("epoch", b"7"), ("w", b""))
    offsets = await log.append(
        [Append("a", 0, b"k", b"v", headers), Append("a", 1, None, None), Append("a", 0, b"", b"")]
    )
    assert offsets == [0, 0, 1]
    records, position = log.read(TP("a", 0), 0, 1 << 20)
    assert records == [
        LogRecord(0, 1_000, b"k", b"v", headers), LogRecord(1, 1_000, b"", b""),
    ]  # fmt: skip
    assert records[0].epoch == 7
    assert position == 2
    assert log.read(TP("a", 1), 0, 1 << 20)[0] == [LogRecord(0, 1_000, None, None)]


async def test_everything_is_there_after_a_restart(open_log: Open) -> None:
    log = open_log()
    log.declare("a", 1)
    await log.append([Append("a", 0, None, b"%d" % n) for n in range(100)], {TP("a", 0): 40}, "g")
    first = log.generation
    log.close()
    again = open_log()
    assert again.generation == first + 1
    assert values(again, "a") == [b"%d" % n for n in range(100)]
    assert again.committed("g", TP("a", 0)) == 40
    assert again.committed("other", TP("a", 0)) is None
    assert await again.append([Append("a", 0, None, b"x")]) == [100]


async def test_nothing_is_readable_before_its_write(open_log: Open) -> None:
    log = open_log(fsync="always")
    log.declare("a", 1)
    done = log.append([Append("a", 0, None, b"v")])
    assert log.partitions[TP("a", 0)].end == 0
    assert values(log, "a") == []
    await done
    assert values(log, "a") == [b"v"]


async def test_an_append_to_an_unknown_topic_fails_alone(open_log: Open) -> None:
    log = open_log()
    log.declare("a", 1)
    good = log.append([Append("a", 0, None, b"1")])
    with pytest.raises(StreamError, match="no partition 0 of b"):
        log.append([Append("a", 0, None, b"half"), Append("b", 0, None, b"x")])
    with pytest.raises(StreamError, match="no partition 1 of a"):
        log.append([Append("a", 1, None, b"x")])
    await good
    await log.append([Append("a", 0, None, b"2")])
    assert values(log, "a") == [b"1", b"2"]


async def test_a_failed_write_ends_everything(
    open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[BaseException] = []
    log = open_log(on_failure=ended.append)
    log.declare("a", 1)
    await log.append([Append("a", 0, None, b"1")])

    def no_space(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(log, "_build", no_space)
    first, second = log.append([Append("a", 0, None, b"2")]), log.append([])
    for future in (first, second):
        with pytest.raises(LogFailedError, match="No space left"):
            await future
    assert [str(error) for error in ended] == ["No space left on device"]
    with pytest.raises(LogFailedError, match="takes no more"):
        log.append([Append("a", 0, None, b"3")])
    assert values(log, "a") == [b"1"]


async def test_a_second_opener_is_told_what_to_do(open_log: Open) -> None:
    open_log()
    with pytest.raises(LogInUseError, match="stop that one, or give this one its own"):
        open_log()


async def test_another_number_of_partitions_is_refused(open_log: Open) -> None:
    log = open_log()
    log.declare("a", 4, keep_ms=5)
    log.declare("a", 4, keep_ms=7)
    assert log.topics["a"].keep_ms == 7
    with pytest.raises(StreamError, match="has 4 partitions, not 8: keep the old number"):
        log.declare("a", 8)


async def test_append_time_never_goes_back(open_log: Open) -> None:
    now = [5_000]
    log = open_log(clock=lambda: now[0])
    log.declare("a", 1)
    await log.append([Append("a", 0, None, b"1")])
    now[0] = 1_000
    await log.append([Append("a", 0, None, b"2")])
    log.close()
    log = open_log(clock=lambda: now[0])
    await log.append([Append("a", 0, None, b"3")])
    records, _ = log.read(TP("a", 0), 0, 1 << 20)
    assert [r.timestamp_ms for r in records] == [5_000, 5_000, 5_000]


async def test_a_compacted_topic_keeps_the_newest_of_a_key(open_log: Open) -> None:
    log = open_log()
    log.declare("c", 1, compact=True)
    await log.append([Append("c", 0, b"a", b"1"), Append("c", 0, b"b", b"1")])
    await log.append([Append("c", 0, b"a", b"2"), Append("c", 0, b"a", b"3")])
    await log.append([Append("c", 0, b"b", None)])
    kept = [(r.offset, r.key, r.value) for r in log.read(TP("c", 0), 0, 1 << 20)[0]]
    # The last record stays, a tombstone too: a reader waits for its offset.
    assert kept == [(3, b"a", b"3"), (4, b"b", None)]


async def test_tombstones_do_not_pile_up(open_log: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_log, "TOMBSTONES_MAX", 10)
    log = open_log()
    log.declare("c", 1, compact=True)
    for n in range(30):
        await log.append([Append("c", 0, b"chunk/%d" % n, b"x")])
        await log.append([Append("c", 0, b"chunk/%d" % n, None)])
        if n == 20:
            log.close()
            log = open_log()
    # Deleted and written again: the old tombstone must not take the new record with it.
    await log.append([Append("c", 0, b"chunk/29", b"again")])
    for n in range(30, 60):
        await log.append([Append("c", 0, b"chunk/%d" % n, None)])
    kept = log.read(TP("c", 0), 0, 1 << 20)[0]
    assert [r.key for r in kept if r.value] == [b"chunk/29"]
    assert len(kept) == 11


async def test_sweeping_drops_what_is_read_and_beyond_the_limits(
    open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_log, "SEGMENT_BYTES", 1_000)
    now = [1_000]
    log = open_log(clock=lambda: now[0])
    log.declare("big", 1, keep_bytes=3_000)
    log.declare("old", 1, keep_ms=500)
    for n in range(100):
        await log.append(
            [Append("big", 0, None, b"%03d" % n * 30), Append("old", 0, None, b"%03d" % n * 30)]
        )
        now[0] += 10
    await log.append((), {TP("big", 0): 55, TP("old", 0): 100}, "g")
    assert sweep(log, now[0]) > 0
    big, old = log.partitions[TP("big", 0)], log.partitions[TP("old", 0)]
    assert big.start <= 55, "what a group has not read is kept"
    assert values(log, "big")[-1] == b"099" * 30
    assert big.start > 30
    assert [r.offset for r in log.read(TP("big", 0), 0, 1 << 20)[0]] == list(range(big.start, 100))
    assert old.start > 30
    assert all(r.timestamp_ms > now[0] - 700 for r in log.read(TP("old", 0), 0, 1 << 20)[0])
    await log.append((), {TP("big", 0): 100}, "g")
    sweep(log, now[0])
    assert big.total_bytes <= 4_100
    start = big.start
    log.close()
    assert open_log().partitions[TP("big", 0)].start == start


async def test_what_nobody_reads_is_refused_beyond_a_cap(
    open_log: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_log, "SEGMENT_BYTES", 1_000)
    log = open_log()
    log.declare("a", 1)
    log.declare("b", 1)
    await log.append((), {TP("a", 0): 0}, "stopped")
    await log.append([Append("a", 0, None, b"x" * 100) for _ in range(100)])
    sweep(log, 0, unread_bytes_max=5_000, capped=["a"])
    with pytest.raises(StreamError, match="too much unread"):
        log.append([Append("a", 0, None, b"x")])
    await log.append([Append("b", 0, None, b"x")], {TP("a", 0): 100}, "stopped")
    sweep(log, 0, unread_bytes_max=5_000, capped=["a"])
    await log.append([Append("a", 0, None, b"x")])


async def test_a_power_cut_leaves_a_prefix_of_whole_units(open_log: Open, tmp_path: Path) -> None:
    """Cut the write-ahead log anywhere: units, offsets and outputs go together or not at all."""
    seed = random.randrange(10_000)
    print(f"seed={seed}")
    rnd, log = random.Random(seed), open_log("live")
    log.declare("a", 1)
    log.declare("b", 1)
    for n in range(200):
        unit = [Append("a", 0, None, b"%d" % n), Append("b", 0, None, b"%d" % n * 20)]
        await log.append(unit, {TP("a", 0): n + 1}, "g")
    for cut in range(8):
        copy = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "live", copy, ignore=shutil.ignore_patterns("LOCK"))
        wal = max(copy.glob("*.log"), key=lambda path: path.stat().st_mtime)
        with wal.open("r+b") as file:
            file.truncate(rnd.randrange(wal.stat().st_size))
        left = open_log(f"cut{cut}")
        if "a" not in left.topics or "b" not in left.topics:
            continue
        count = len(values(left, "a"))
        assert values(left, "a") == [b"%d" % n for n in range(count)]
        assert values(left, "b") == [b"%d" % n * 20 for n in range(count)]
        assert left.committed("g", TP("a", 0)) == (count or None)
        left.close()


async def test_one_slow_writer_holds_appends_back(open_log: Open) -> None:
    log = open_log(fsync="always")
    log.declare("a", 1)
    big = b"x" * 1_000_000
    futures = [log.append([Append("a", 0, None, big)]) for _ in range(20)]
    assert not log.room.is_set()
    await asyncio.wait_for(log.room.wait(), 10)
    await asyncio.gather(*futures)
