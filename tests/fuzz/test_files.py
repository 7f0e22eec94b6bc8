"""Rule files and unit-test files of real projects, damaged: findings, and never an exception."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.rules import compile_plan, load
from engine.ruletests import read_tests
from tests.fuzz.damage import damaged
from tests.rules.corpora import rule_files

BYTES_MAX = 3_000  # damage that does not matter is slow
OFTEN = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip


def small(*folders: str) -> list[str]:
    return [text for _, text in rule_files(*folders) if len(text) <= BYTES_MAX]


RULE_FILES = small("rules-awesome", "rules-mixins-website", "rules-misc", "promtool")
TEST_FILES = [
    text
    for text in small("ruletests", "ruletests-giantswarm", "promtool")
    if "input_series" in text
]


@pytest.mark.skipif(not RULE_FILES, reason="no corpora/rules-* and corpora/promtool")
@OFTEN
@given(st.data())
def test_a_damaged_rule_file_gives_findings_or_a_plan(data: st.DataObject) -> None:
    text = data.draw(damaged(RULE_FILES))
    rules, findings = load({"r.yml": text})
    if rules is None:
        assert any(finding.severity == "error" for finding in findings)
    else:
        assert compile_plan(rules, DEFAULT_LIMITS) == compile_plan(rules, DEFAULT_LIMITS)
    for finding in findings:
        assert finding.line >= 1, finding
        assert finding.column >= 1, finding


@pytest.mark.skipif(not TEST_FILES, reason="no corpora/ruletests and corpora/promtool")
@OFTEN
@given(st.data())
def test_a_damaged_unit_test_file_gives_findings_or_tests(data: st.DataObject) -> None:
    text = data.draw(damaged(TEST_FILES))
    tests, findings = read_tests(text, "t.yml")
    assert (tests is None) == any(finding.severity == "error" for finding in findings)
