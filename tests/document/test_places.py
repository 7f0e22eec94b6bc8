"""Where each character of a value stands in the file, in every way that YAML writes one."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.document import MapNode, ScalarNode, Span, load_yaml

EXPRESSION = 'up{job="api"} == 0\n  and on (instance)\n    rate(x[5m]) > "é\'🙂"\n'


def value(text: str) -> ScalarNode:
    node, findings = load_yaml(text, "f.yml")
    assert not findings
    assert isinstance(node, MapNode)
    found = node.get("expr")
    assert isinstance(found, ScalarNode)
    return found


def shown(text: str, span: Span) -> str:
    line = text.split("\n")[span.line - 1]
    return line[span.column - 1 : span.column - 1 + span.length]


@pytest.mark.parametrize("style", ["|", "|-", "|+", ">", ">-", ">+", "|2", ">2-", "| # hint"])
def test_every_word_of_a_block_is_found_on_its_line(style: str) -> None:
    text = (
        "a: 1\nexpr: "
        + style
        + "\n"
        + "".join(f"  {line}\n" for line in EXPRESSION.splitlines())
        + "b: 2\n"
    )
    node = value(text)
    for word in ("up", '"api"', "== 0", "and", "(instance)", "rate", "[5m]", "é", "🙂"):
        span = node.at(node.text.index(word), len(word))
        assert shown(text, span) == word
        assert text.split("\n")[span.line - 1].count(word) == 1
    end = node.at(len(node.text.rstrip("\n")), 0)
    assert text.split("\n")[end.line - 1][: end.column - 1].endswith('🙂"')


def test_blank_lines_and_deeper_lines_do_not_shift_what_follows() -> None:
    text = "x:\n  expr: |\n\n    sum(\n\n      a\n\n    ) > b\n"
    node, _ = load_yaml(text, "f.yml")
    assert isinstance(node, MapNode)
    inner = node.get("x")
    assert isinstance(inner, MapNode)
    found = inner.get("expr")
    assert isinstance(found, ScalarNode)
    assert found.text == "\nsum(\n\n  a\n\n) > b\n"
    assert found.at(found.text.index("b"), 1) == Span(8, 9, 1)
    assert found.at(found.text.index("a"), 1) == Span(6, 7, 1)


def test_windows_line_ends() -> None:
    text = "expr: |\r\n  a +\r\n  bcd\r\n"
    assert value(text).at(4, 3) == Span(3, 3, 3)


def test_what_goes_over_a_line_is_shown_to_its_end() -> None:
    text = "expr: |\n  sum(a\n    by)\n"
    assert value(text).at(4, 8) == Span(2, 7, 1)


@settings(max_examples=400)
@given(
    st.text(alphabet="ab \n\t'\"\\:#-é🙂|>", max_size=40),
    st.sampled_from(["'", '"', "|", ">", None]),
)
def test_every_visible_character_is_where_it_is_said_to_be(text: str, style: str | None) -> None:
    """PyYAML writes the text in a style of its choice, folded at 20 columns; we read it back."""
    written = yaml.dump({"expr": text}, default_style=style, width=20, allow_unicode=True)
    node, _ = load_yaml(written, "f.yml")
    assert isinstance(node, MapNode)
    found = node.get("expr") or node.entries[0].value
    assert isinstance(found, ScalarNode)
    assert found.text == text
    for offset, character in enumerate(text):
        if character in " \n\t":
            continue
        place = shown(written, found.at(offset, 1))
        assert place[:1] == character or place[:1] in "\\'", (written, offset)
