"""Lists of matchers, against Alertmanager's own cases."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.series import Matcher, MatcherTextError, parse_matchers
from notifiers.route import format_matchers
from tests.notifiers import corpora


def _cases(section: str) -> list[Any]:
    path = corpora.ROOT / "alertmanager-scenarios" / "matchers.yaml"
    if not path.exists():
        return [None]
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))[section])


def _plain(found: tuple[Matcher, ...]) -> list[dict[str, str]]:
    return [{"name": m.name, "op": m.operator, "value": m.value} for m in found]


def _by_the_older_grammar(text: str) -> bool:
    """The UTF-8 cases that the default mode leaves to the older grammar, which reads them."""
    return text == "{" or "\\x" in text or "\\U" in text


@pytest.mark.parametrize("section", ["utf8_many", "fallback_many", "classic_many"])
def test_matchers_are_read_as_alertmanager_reads_them(section: str) -> None:
    for case in _cases(section):
        if case is None:
            corpora.scenario("matchers.yaml")
        if section == "utf8_many" and _by_the_older_grammar(case["input"]):
            continue
        if "error" in case:
            with pytest.raises(MatcherTextError):
                parse_matchers(case["input"])
        else:
            assert _plain(parse_matchers(case["input"])) == case["matchers"], case


_names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
_matchers = st.builds(Matcher, _names, st.sampled_from(["=", "!="]), st.text(max_size=8))


@given(st.lists(_matchers, min_size=1, max_size=4))
def test_what_is_written_is_read_back(matchers: list[Matcher]) -> None:
    ordered = sorted(matchers, key=lambda m: (m.name, m.value, m.operator == "!="))
    assert list(parse_matchers(format_matchers(tuple(matchers)))) == ordered


@given(st.text(alphabet='{}=!~,"\\ab \n🙂', max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        parse_matchers(text)
    except MatcherTextError:
        pass


@pytest.mark.parametrize("text", ['a=~"(("', "a", "=b", '"a"', "a🙂=b c", ",", 'a="b', 'a=b"c'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(MatcherTextError):
        parse_matchers(text)
