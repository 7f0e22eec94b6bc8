"""READING.md says what a reader learns from five messages: each word is in the message."""

import re

import pytest

from tests.channels.golden import ROOT

PAGE = (ROOT / "READING.md").read_text(encoding="utf-8")
QUESTIONS = (
    "what?", "where?", "since when?", "how bad, against which threshold?", "what changed?",
    "what to do?",
)  # fmt: skip
SECTIONS = dict(re.findall(r"^## (\w+/\w+\.\w+)\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE))


def test_five_messages_are_read():
    assert len(SECTIONS) == 5


@pytest.mark.parametrize("name", SECTIONS)
def test_every_answer_is_in_the_message(name):
    message = (ROOT / name).read_text(encoding="utf-8")
    answers = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", SECTIONS[name], re.MULTILINE))
    answers.pop("question")
    assert tuple(answers) == QUESTIONS
    for answer in answers.values():
        for quoted in re.findall(r"`([^`]+)`", answer):
            if "says no" in answer:
                assert quoted not in message
            else:
                assert quoted in message
