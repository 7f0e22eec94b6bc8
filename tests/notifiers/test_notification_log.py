"""When an integration must be told, against Alertmanager's own cases."""

import pytest

from engine.alerts import Notified
from notifiers.notification_log import (
    RETENTION_MS,
    LogEntry,
    LogKey,
    NotificationLog,
    decide,
)
from notifiers.store import FENCE_KEEP_MS
from tests.notifiers import corpora

KEY = LogKey("default", "team", "webhook/0", "{}:{}")
NOW_MS = 1_700_000_000_000


def test_deduplication_is_alertmanagers() -> None:
    for case in corpora.scenario("dedup.yaml")["cases"]:
        last = case["last"]
        entry = None if last is None else LogEntry(
            n=1, told_ms=NOW_MS - last["age_s"] * 1000,
            firing=frozenset(map(str, last.get("firing", ()))),
            resolved=frozenset(map(str, last.get("resolved", ()))),
        )  # fmt: skip
        reason = decide(
            entry, list(map(str, case["firing"])), list(map(str, case["resolved"])),
            send_resolved=case["send_resolved"],
            repeat_interval_ms=case["repeat_interval_s"] * 1000, now_ms=NOW_MS,
        )  # fmt: skip
        assert (reason is not None) is case["notify"], case


@pytest.mark.parametrize(
    ("entry", "firing", "resolved", "reason"),
    [
        (None, ["a"], [], "first notification"),
        (None, [], ["a"], None),
        (LogEntry(n=3), ["a"], [], "first notification"),
        (LogEntry(n=3), [], ["a"], None),
        (LogEntry(n=1, told_ms=NOW_MS, firing=frozenset("a")), ["a", "b"], [], "new alerts added"),
        (LogEntry(n=1, told_ms=NOW_MS, resolved=frozenset("a")), ["b"], [], "first notification"),
        (LogEntry(n=1, told_ms=NOW_MS, firing=frozenset("ab")), ["b"], ["a"],
         "some alerts resolved"),
        (LogEntry(n=1, told_ms=NOW_MS, firing=frozenset("ab")), ["b"], [], None),
        (LogEntry(n=1, told_ms=NOW_MS, firing=frozenset("a")), [], ["a"], "all alerts resolved"),
        (LogEntry(n=1, told_ms=NOW_MS, resolved=frozenset("a")), [], ["a"], None),
        (LogEntry(n=1, told_ms=NOW_MS - 1_000, firing=frozenset("a")), ["a"], [], None),
        (LogEntry(n=1, told_ms=NOW_MS - 1_001, firing=frozenset("a")), ["a"], [],
         "repeat interval elapsed"),
    ],
)  # fmt: skip
def test_the_reason_is_named(
    entry: LogEntry | None, firing: list[str], resolved: list[str], reason: str | None
) -> None:
    found = decide(
        entry, firing, resolved, send_resolved=True, repeat_interval_ms=1_000, now_ms=NOW_MS
    )
    assert found == reason


def _record(n: int, outcome: str, **fields: object) -> Notified:
    plain: dict[str, object] = {
        "tenant": "default", "receiver": "team", "integration": "webhook/0",
        "group_key": "{}:{}", "at_ms": NOW_MS, "sent_ms": NOW_MS + 5, "reason": "", "firing": ["a"],
        "resolved": [], "content_hash": "",
    }  # fmt: skip
    return Notified(n=n, outcome=outcome, **{**plain, **fields})  # type: ignore[arg-type]


def test_numbers_only_rise_and_a_dropped_one_tells_nothing() -> None:
    log = NotificationLog()
    assert log.fold(_record(1, "sent", far_id={"ts": "1"}))
    assert not log.fold(_record(1, "sent", far_id={"ts": "2"}))
    assert log.fold(_record(2, "dropped", firing=["a", "b"]))
    entry = log.get(KEY)
    assert entry is not None
    assert (entry.n, entry.firing, entry.far_id, entry.told_ms) == (
        2, frozenset("a"), {"ts": "1"}, NOW_MS + 5,
    )  # fmt: skip


def test_what_was_withheld_is_known_and_keeps_the_message_to_edit() -> None:
    log = NotificationLog()
    log.fold(_record(1, "sent", far_id={"ts": "1"}))
    log.fold(_record(2, "withheld", firing=[], resolved=["a"], sent_ms=0))
    entry = log.get(KEY)
    assert entry is not None
    assert (entry.firing, entry.resolved, entry.far_id) == (
        frozenset(), frozenset("a"), {"ts": "1"},
    )  # fmt: skip


def test_old_entries_go_unless_their_group_lives() -> None:
    log = NotificationLog()
    log.fold(_record(1, "sent"))
    assert log.collect(NOW_MS + 5 + RETENTION_MS, {KEY: None}) == 0
    assert log.collect(NOW_MS + 5 + RETENTION_MS, {}) == 1
    assert len(log) == 0


def test_a_number_outlives_its_fence() -> None:
    assert RETENTION_MS > FENCE_KEEP_MS
