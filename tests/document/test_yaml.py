"""YAML texts: the tree with its positions, and what is wrong with a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document import (
    DOCUMENT_CODES,
    ListNode,
    MapNode,
    ScalarNode,
    Span,
    load_yaml,
)


def found(text: str) -> list[tuple[int, int, str]]:
    return [(f.line, f.column, f.code) for f in load_yaml(text, "f.yml")[1]]


def value_at(text: str, *path: str | int) -> ScalarNode:
    node, findings = load_yaml(text, "f.yml")
    assert not findings
    for step in path:
        if isinstance(step, int):
            assert isinstance(node, ListNode)
            node = node.elements[step]
        else:
            assert isinstance(node, MapNode)
            node = node.get(step)
    assert isinstance(node, ScalarNode)
    return node


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1), ("-12", -12), ("0x1f", 31), ("0o17", 15), ("1.5", 1.5), ("1e3", 1000.0),
        ("true", True), ("False", False), ("null", None), ("~", None),
        # What YAML 1.1 reads as truth values, sexagesimal numbers and octals is text here.
        ("on", "on"), ("yes", "yes"), ("no", "no"), ("1:30", "1:30"), ("1_000", "1_000"),
        ("5m", "5m"), ("'1'", "1"), ('"true"', "true"), ("!!str 1", "1"), ("9" * 400, float("inf")),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    node = value_at(f"key: {written}", "key")
    assert node.value == value
    assert type(node.value) is type(value)


def test_numbers_keep_the_text_they_were_written_as() -> None:
    assert value_at("severity: 007", "severity").text == "007"


@pytest.mark.parametrize(
    ("text", "word", "line", "column"),
    [
        ("a: errors > 10", "10", 1, 13),
        ('a: "err\\"ors > 10"', "10", 1, 16),
        ("a: 'it''s > 10'", "10", 1, 13),
        ("a: |-\n  errors > 1\n  and users > 10\n", "users", 3, 7),
        ("a: >\n  errors > 1\n\n  and users > 10\n", "users", 4, 7),
        ("a: errors > 1\n   and users > 10", "users", 2, 8),
        ("a: x > 1 and x > 2 and y", "y", 1, 24),
    ],
)
def test_a_place_inside_a_text_is_found_in_the_file(
    text: str, word: str, line: int, column: int
) -> None:
    node = value_at(text, "a")
    assert node.at(node.text.rindex(word), len(word)) == Span(line, column, len(word))


def test_the_second_of_two_equal_words_is_the_one_pointed_at() -> None:
    node = value_at('a: "users > 1 and \\"x\\" or users < 5"', "a")
    assert node.at(node.text.rindex("users"), 5).column == 28


def test_aliases_and_merges_are_written_out() -> None:
    text = "base: &b {a: 1, b: 2}\nrule:\n  <<: *b\n  b: 3\n"
    assert value_at(text, "rule", "a").value == 1
    assert value_at(text, "rule", "b").value == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, 1, "yaml-duplicate-key")]),
        ("a: [1, 2\n", [(1, 8, "yaml-syntax")]),
        ("a:\n\t- b\n", [(2, 1, "yaml-syntax")]),
        ("a: &x [*x]", [(1, 8, "yaml-alias")]),
        ("a: *nothing", [(1, 4, "yaml-alias")]),
        ("a: !python/object:os.system x", [(1, 4, "yaml-tag")]),
        ("a: 1\n---\nb: 2\n", [(2, 1, "yaml-documents")]),
        ("[1, 2]: a", [(1, 1, "yaml-key")]),
        ("<<: 3", [(1, 1, "yaml-key")]),
        ("a: \udc80", [(1, 1, "yaml-encoding")]),
        ("[" * 100_000, [(1, 42, "yaml-limit")]),
    ],
)
def test_mistakes_are_findings_where_they_are(
    text: str, expected: list[tuple[int, int, str]]
) -> None:
    assert found(text) == expected


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert [code for _, _, code in found("\n".join(lines))] == ["yaml-limit"]


def test_a_file_that_is_too_long_is_not_parsed() -> None:
    node, findings = load_yaml("a: " + "x" * 100, "f.yml", bytes_max=50)
    assert node is None
    assert [f.code for f in findings] == ["yaml-limit"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "\ufeff"])
def test_an_empty_document_is_no_mistake(text: str) -> None:
    assert load_yaml(text, "f.yml") == (None, [])


def test_a_selector_in_braces_gets_the_remedy() -> None:
    (finding,) = load_yaml('rules:\n- logs: {service="x"} |= "y"\n', "f.yml")[1]
    assert finding.line == 2
    assert "quote the selector" in finding.help


@given(st.text() | st.text(alphabet="{}[]:-,&*!|>'\"%@` \n\tab1#<?~.", max_size=80))
def test_nothing_raises_and_every_finding_is_documented_and_inside_the_file(text: str) -> None:
    node, findings = load_yaml(text, "f.yml")
    lines = text.count("\n") + text.count("\r") + sum(map(text.count, "\x85\u2028\u2029")) + 1
    for finding in findings:
        assert finding.code in DOCUMENT_CODES
        assert 1 <= finding.line <= lines + 1
        assert finding.column >= 1
    assert findings or node is None or node.span.line <= lines
