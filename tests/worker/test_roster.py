"""Who has loaded which rule set, as the notifier's owner knows it."""

from engine.owner import LogRecord
from engine.worker.roster import ALIVE_MS, DEPARTED_MS, LOADED_KEY, Roster, loaded_record


def heard(roster: Roster, worker: str, at_ms: int, *digests: str) -> None:
    record = LogRecord(0, at_ms, b"", loaded_record(list(digests)))
    assert roster.told(LOADED_KEY + worker, record)


def test_live_workers_without_the_set_are_waited_for() -> None:
    roster = Roster()
    assert roster.lacking("new", 0) == []
    heard(roster, "w1", 1_000, "old", "new")
    heard(roster, "w2", 1_000, "old")
    heard(roster, "w3", 1_000, "old")
    assert roster.lacking("new", 2_000) == ["w2", "w3"]
    heard(roster, "w2", 3_000, "old", "new")
    assert roster.lacking("new", 3_000) == ["w3"]


def test_the_silent_and_the_departed_are_not() -> None:
    roster = Roster()
    heard(roster, "w1", 1_000, "old")
    heard(roster, "w2", 1_000, "old")
    assert roster.told(LOADED_KEY + "w2", LogRecord(0, 2_000, b"", None))
    assert roster.lacking("new", 1_000 + ALIVE_MS) == ["w1"]
    assert roster.lacking("new", 1_001 + ALIVE_MS) == []


def test_who_is_silent_for_a_day_can_be_forgotten() -> None:
    roster = Roster()
    heard(roster, "w1", 1_000, "old")
    heard(roster, "w2", 5_000, "old")
    assert roster.departed(1_000 + DEPARTED_MS) == []
    assert roster.departed(1_001 + DEPARTED_MS) == ["w1"]
    assert roster.told(LOADED_KEY + "w1", LogRecord(0, 6_000, b"", None))
    assert roster.departed(1_001 + DEPARTED_MS) == []


def test_where_the_live_ones_listen() -> None:
    roster = Roster()
    heard(roster, "w1", 1_000, "old")  # of a version that did not say it
    for worker, at_ms in (("w2", 1_000), ("w3", 2_000)):
        record = LogRecord(0, at_ms, b"", loaded_record([], f"http://{worker}:9093"))
        roster.told(LOADED_KEY + worker, record)
    assert roster.urls(2_000) == {"w2": "http://w2:9093", "w3": "http://w3:9093"}
    assert roster.urls(1_001 + ALIVE_MS) == {"w3": "http://w3:9093"}


def test_other_keys_and_later_formats_are_left_alone() -> None:
    roster = Roster()
    assert not roster.told("rules/abc", LogRecord(0, 1, b"", b"x"))
    assert roster.told(LOADED_KEY + "w1", LogRecord(0, 1, b"", b"\xff"))
    assert roster.lacking("new", 1) == []
