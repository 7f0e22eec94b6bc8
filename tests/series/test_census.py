"""A census counts what a look at every series would."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from engine.series import (
    Census,
    Matcher,
    Selector,
    canonical,
    count_together,
    selects,
    series_key,
    sketch_of,
)
from engine.series.census import SKETCH

NAMES = st.sampled_from(["up", "down", "a\x1fb", "ü"])
VALUES = st.sampled_from(["", "1", "2", "x y"])
LABELS = st.fixed_dictionaries({"__name__": NAMES, "job": VALUES, "z": VALUES})
MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["job", "z", "Other"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["1", "", "1|2", ".+"]),
)


def never() -> bool:
    return False


def forms(sets: list[dict[str, str]], tenant: str = "default") -> tuple[list[bytes], list[bytes]]:
    raw = [canonical(tenant, labels) for labels in sets]
    return [series_key(b"s", form) for form in raw], raw


@given(
    st.lists(st.lists(LABELS, max_size=20), min_size=1, max_size=3),
    st.lists(st.tuples(NAMES, st.lists(MATCHERS, max_size=3)), min_size=1, max_size=4),
)
def test_as_many_as_a_look_at_each(
    holders: list[list[dict[str, str]]], asked: list[tuple[str, list[Matcher]]]
) -> None:
    selectors: list[Selector] = [
        (Matcher("__name__", "=", name), *matchers) for name, matchers in asked
    ]
    found = Census("default", selectors)
    for holder, sets in enumerate(holders):
        found.take(holder, *forms(sets), never)
    found.take(9, *forms(holders[0], "another"), never)
    every = {canonical("", labels): labels for sets in holders for labels in sets}.values()
    for met, selector in zip(found.met, selectors):
        of_metric = [labels for labels in every if labels["__name__"] == met.name]
        assert len(met.metric) == len(of_metric)
        assert len(met.series) == sum(selects(selector, labels) for labels in of_metric)
        for one in met.matchers:
            name = one.matcher.name
            assert one.labelled == sum(bool(labels.get(name)) for labels in of_metric)
            assert one.passed == sum(one.matcher.matches(labels) for labels in of_metric)
            assert one.values == {labels[name] for labels in of_metric if labels.get(name)}
        for holder, positions in met.held.items():
            assert all(selects(selector, holders[holder][at]) for at in positions)


def test_it_stops_when_told_to() -> None:
    found = Census("default", [(Matcher("__name__", "=", "up"),)])
    asked = iter([False, True])
    found.take(
        0, *forms([{"__name__": "up", "n": str(n)} for n in range(3000)]), lambda: next(asked)
    )
    assert not found.whole
    assert len(found.met[0].series) == 1000


def test_counting_together() -> None:
    hashes = [
        int.from_bytes(hashlib.blake2b(bytes([n // 256, n % 256])).digest()[:8])
        for n in range(8000)
    ]
    assert count_together([]) == (0, True)
    assert count_together([sketch_of(hashes[:30]), sketch_of(hashes[20:50])]) == (50, True)
    assert len(sketch_of(hashes)) == SKETCH
    number, exact = count_together([sketch_of(hashes[:5000]), sketch_of(hashes[3000:])])
    assert not exact
    assert abs(number - 8000) < 0.3 * 8000
