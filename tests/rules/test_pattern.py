"""Regular expressions: RE2's language, nothing that may take for ever."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import load
from tests.rules.checking import check, one, rule, underlined


def with_filter(pattern: str) -> str:
    quoted = pattern.replace("'", "''")
    return one(logs=f"'{{a=\"b\"}} |~ `{quoted}`'")


@pytest.mark.parametrize(
    "pattern",
    ["timeout|panic", r"^\d+ ms$", r"(?i)error", r"(?i:err)or", r"[a-z]+@[a-z]+\.[a-z]{2,3}",
     r"(\w+\.)+com", r"(?:GET|POST) /\S*", r"(foo|bar)*", r"a{2,5}b+", r"(?P<code>5\d\d)",
     r"[^\]]+", r"[]a]", r"\[ERROR\]", r"end\z", r"(\d{1,3}\.){3}\d{1,3}", r"a??b*?", r"v\d+(\.\d+)*", r"(, \w+)*", r"(\w+\s)+", r"([a-z]+[A-Z])*", r"(a|b)*c",
     r"(ab|cd+)*"],
)  # fmt: skip
def test_usual_patterns_pass(pattern: str) -> None:
    assert rule(with_filter(pattern)).input.line_filters[0].operator == "|~"


@pytest.mark.parametrize(
    ("pattern", "finding"),
    [
        ("(a", "regex: ("),
        ("a)", "regex: )"),
        ("*a", "regex: *"),
        ("[a", "regex: ["),
        (r"(a)\1", r"regex: \1"),
        ("a(?=b)", "regex: (?="),
        ("(?<!a)b", "regex: (?<!"),
        ("(?>a)b", "regex: (?>"),
        ("a++", "regex: ++"),
        ("(?P<n>a)(?P=n)", "regex: (?P="),
        ("[[:alpha:]]", "regex: [[:"),
        ("(a+)+", "regex-cost: (a+)+"),
        ("x(a*)*y", "regex-cost: x(a*)*y"),
        ("(.*)*", "regex-cost: (.*)*"),
        (r"(\s*\w+)*;", r"regex-cost: (\s*\w+)*;"),
        ("((a+)b?){2,}", "regex-cost: ((a+)b?){2,}"),
        ("(a|b+)+", "regex-cost: (a|b+)+"),
        ("(b+|a)+", "regex-cost: (b+|a)+"),
        ("([a-z]+){10}", "regex-cost: ([a-z]+){10}"),
        ("(?i)([a-z]+[A-Z])*", "regex-cost: (?i)([a-z]+[A-Z])*"),
        (r"(\d{3}|\w)*;", r"regex-cost: (\d{3}|\w)*;"),
        ("(.*,)*x", "regex-cost: (.*,)*x"),
        ("(a?){20}a{20}", "regex-cost: (a?){20}a{20}"),
    ],
)
def test_others_are_refused_with_a_caret(pattern: str, finding: str) -> None:
    check(with_filter(pattern), finding)


def test_escaped_signs_are_no_signs() -> None:
    for pattern in (r"\(\?=", r"a\++", r"\[\[:", r"\(a+\)+"):
        assert underlined(with_filter(pattern)) == []


@given(st.text(alphabet="ab()[]{}*+?|\\^$.,0129:=!<>Pdw", max_size=20))
def test_no_pattern_raises(pattern: str) -> None:
    load({"r.yml": with_filter(pattern)})


@given(st.text(alphabet="ab()*+|?", min_size=3, max_size=10))
def test_what_passes_is_quick_on_a_long_unlucky_line(pattern: str) -> None:
    rules, _ = load({"r.yml": with_filter(pattern)})
    if rules is None:
        return
    compiled = re.compile(rules.rules[0].input.line_filters[0].text)
    start = time.perf_counter()
    compiled.search("ab" * 12 + "a" * 26 + "c")
    assert time.perf_counter() - start < 1.0
