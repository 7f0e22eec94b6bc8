"""Groups: alerts stay in Alertmanager's order however they come and go, and where each is held."""

from functools import cmp_to_key

from hypothesis import given
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from notifiers.alert import StoredAlert, fingerprint
from notifiers.holding import Holding
from tests.notifiers.world import SIMPLE, config

LABELS = st.dictionaries(
    st.sampled_from(["job", "instance", "a", "ab", "b"]), st.sampled_from(["", "x", "y"])
).map(lambda labels: {"alertname": "X", **labels})
MOVES = st.lists(st.tuples(LABELS, st.sampled_from(["put", "put", "put", "drop", "look"])))


def compare(one: dict[str, str], other: dict[str, str]) -> int:
    """Compare as Alertmanager's AlertSlice does, step by step."""
    for name in ("job", "instance"):
        a, b = one.get(name), other.get(name)
        if a != b:
            if a is None or b is None:
                return 1 if a is None else -1
            return -1 if a < b else 1
    if len(one) != len(other):
        return -1 if len(one) < len(other) else 1
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if a != b:
            if a is None or b is None:
                return -1 if a is None else 1
            return -1 if a < b else 1
    return 0


@given(MOVES)
def test_alerts_of_a_group_are_in_order_whatever_came_before(
    moves: list[tuple[dict[str, str], str]],
) -> None:
    held = Holding(config(SIMPLE), DEFAULT_LIMITS)
    there: dict[str, dict[str, str]] = {}
    for labels, what in moves:
        mark = fingerprint(labels)
        group = next(iter(held.groups), None)
        if what == "put":
            held.insert(StoredAlert("t", mark, labels, {}, 0, 1, 0, 1), 0)
            there[mark] = labels
        elif what == "drop" and group is not None and mark in there:
            held.groups.drop(group, mark)
            assert held.groups.holders("t", mark) == ()
            del there[mark]
        elif group is not None:
            ordered = sorted(there.values(), key=cmp_to_key(compare))
            assert [alert.labels for alert in held.alerts_of(group)] == ordered
    for group in held.groups:
        ordered = sorted(there.values(), key=cmp_to_key(compare))
        assert [alert.labels for alert in held.alerts_of(group)] == ordered
        assert all(held.groups.holders("t", mark) == (group.id,) for mark in there)


def test_a_few_new_alerts_are_placed_and_not_all_sorted_again() -> None:
    held = Holding(config(SIMPLE), DEFAULT_LIMITS)
    for number in range(200):
        labels = {"alertname": "X", "i": f"{number:03}"}
        held.insert(StoredAlert("t", fingerprint(labels), labels, {}, 0, 1, 0, 1), 0)
    (group,) = held.groups
    held.alerts_of(group)
    asked: list[str] = []

    def key(mark: str) -> str:
        asked.append(mark)
        return held.alerts["t", mark].labels["i"]

    labels = {"alertname": "X", "i": "0555"}
    held.insert(StoredAlert("t", fingerprint(labels), labels, {}, 0, 1, 0, 1), 0)
    order = group.in_order(key)
    assert [held.alerts["t", mark].labels["i"] for mark in order].index("0555") == 56
    assert len(asked) < 20
