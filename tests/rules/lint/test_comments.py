"""Comments that switch lints off."""

import pytest

from engine.rules import load
from engine.rules.lint import lint
from tests.rules.lint.linted import codes, linted

RULES = """groups:
- name: g
  rules:
  # first comment
  - alert: A
    expr: up  # second comment
    # third comment
  # fourth comment
  - alert: B
    expr: up
"""


def _with(place: str, comment: str) -> list[str]:
    text = RULES.replace(f"{place} comment", comment)
    return [text.split("\n")[each.line - 1].strip()[:8] for each in linted(text)
            if each.code == "alerts-comparison"]  # fmt: skip


@pytest.mark.parametrize("place", ["first", "second", "third"])
@pytest.mark.parametrize(
    "comment", ["tocsin disable alerts-comparison", "pint disable alerts/comparison"]
)
def test_a_comment_holds_for_its_rule(place: str, comment: str) -> None:
    assert len(_with(place, comment)) == 1
    assert len(_with(place, "nothing")) == 2


def test_a_comment_above_a_rule_is_not_that_of_the_rule_before() -> None:
    text = RULES.replace("fourth comment", "tocsin disable alerts-comparison")
    assert [each.line for each in linted(text)] == [6]


@pytest.mark.parametrize(
    "comment",
    ["tocsin file/disable alerts-comparison", "pint file/disable alerts/comparison",
     "tocsin ignore/file", "pint ignore/file"],
)  # fmt: skip
def test_a_comment_can_hold_for_the_file(comment: str) -> None:
    assert _with("third", comment) == []


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("tocsin disable alerts-comparision", "did you mean alerts-comparison?"),
        ("tocsin disble alerts-comparison", "did you mean disable?"),
        ("tocsin disable", "one of: "),
    ],
)
def test_a_comment_that_says_nothing_known_is_told(comment: str, told: str) -> None:
    found = [each for each in linted(RULES.replace("third comment", comment))
             if each.code == "lint-comment"]  # fmt: skip
    assert len(found) == 1
    assert told in found[0].help


@pytest.mark.parametrize(
    "comment", ["pint disable promql/series", "pint rule/owner bob", "tocsin is the name of this"]
)
def test_other_comments_are_left_alone(comment: str) -> None:
    found = codes(RULES.replace("third comment", comment))
    assert ("lint-comment" in found) == comment.startswith("tocsin")


def test_files_of_objects_and_of_flow_style_have_places() -> None:
    wrapped = "apiVersion: v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:\n" + "".join(
        f"  {line}\n" for line in RULES.split("\n")[:-1]
    )
    assert [each.line for each in linted(wrapped)] == [10, 14]
    flow = '{"groups":[{"name":"g","rules":[{"alert":"A","expr":"up"},{"alert":"B","expr":"up > 1"}]}]}'
    assert [each.code for each in linted(flow)] == ["alerts-comparison", "promql-impossible"]


def test_texts_that_do_not_fit_the_groups_give_warnings_all_the_same() -> None:
    rules, _ = load({"rules.yml": RULES})
    assert rules is not None
    assert {each.line for each in lint(rules.prom, {})} == {5, 9}
