"""Alerts as Alertmanager sees them: fingerprints, merging, order."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import PostedAlert
from notifiers.alert import StoredAlert, fingerprint, from_posted, merge, order_key
from tests.notifiers import corpora

_labels = st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=5)


def test_fingerprints_are_alertmanagers() -> None:
    for case in corpora.scenario("api/fingerprints.yaml")["cases"]:
        assert fingerprint(case["labels"]) == case["fingerprint"]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"severity": "warning", "job": "foo"}, "9266ef3da838ad95"),
        ({"alertname": "alert1", "severity": "critical"}, "0223b772b51c29e1"),
        ({}, "cbf29ce484222325"),
    ],
)
def test_known_fingerprints(labels: dict[str, str], wanted: str) -> None:
    assert fingerprint(labels) == wanted


@given(_labels)
def test_fingerprints_agree_with_the_naive_twin(labels: dict[str, str]) -> None:
    total = 0xCBF29CE484222325
    text = b""
    for name, value in sorted(labels.items(), key=lambda pair: pair[0].encode()):
        text += name.encode() + bytes([255]) + value.encode() + bytes([255])
    for byte in text:
        total = ((total ^ byte) * 0x100000001B3) % 2**64
    assert fingerprint(labels) == format(total, "016x")


def _posted(case: Any) -> StoredAlert:
    now_ms = 10_000_000
    record = PostedAlert(
        tenant="default", labels={"a": "b"}, annotations={}, generator_url="",
        starts_at_ms=now_ms + case["starts"] * 1000, ends_at_ms=now_ms + case["ends"] * 1000,
        timeout=case.get("ends_by_timeout", False), arrival_ms=now_ms + case["updated"] * 1000,
    )  # fmt: skip
    return from_posted(record, case["updated"])


def test_merging_is_alertmanagers_and_symmetric() -> None:
    for case in corpora.scenario("merge.yaml")["cases"]:
        one, other = _posted(case["a"]), _posted(case["b"])
        for merged in (merge(one, other), merge(other, one)):
            assert {
                "starts": merged.starts_at_ms // 1000 - 10_000,
                "ends": merged.ends_at_ms // 1000 - 10_000,
                "ends_by_timeout": merged.timeout,
            } == case["merged"]


def test_the_order_is_alertmanagers() -> None:
    wanted = [
        {"job": "a", "instance": "1"},
        {"job": "a", "instance": "2"},
        {"job": "a"},
        {"job": "b", "x": "1"},
        {"instance": "1", "a": "1"},
        {"z": "1"},
        {"a": "1", "b": "0"},
        {"a": "1", "b": "2"},
        {"a": "2", "b": "1"},
    ]
    # Fewer labels come first; of equally many, the one that lacks a name comes first.
    shuffled = random.Random(1).sample(wanted, len(wanted))
    assert sorted(shuffled, key=order_key) == wanted


def _before(one: dict[str, str], other: dict[str, str]) -> int:
    """Compare two label sets as Prometheus's LabelSet.Before, word by word."""
    if len(one) != len(other):
        return -1 if len(one) < len(other) else 1
    for name in sorted(one.keys() | other.keys()):
        if name not in one:
            return -1
        if name not in other:
            return 1
        if one[name] != other[name]:
            return -1 if one[name] < other[name] else 1
    return 0


_few = st.dictionaries(st.text("abc", max_size=3), st.text("xy", max_size=2), max_size=4)


@given(_few, _few)
def test_the_order_of_label_sets_agrees_with_the_naive_twin(
    one: dict[str, str], other: dict[str, str]
) -> None:
    keys = order_key(one), order_key(other)
    assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == _before(one, other)
