"""One matcher as text: Alertmanager's own cases where the corpora are, and ours."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.series import MatcherTextError, parse_matcher

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
CASES = CORPORA / "alertmanager-scenarios/matchers.yaml"


def read(text: str) -> tuple[str, str, str] | None:
    try:
        matcher = parse_matcher(text)
    except MatcherTextError:
        return None
    return matcher.name, matcher.operator, matcher.value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a=b", ("a", "=", "b")),
        (" a = b ", ("a", "=", "b")),
        ('a!="b c"', ("a", "!=", "b c")),
        ("a=~b.*", ("a", "=~", "b.*")),
        ('"a b"!~"x|y"', ("a b", "!~", "x|y")),
        (r'a="x\ty"', ("a", "=", "x\\ty")),  # both grammars read it: the older one decides
        (r'"a"="x\ty"', ("a", "=", "x\ty")),
        (r'"a"="\xf0\x9f\x99\x82\U0001f642é\101"', ("a", "=", "🙂🙂éA")),
        ("🙂=dΘ", ("🙂", "=", "dΘ")),
        ("a=", ("a", "=", "")),
        ('a=""', ("a", "=", "")),
        ("a=b,c=d", ("a", "=", "b,c=d")),  # as Alertmanager: one matcher, the older grammar
        ("a=b,", ("a", "=", "b,")),
        ("00=b", ("00", "=", "b")),
        ("a", None),
        ("", None),
        ("=b", None),
        ("{a=b}", None),
        ('a="b', None),
        ('a=b"', None),
        ('a="b"c"', None),
        ("a=~(", None),
        ("🙂=~[", None),
        (r'"a"="\xff"', None),
        (r'"a"="\ud800"', None),
        (r'"a"="\q"', None),
        ("🙂=a=b", None),
    ],
)
def test_a_matcher(text: str, wanted: tuple[str, str, str] | None) -> None:
    assert read(text) == wanted


def _cases() -> list[Any]:
    if not CASES.exists():
        return []
    cases = yaml.safe_load(CASES.read_text())
    found = []
    for section in ("utf8_one", "classic_one", "fallback_one"):
        found += [pytest.param(section, case, id=f"{section}-{case.get('name', i)}")
                  for i, case in enumerate(cases.get(section, []))]  # fmt: skip
    return found


@pytest.mark.skipif(not CASES.exists(), reason="no corpora: set TOCSIN_CORPORA")
def test_alertmanagers_single_matchers() -> None:
    """Every valid text of its parsers' tests gives its matcher here."""
    checked = 0
    for _section, case in (param.values for param in _cases()):
        expected = case.get("matcher") or (case.get("matchers") or [None])[0]
        text = case["input"]
        if expected is None or text.startswith("{") or text.endswith("}"):
            continue
        checked += 1
        assert read(text) == (expected["name"], expected["op"], expected["value"]), text
    assert checked > 0
