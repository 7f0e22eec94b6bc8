"""Patterns match whole texts as RE2 does, and end whatever they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.series import Matcher, compiled

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "(a|b)", "(a)", "x?", "ab", r"\d", "^", "$"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,3}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("abx1\n", max_size=12))
def test_the_answer_is_that_of_a_backtracking_matcher(pattern: str, text: str) -> None:
    wanted = re.fullmatch(pattern, text, re.DOTALL)
    assert (compiled(pattern).match(text) is not None) == (wanted is not None)


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+b", "(.*)*b", "(a?){30}a{30}", "(x+x+)+y"])
def test_what_explodes_elsewhere_ends_here(pattern: str) -> None:
    """Python's own matcher needs more than a lifetime for the first of them."""
    assert not Matcher("l", "=~", pattern).matches({"l": "a" * 2_000 + "!"})
    assert compiled("(a+)+").match("a" * 2_000)


def test_a_long_text_by_the_machine_has_its_groups() -> None:
    found = compiled("(?P<head>.*)-(.*)-(.*)-(x*)").match("a" * 900 + "-b-c-")
    assert found is not None
    assert (found["head"], found[2], found[3], found[4]) == ("a" * 900, "b", "c", "")
    with pytest.raises(IndexError):
        found["tail"]
    assert compiled("(?P<head>a)|b").match("b")["head"] is None  # type: ignore[index]


def test_the_whole_text_or_nothing() -> None:
    for pattern, text in (("b+", "abb"), ("a|ab", "abc"), ("a.*b.*c.*d", "x" + "abcd" * 400)):
        assert compiled(pattern).match(text) is None
    assert compiled("a|ab").match("ab")
    assert compiled(".*").match("a\nb")


@pytest.mark.parametrize("pattern", ["a.*b", "(a|b)*c", ".*a.*b.*", "(a+)+", "x(ab?)*"])
def test_short_and_long_texts_are_judged_alike(pattern: str) -> None:
    """Where `re` is left for the machine nothing changes."""
    anchored = compiled(pattern)
    for size in (0, 1, 2, 35, 36, 37, 1_412, 1_413, 1_414, 3_000):
        for text in ("a" * size, "a" * size + "b", "b" * size + "c", "x" + "ab" * (size // 2)):
            wanted = anchored.match(text) is not None
            assert anchored.accepts(text) is wanted
            if size < 20:
                assert (re.fullmatch(pattern, text, re.DOTALL) is not None) is wanted
