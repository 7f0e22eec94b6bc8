"""limitk and limit_ratio pick rows by their labels."""

import random

import pytest

from engine.vector import EvaluationError, label_set
from engine.vector.sampling import label_hash
from tests.vector.asking import ask, noted, store

GROUPS = {f'm{{g="{g}",i="{i}"}}': [g * 10 + i] for g in range(3) for i in range(8)}


def picked(text, series=None):
    return set(ask(text, store(series or GROUPS)))


def test_limitk_takes_the_first_by_labels():
    want = {
        label_set({"__name__": "m", "g": str(g), "i": str(i)}) for g in range(3) for i in (0, 1)
    }
    assert picked("limitk by (g) (2, m)") == want
    assert len(picked("limitk(1, m)")) == 1
    assert picked("limitk(0.9, m)") == picked("limitk(-1, m)") == set()
    assert picked("limitk(1e6, m)") == picked("m")


@pytest.mark.parametrize("text", ["limitk(5, m)", "limitk by (g) (3, m)", "limit_ratio(0.4, m)"])
def test_the_order_of_arrival_is_nothing(text):
    names = list(GROUPS)
    random.Random(7).shuffle(names)
    assert picked(text) == picked(text, {name: GROUPS[name] for name in names})


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.37, 0.5, 0.9, 1.0])
def test_ratios_are_complements(ratio):
    part, rest = picked(f"limit_ratio({ratio}, m)"), picked(f"limit_ratio({ratio - 1}, m)")
    assert part | rest == picked("m")
    if 0 < ratio < 1:
        assert not part & rest


def test_annotations_and_errors():
    source = store(GROUPS)
    text = "PromQL warning: ratio value should be between -1 and 1, got "
    assert noted("limit_ratio(1.5, m)", source) == ([f"{text}1.5, capping to 1 (1:13)"], [])
    assert noted("limit_ratio(-3, m)", source) == ([f"{text}-3, capping to -1 (1:13)"], [])
    assert picked("limit_ratio(1.5, m)") == picked("limit_ratio(-3, m)") == picked("m")
    with pytest.raises(EvaluationError, match="Ratio value is NaN"):
        ask("limit_ratio(NaN, m)", source)
    with pytest.raises(EvaluationError, match="Parameter value is NaN"):
        ask("limitk(NaN, m)", source)
    with pytest.raises(EvaluationError, match="Scalar value 1e\\+20 overflows int64"):
        ask("limitk(1e20, m)", source)


@pytest.mark.parametrize(
    ("labels", "want"),
    [
        ({}, 17241709254077376921),
        ({"a": "b"}, 16273691451497933585),
        (
            {"__name__": "http_requests", "group": "canary", "instance": "0", "job": "api-server"},
            18045460440772787801,
        ),
        ({"__name__": "up", "é": "ü"}, 16364303812458128496),
        ({"__name__": "long", "u": "z" * 254, "v": "x" * 300, "w": "y" * 255}, 7417062981201616972),
    ],
)
def test_the_hash_is_that_of_prometheus(labels, want):
    """Numbers printed by Prometheus 3.15's own Labels.Hash."""
    assert label_hash(label_set(labels)) == want
