"""RE2 by Python: what Go's regexp takes and refuses, and what it matches."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.series import compiled, translate


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a.c", ["abc", "a\nc"], ["ab", "abcd"]),
        ("(?-s)a.c", ["abc"], ["a\nc"]),
        ("a|b", ["a", "b"], ["ab", ""]),
        (".*((?i)DUC).*", ["production", "xDUCx"], ["dud"]),
        ("a(?i)b|c", ["ab", "aB", "c", "C"], ["AB", "A"]),
        ("(?i)a(?-i)b", ["ab", "Ab"], ["AB"]),
        ("((?i)a)b", ["Ab"], ["AB"]),
        ("(?i:a(?-i:b))c", ["Abc"], ["ABc", "abC"]),
        ("[[:alpha:]_]+", ["aZ_"], ["é", "1"]),
        ("[^[:digit:]a]", ["b"], ["a", "1"]),
        (r"\d+\w\s", ["1a ", "12é "[:2] + "\t"], ["١a ", "1é "]),
        (r"\pL\p{Lu}", ["éÉ"], ["1A", "aa"]),
        (r"\PL[^\p{^Lu}]", ["1A"], ["AA", "1a"]),
        (r"\Qa.b\E+", ["a.b", "a.bb"], ["axb", "a.ba.b"]),
        (r"a\z", ["a"], ["a\n"]),
        ("a$", ["a"], ["a\n"]),
        ("(?m)a$\nb", ["a\nb"], ["a"]),
        ("a{,2}", ["a{,2}"], ["a", "aa"]),
        ("a{2,}", ["aa", "aaa"], ["a"]),
        ("{", ["{"], []),
        (r"\x41\x{1F514}\101\a\_", ["A🔔A\a_"], []),
        ("[]a]", ["]", "a"], ["["]),
        ("[a-]", ["a", "-"], ["b"]),
        (r"[\W\d]", ["1", "é"], ["a"]),
        (r"[\-a\]]", ["-", "]"], ["\\"]),
        ("[[a&&b||c~~]", ["[", "&", "|", "~"], ["f", "-"]),
        (r"\bé", [], ["é"]),
        (r"x\b é", ["x é"], []),
        (r"\B", [""], ["a"]),
        ("^*a", ["a"], []),
        ("()*|(|a)", ["", "a"], ["b"]),
        ("(?)a", ["a"], []),
        ("(?U)(a+)(a*)", ["aaa"], []),
    ],
)
def test_it_matches_as_re2_does(pattern: str, matching: list[str], others: list[str]) -> None:
    found = compiled(pattern)
    for text in matching:
        assert found.match(text), (found.pattern, text)
    for text in others:
        assert not found.match(text), (found.pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "(?#c)", "(?P=x)", r"(a)\1", "(?x)a", "(?i-)a",
        "a**", "a*+", "a++", "a??*", "a{2}{3}", "*a", "a|*", "(+)", "(?i)*", "a{1001}", "a{2,1}",
        "(a{100}){11}", "(", ")", "a)(b", "[", "[a", "[z-a]", "[[:foo:]]", r"[a-\d]", r"\Z", r"\G",
        r"\pX", r"\p{Greek}", r"\é", "\\", r"\E", r"[\b]", "(?P<>a)", "(?P<a b>c)", "(?P<x>a)(?P<x>b)",
        r"\x{110000}", r"\xg", "(" * 200 + ")" * 200,
    ],
)  # fmt: skip
def test_what_re2_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(re.error):
        compiled(pattern)


def test_groups_keep_their_numbers_and_names() -> None:
    found = compiled("(?:x)(a)(?P<name>b)(?<other>c)").match("xabc")
    assert found is not None
    assert found.groups() == ("a", "b", "c")
    assert (found["name"], found["other"]) == ("b", "c")


def test_lazy_and_greedy() -> None:
    for pattern, wanted in {
        "(a*)(a*)": ("aa", ""), "(a*?)(a*)": ("", "aa"), "(?U)(a*)(a*?)": ("", "aa"),
        "(a|aa)(a*)": ("a", "a"),
    }.items():  # fmt: skip
        found = compiled(pattern).match("aa")
        assert found is not None
        assert found.groups() == wanted


def test_without_dot_all() -> None:
    for pattern in (".", "(.)"):
        assert re.fullmatch(translate(pattern), "\n", re.DOTALL)
        assert not re.fullmatch(translate(pattern, dot_all=False), "\n", re.DOTALL)
        assert re.fullmatch(translate(pattern, dot_all=False), "x", re.DOTALL)


# What Python and RE2 read alike: Python itself is the twin.
_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\.", "(a)", "(?:b)", "(?i:b)", "a*", "b+?", "(a|b)?", "a{1,2}"])  # fmt: skip
_SHARED = st.lists(_ATOMS, max_size=4).map("".join)


@given(st.lists(_SHARED, min_size=1, max_size=3).map("|".join), st.text("abB.\n", max_size=4))
def test_what_both_read_alike_stays_alike(pattern: str, text: str) -> None:
    ours = compiled(pattern).match(text)
    twin = re.fullmatch(pattern, text, re.DOTALL)
    assert (ours and ours.groups()) == (twin and twin.groups())


@given(st.text(st.sampled_from(r"ab()[]{}*+?|^$\.-:PpQEi<>=!1,"), max_size=12))
def test_any_pattern_compiles_or_is_refused(pattern: str) -> None:
    try:
        compiled(pattern)
    except re.error:
        return
