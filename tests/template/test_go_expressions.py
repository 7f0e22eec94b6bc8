"""Two ways to match: Python's `re` where that is quick, a machine without backtracking else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.template.budget import Budget
from engine.template.go.errors import Failure
from engine.template.go.expressions import compiled, find, replace

_ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "\\b", "^", "$", "\\w", "a?", "(?i:A)", "é", "\\d", "(?m:^)",
     "(?m:$)", "(?s:.)", "\\B", "[[:alpha:]]", "\\pL"]
)  # fmt: skip


def _grown(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}?"])
    return st.one_of(
        st.tuples(part, part).map("".join),
        st.tuples(part, part).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        part.map(lambda one: f"({one})"),
        st.tuples(part, counts).map(lambda two: f"(?:{two[0]}){two[1]}"),
    )


@settings(max_examples=300)
@given(st.recursive(_ATOMS, _grown, max_leaves=8), st.text("abA1 \né", max_size=8))
def test_both_ways_find_the_same(pattern: str, text: str) -> None:
    expression = compiled(pattern)
    quick = expression.pattern.search(text)
    slow = expression.slow().search(text, 0, lambda _steps: None)
    assert slow == (None if quick is None else tuple(at for span in quick.regs for at in span))


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [("(a|ab)(c|bcd)(d*)", "abcd", (0, 4)), ("(a+)(b+)", "xaabb", (1, 5)), ("", "", (0, 0)),
     ("a*?", "aa", (0, 0)), ("(|a)*", "aa", (0, 0)), ("x", "y", None)],
)  # fmt: skip
def test_the_leftmost_preferred_match_counts(
    pattern: str, text: str, spans: tuple[int, int] | None
) -> None:
    found = compiled(pattern).slow().search(text, 0, lambda _steps: None)
    assert (found and found[:2]) == spans


def test_hard_expressions_take_the_machine_and_end() -> None:
    budget = Budget(10_000_000)
    assert find("^(a|a)*$", "a" * 3_000, budget)
    assert replace("(x+x+)+y", "-", "x" * 500 + "y", budget) == "-"


@pytest.mark.parametrize(
    "pattern", ["(", "a**", "(?=a)", "\\1", "a{1001}", "[z-a]", "(?<n", "x" * 5000]
)
def test_what_re2_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(Failure):
        compiled(pattern)
