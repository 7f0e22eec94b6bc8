"""`tocsin compare`: two systems' alerts side by side."""

import json

import pytest

from engine.api import RuleAlertView
from engine.cli import main
from engine.cli.comparison import Comparison
from tests.api.fake_deps import START_MS, FakeDeps
from tests.api.served import served


def alert(name: str, state: str = "firing", **labels: str) -> dict[str, object]:
    return {"labels": {"alertname": name, **labels}, "state": state}


def verdicts(comparison: Comparison, now_s: float) -> list[tuple[str, str]]:
    return [(dict(e.labels)["alertname"], e.verdict(now_s, comparison.grace_s))
            for e in comparison.episodes]  # fmt: skip


def test_same_only_there_only_here_and_who_was_first() -> None:
    found = Comparison(ignored=["replica"], grace_s=10)
    found.observe("here", [alert("Both"), alert("Ours")], 100)
    found.observe("there", [alert("Waits", "pending")], 100)
    found.observe("there", [alert("Both", replica="a"), alert("Theirs")], 107)
    assert verdicts(found, 107) == [("Both", "same"), ("Ours", "waiting"), ("Theirs", "waiting")]
    assert verdicts(found, 120) == [("Both", "same"), ("Ours", "only here"),
                                    ("Theirs", "only there")]  # fmt: skip
    assert found.lead_s() == [7]


def test_an_alert_that_fires_again_is_another_episode() -> None:
    found = Comparison(grace_s=10)
    for now_s, ours, theirs in (
        (0, [alert("A")], []), (5, [alert("A")], [alert("A")]), (20, [], [alert("A")]),
        (25, [], []), (40, [alert("A")], []), (41, [alert("A")], [alert("A")]),
    ):  # fmt: skip
        found.observe("here", ours, now_s)
        found.observe("there", theirs, now_s)
    assert verdicts(found, 100) == [("A", "same"), ("A", "same")]
    assert found.lead_s() == [1, 5]


def firing(name: str) -> RuleAlertView:
    return RuleAlertView(rule_id=name, state="firing", labels={"alertname": name}, annotations={},
                         active_at_ms=START_MS)  # fmt: skip


@pytest.mark.parametrize(("theirs", "code"), [(["A", "B"], 0), (["A", "C"], 1)])
def test_the_verb_asks_both_and_says_what_differs(
    theirs: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = FakeDeps(), FakeDeps()
    assert here.fake_notifier is not None
    assert there.fake_notifier is not None
    here.fake_notifier.pending = [firing("A"), firing("B")]
    there.fake_notifier.pending = [firing(name) for name in theirs]
    with served(here) as url, served(there) as prometheus:
        words = ["compare", "--prometheus", prometheus, "--url", url, "--for", "100ms",
                 "--every", "20ms", "--grace", "10ms", "--output", "json"]  # fmt: skip
        assert main(words) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["counts"]["same"] == 2 - code
    assert (answer["counts"]["only here"], answer["counts"]["only there"]) == (code, code)
