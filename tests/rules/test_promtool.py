"""The verdicts of promtool 3.15.0 (`check rules`, no feature flags) on outside rule files."""

from functools import cache
from pathlib import Path

import pytest

from engine.rules import load
from tests.rules.corpora import CORPORA, rule_files

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="no corpora: set TOCSIN_CORPORA")

# In these folders it accepts every file that is not listed here.
REFUSED = frozenset(Path(__file__).with_name("promtool_refused.txt").read_text().split())


@cache
def codes(folder: str) -> dict[str, set[str]]:
    """Finding codes by file; "refused" among them where it does not load."""
    found = {}
    for name, text in rule_files(folder):
        rules, findings = load({name: text})
        found[name] = {f.code for f in findings} | ({"refused"} if rules is None else set())
    return found


def refused(*folders: str) -> list[str]:
    return sorted(
        name for folder in folders for name, some in codes(folder).items() if "refused" in some
    )


@pytest.mark.parametrize("folder", ["rules-awesome", "rules-mixins-website"])
def test_real_rules_load(folder: str) -> None:
    assert refused(folder) == []
    assert len(codes(folder)) >= 50


def test_its_own_files_and_other_peoples() -> None:
    there = {*codes("promtool"), *codes("rules-misc")}
    assert refused("promtool", "rules-misc") == sorted(REFUSED & there)
    assert len(REFUSED & there) > 30


def test_kubernetes_objects_load_which_promtool_refuses() -> None:
    assert refused("rules-kube-prometheus") == []
    assert len(codes("rules-kube-prometheus")) >= 7


def test_real_rules_give_warnings_only_where_there_is_something_to_do() -> None:
    folders = ("rules-awesome", "rules-mixins-website", "rules-kube-prometheus")
    assert {code for folder in folders for some in codes(folder).values() for code in some} <= {
        "promql-range-cost",
        "rule-repeated",
    }
