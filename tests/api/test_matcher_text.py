"""Matchers of a request are bounded; their grammar is tested with engine.series."""

import pytest

from engine.api import MatcherTextError, parse_matcher
from engine.api.matcher_text import parse_matchers


def test_the_longest_matcher_and_one_byte_more() -> None:
    assert parse_matcher("a=" + "b" * 4_094).value == "b" * 4_094
    with pytest.raises(MatcherTextError, match="4096 bytes"):
        parse_matcher("a=" + "b" * 4_095)


def test_the_most_matchers_and_one_more() -> None:
    assert len(parse_matchers(["a=b"] * 64)) == 64
    with pytest.raises(MatcherTextError, match="65"):
        parse_matchers(["a=b"] * 65)
