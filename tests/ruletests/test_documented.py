"""rules/README.md says what the reader knows, and its example passes."""

import re
from pathlib import Path

import pytest

from engine.ruletests import TEST_CODES, read_tests, run_tests, show_text

README = (Path(__file__).parents[2] / "rules/README.md").read_text("utf-8")
SECTION = README[README.index("## Tests of rules") : README.index("## Findings")]


@pytest.mark.parametrize("code", sorted(TEST_CODES))
def test_every_code_is_listed_with_its_meaning(code: str) -> None:
    assert f"| `{code}` | {TEST_CODES[code]} |" in SECTION


def test_no_code_is_listed_that_does_not_exist() -> None:
    assert set(re.findall(r"^\| `(test-[a-z-]+)` \|", SECTION, re.MULTILINE)) == set(TEST_CODES)


def test_the_example_passes(tmp_path: Path) -> None:
    (test,) = re.findall(r"```yaml\n(rule_files:.*?)```", SECTION, re.DOTALL)
    rules = re.findall(r"```yaml\n(groups:.*?)```", README, re.DOTALL)
    (errors,) = [one for one in rules if "alert: ErrorRatio" in one]
    (tmp_path / "payments.yml").write_text(errors)
    assert read_tests(test, "t.yml")[1] == []
    report = run_tests(str(tmp_path / "t.yml"), test)
    assert report.passed, show_text([report])
    assert len(report.outcomes) == 2
    failing = run_tests(str(tmp_path / "t.yml"), test.replace("severity: page", "severity: x"))
    pictured = re.search(r"```\n(FAILED.*?)```", SECTION, re.DOTALL)
    assert pictured is not None
    shown = show_text([failing]).replace(str(tmp_path) + "/", "")
    shown = shown.replace(" x  ", " page  ").replace("t.yml", "tests.yml")
    assert shown.splitlines()[0] == pictured[1].splitlines()[0]
    assert shown.splitlines()[1] == pictured[1].splitlines()[1]
