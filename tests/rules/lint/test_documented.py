"""rules/README.md has every lint, and every check of pint."""

import re
from pathlib import Path

import pytest

from engine.rules.lint import LINT_CODES, LINTS
from tests.rules.lint.linted import linted

README = (Path(__file__).parents[3] / "rules" / "README.md").read_text("utf-8")
SECTION = README[README.index("<!-- lints") : README.index("<!-- /lints -->")]


@pytest.mark.parametrize("code", sorted(LINT_CODES))
def test_every_lint_is_listed_with_its_meaning(code: str) -> None:
    assert f"| `{code}` | {LINT_CODES[code]} |" in SECTION


def test_no_lint_is_listed_that_does_not_exist() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", SECTION, re.MULTILINE)) == set(LINT_CODES)


def test_every_check_of_pint_has_a_word() -> None:
    rows = re.findall(r"^\| ([a-z]+/[a-z_]+) \| (.+) \|$", SECTION, re.MULTILINE)
    assert len(rows) == 36
    told = dict(rows)
    for each in LINTS:
        assert f"`{each.code}`" in told[each.pint]
    verdicts = ("the same", "better", "needs", "not for us", "where a project", "an error at load",
                "not a finding", "by the name", "offsets beyond")  # fmt: skip
    assert [row for row in rows if not row[1].startswith(verdicts)] == []


def test_the_example_is_silent() -> None:
    (example,) = re.findall(r"```yaml\n(groups:.*?)```", SECTION, re.DOTALL)
    assert linted(example) == []
