"""Silences: what they mute, and how they are listed."""

import re
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts import SilenceMatcher, SilenceRecord
from notifiers.silence import RETENTION_MS, Silences, state_of
from tests.notifiers import corpora

HOUR_MS = 3_600_000


def _silence(
    id_: str, matchers: list[SilenceMatcher], starts_at_ms: int, ends_at_ms: int,
    tenant: str = "default",
) -> SilenceRecord:  # fmt: skip
    return SilenceRecord(
        tenant=tenant, id=id_, matchers=matchers, starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms, created_by="me", comment="", updated_at_ms=0,
    )  # fmt: skip


def _matcher(op: str, name: str, value: str) -> SilenceMatcher:
    return SilenceMatcher(name, value, is_regex="~" in op, is_equal=op[0] == "=")


def test_matching_is_alertmanagers() -> None:
    for case in corpora.scenario("silences.yaml")["match"]:
        silences = Silences(10)
        matchers = [_matcher(m["op"], m["name"], m["value"]) for m in case["matchers"]]
        assert silences.put(_silence("s", matchers, 0, 10))
        muting = silences.muting("default", "f", case["labels"], 5)
        assert bool(muting) is case["silenced"], case


def test_states_follow_the_clock_and_an_ended_one_is_over_at_once() -> None:
    silence = _silence("s", [SilenceMatcher("a", "b")], 10, 20)
    assert [state_of(silence, at) for at in (9, 10, 19, 20)] == [
        "pending", "active", "active", "expired",
    ]  # fmt: skip


def test_the_list_is_in_alertmanagers_order() -> None:
    facts = next(
        f for f in _documents("api/handlers.yaml") if f.get("silence_sort")
    )["silence_sort"]  # fmt: skip
    silences = Silences(100)
    now_ms = 11 * HOUR_MS + HOUR_MS // 2
    at = {f"{hour}:00": hour * HOUR_MS for hour in range(9, 16)}
    for text in sorted(facts["expected_order"]):
        state, _, clock = text.rsplit(" ", 2)[0].partition(" ")[0], "", text.split(" ")[-1]
        # "12:00" is the end of active ones, the start of pending ones; expired ended a day before.
        if state == "active":
            starts, ends = 0, at[clock]
        elif state == "pending":
            starts, ends = at[clock], 100 * HOUR_MS
        else:
            starts, ends = -90 * HOUR_MS, at[clock] - 24 * HOUR_MS
        silences.put(_silence(text, [SilenceMatcher("a", "b")], starts, ends))
    assert [s.id for s in silences.listed("default", now_ms)] == facts["expected_order"]


def _documents(name: str) -> list[Any]:
    found = corpora.scenario(name)
    return found if isinstance(found, list) else [found]


def test_a_change_is_seen_at_once_and_tenants_are_apart() -> None:
    silences = Silences(10)
    silences.put(_silence("s", [SilenceMatcher("a", "b")], 0, 100))
    assert silences.muting("default", "f", {"a": "b"}, 5) == ["s"]
    assert silences.muting("other", "f", {"a": "b"}, 5) == []
    silences.put(_silence("s", [SilenceMatcher("a", "c")], 0, 100))
    assert silences.muting("default", "f", {"a": "b"}, 5) == []
    silences.put(_silence("t", [SilenceMatcher("a", "b")], 0, 100))
    assert silences.muting("default", "f", {"a": "b"}, 5) == ["t"]


def test_ended_ones_are_kept_for_a_while() -> None:
    silences = Silences(10)
    silences.put(_silence("s", [SilenceMatcher("a", "b")], 0, 100))
    assert silences.collect(100 + RETENTION_MS - 1) == 0
    assert silences.get("default", "s") is not None
    assert silences.collect(100 + RETENTION_MS) == 1
    assert (silences.get("default", "s"), len(silences)) == (None, 0)


def test_beyond_the_limit_no_new_one_is_taken_but_changes_are() -> None:
    silences = Silences(1)
    assert silences.put(_silence("s", [SilenceMatcher("a", "b")], 0, 100))
    assert not silences.put(_silence("t", [SilenceMatcher("a", "b")], 0, 100))
    assert silences.put(_silence("s", [SilenceMatcher("a", "b")], 0, 50))


def test_a_pattern_that_cannot_be_read_mutes_nothing() -> None:
    assert not Silences(10).put(_silence("s", [_matcher("=~", "a", "((")], 0, 100))


_labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "xy", "y", ""]))
_some = st.builds(
    _matcher, st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from("abc"),
    st.sampled_from(["x", "y", "x.*", "x|y", ""]),
)  # fmt: skip
_window = st.tuples(st.integers(0, 20), st.integers(1, 20))


def _naive(silence: SilenceRecord, labels: dict[str, str], now_ms: int) -> bool:
    """Say in the plainest words whether a silence mutes an alert."""
    if not silence.starts_at_ms <= now_ms < silence.ends_at_ms:
        return False
    for matcher in silence.matchers:
        value = labels.get(matcher.name, "")
        same = bool(re.fullmatch(matcher.value, value)) if matcher.is_regex else (
            value == matcher.value
        )  # fmt: skip
        if same != matcher.is_equal:
            return False
    return True


@given(
    st.lists(st.tuples(st.lists(_some, min_size=1, max_size=3), _window), max_size=5),
    _labels,
    st.lists(st.integers(0, 50), min_size=1, max_size=3),
)
def test_muting_agrees_with_the_naive_twin(
    made: list[Any], labels: dict[str, str], times: list[int]
) -> None:
    silences = Silences(100)
    records = [
        _silence(f"s{i}", matchers, start, start + length)
        for i, (matchers, (start, length)) in enumerate(made)
    ]
    for record in records:
        silences.put(record)
        silences.muting("default", "f", labels, times[0])
    for now_ms in times:
        assert silences.muting("default", "f", labels, now_ms) == [
            record.id for record in records if _naive(record, labels, now_ms)
        ]


_changes = st.lists(
    st.tuples(st.sampled_from("uvw"), st.lists(_some, min_size=1, max_size=3), _window),
    max_size=12,
)


@settings(max_examples=60)
@given(_changes, st.lists(_labels, min_size=1, max_size=3), st.integers(0, 50), st.data())
def test_many_changes_agree_with_the_naive_twin(
    made: list[Any], alerts: list[dict[str, str]], now_ms: int, data: st.DataObject
) -> None:
    """Whatever was asked in between, and however much is remembered of changes."""
    silences, newest = Silences(100), dict[str, SilenceRecord]()
    bound = data.draw(st.sampled_from([0, 1, 3, 1_000]))
    with mock.patch("notifiers.silence.CHANGES_MAX", bound):
        for id_, matchers, (start, length) in made:
            newest[id_] = _silence(id_, matchers, start, start + length)
            silences.put(newest[id_])
            for number, labels in enumerate(alerts):
                if data.draw(st.booleans()):
                    silences.muting("default", str(number), labels, now_ms)
        for number, labels in enumerate(alerts):
            wanted = [i for i in sorted(newest) if _naive(newest[i], labels, now_ms)]
            assert silences.muting("default", str(number), labels, now_ms) == wanted
        silences.collect(10 + RETENTION_MS)
        left = {i: s for i, s in newest.items() if s.ends_at_ms > 10}
        assert {s.id for s in silences.all()} == left.keys()
        for number, labels in enumerate(alerts):
            wanted = [i for i in sorted(left) if _naive(left[i], labels, 12)]
            assert silences.muting("default", str(number), labels, 12) == wanted
