"""What amtool 0.34 answered, recorded (see record.py): every template gives the same, or fails."""

import json
from typing import Any

import pytest

from tests.templating.asking import INPUTS, ours
from tests.templating.record import ANSWERS

_CASES: list[dict[str, Any]] = json.loads(ANSWERS.read_text("utf-8"))


@pytest.mark.parametrize("is_html", [False, True], ids=["text", "html"])
def test_answers_are_the_same(is_html: bool) -> None:
    cases = [case for case in _CASES if case["html"] is is_html]
    assert len(cases) > 150
    wrong = [
        (case["template"], case["answer"], got)
        for case in cases
        if (got := ours(case["template"], is_html, INPUTS[case["data"]])) != case["answer"]
    ]
    assert not wrong


def test_the_answers_are_no_row_of_failures() -> None:
    for is_html in (False, True):
        cases = [case for case in _CASES if case["html"] is is_html]
        assert 0.3 < sum(case["answer"] is not None for case in cases) / len(cases) < 0.9
