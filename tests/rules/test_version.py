"""Digests: a rule's version is its meaning, a set's digest is its files."""

import pytest

from engine.rules import load
from tests.rules.checking import good, one, rule

BASE = {
    "by": "[a, b]", "compute": "{v: sum(), w: max()}", "recover": "w < 1",
    "labels": "{x: '1', y: '2'}", "metrics": "'m{p=\"1\", q=\"2\"}'",
}  # fmt: skip


@pytest.mark.parametrize(
    "keys",
    [
        {"by": "[b, a]"}, {"by": "\n    - a\n    - b"}, {"compute": "{w: max(), v: sum()}"},
        {"when": "((v) > 1.0)"}, {"labels": "{y: '2', x: \"1\"}"}, {"for": "0s"},
        {"metrics": "'m{q=\"2\",p=\"1\",}'"}, {"no_data": "ok"}, {"window": "{tumbling: 60s}"},
    ],
)  # fmt: skip
def test_another_way_to_say_the_same_is_the_same_version(keys: dict[str, str]) -> None:
    assert rule(one(**{**BASE, **keys})).version == rule(one(**BASE)).version


@pytest.mark.parametrize(
    "keys",
    [
        {"by": "[a]", "recover": "w < 1"}, {"when": "v > 2"}, {"when": "v >= 1"},
        {"when": "{warning: v > 1}"}, {"recover": "w < 2"}, {"for": "1s"}, {"id": "x"},
        {"keep_firing_for": "1s"}, {"evaluate": "arrival"}, {"no_data": "keep"}, {"tenant": "t"},
        {"labels": "{x: '1'}"}, {"annotations": "{s: a}"}, {"window": "{tumbling: 61s}"},
        {"window": "{sliding: 1m, every: 1m}"}, {"metrics": "'m{p=\"1\", q!=\"2\"}'"},
        {"compute": "{v: sum(), w: min()}"}, {"alert": "B", "id": "g/A"},
        {"when": "-(v + 1) > 1"},
    ],
)  # fmt: skip
def test_another_meaning_is_another_version(keys: dict[str, str]) -> None:
    assert rule(one(**{**BASE, **keys})).version != rule(one(**BASE)).version


def test_brackets_that_matter_are_in_the_version() -> None:
    # Two trees that a careless printer would write alike.
    one_way = rule(one(when="-(v + 1) > 1")).version
    assert one_way != rule(one(when="-v + 1 > 1")).version


def test_levels_rise_in_the_order_written() -> None:
    up = rule(one(when="{a: v > 1, b: v > 2}"))
    down = rule(one(when="{b: v > 2, a: v > 1}"))
    assert [level.name for level in down.levels] == ["b", "a"]
    assert up.version != down.version


def test_where_a_rule_stands_is_no_part_of_it() -> None:
    rules, _ = load({"elsewhere.yml": "# a comment\n\n" + one()})
    assert rules is not None
    assert rules.rules[0].version == rule(one()).version


def test_the_sets_digest_follows_paths_and_texts() -> None:
    same = [load({"a.yml": one(), "b.yml": ""})[0], load({"b.yml": "", "a.yml": one()})[0]]
    assert len({found.digest for found in same if found}) == 1
    others = [{"a.yml": one()}, {"c.yml": one(), "b.yml": ""}, {"a.yml": one() + "#", "b.yml": ""}]
    digests = {found.digest for files in others if (found := load(files)[0])}
    assert len(digests | {same[0].digest if same[0] else ""}) == 4


def test_the_set_holds_the_texts_it_was_read_from() -> None:
    assert good(one()).files == {"r.yml": one()}
