"""Made-up templates, rendered by the real amtool and by us: the same text, or both refuse.

`MADE_UP_SEED=n` makes the same ones again; `MADE_UP_CASES=n` more of them.
"""

import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.peers import peer
from tests.templating import inventing
from tests.templating.asking import DATA, ours, theirs

SEED = int(os.environ.get("MADE_UP_SEED") or secrets.randbelow(1_000_000))
CASES = int(os.environ.get("MADE_UP_CASES") or 150)

pytestmark = [pytest.mark.real("amtool"), pytest.mark.slow]


@pytest.mark.parametrize(
    ("make", "is_html"), [(inventing.text, False), (inventing.html, True)], ids=["text", "html"]
)
def test_the_same_text_or_both_refuse(make: Callable[[Random], str], is_html: bool) -> None:
    amtool, random = peer("amtool"), Random(f"{SEED} {is_html}")
    templates = [make(random) for _ in range(CASES)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda each: _theirs(amtool, each, is_html), templates))
    wrong = {
        template: (answer, got)
        for template, answer in zip(templates, answers)
        if (got := ours(template, is_html, DATA)) != answer
    }
    assert not wrong, f"MADE_UP_SEED={SEED}: {min(wrong.items(), key=lambda each: len(each[0]))}"
    assert sum(answer is not None for answer in answers) > CASES / 10, "some must be sound"


def _theirs(amtool: Path, template: str, is_html: bool) -> str | None:
    return theirs(amtool, template, is_html, DATA)
