"""`tocsin compare`: two systems' alerts side by side."""

import hashlib
import json
from pathlib import Path

import pytest

from engine.api import ApiSettings, RuleAlertView, Token
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


def test_a_side_that_is_behind_has_each_episode_in_turn() -> None:
    """The other side is in the second one already when ours ends the first."""
    found = Comparison(grace_s=30)
    theirs = [(0, 20), (25, 45)]
    ours = [(first + 10, last + 10) for first, last in theirs]
    for now_s in range(80):
        for side, times in (("there", theirs), ("here", ours)):
            fires = any(first <= now_s < last for first, last in times)
            found.observe(side, [alert("A")] * fires, now_s)  # type: ignore[arg-type]
    assert verdicts(found, 100) == [("A", "same"), ("A", "same")]
    assert found.lead_s() == [-10, -10]


def test_an_episode_of_one_side_is_not_taken_for_a_later_one() -> None:
    found = Comparison(grace_s=10)
    for now_s, here, there in ((0, 1, 0), (5, 0, 0), (30, 1, 1), (35, 0, 0)):
        found.observe("here", [alert("A")] * here, now_s)
        found.observe("there", [alert("A")] * there, now_s)
    assert verdicts(found, 100) == [("A", "only here"), ("A", "same")]


def test_our_token_is_not_for_the_other_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = {name: f"the-token-of-{name}-0123456789" for name in ("ours", "theirs")}
    (tmp_path / "theirs").write_text(words["theirs"])
    monkeypatch.setenv("TOCSIN_TOKEN", words["ours"])
    sides = {
        name: FakeDeps(ApiSettings(version="1", started_ms=0, tokens=(
            Token(name, hashlib.sha256(word.encode()).digest(), "read"),)))
        for name, word in words.items()
    }  # fmt: skip
    with served(sides["ours"]) as url, served(sides["theirs"]) as prometheus:
        ask = ["compare", "--prometheus", prometheus, "--url", url, "--for", "50ms"]
        assert main(ask) == 1
        assert "a token is needed" in capsys.readouterr().err
        assert main([*ask, "--prometheus-token-file", str(tmp_path / "theirs")]) == 0


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
        words = ["compare", "--prometheus", prometheus, "--url", url, "--for", "1s",
                 "--every", "20ms", "--grace", "10ms", "--output", "json"]  # fmt: skip
        assert main(words) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["counts"]["same"] == 2 - code
    assert (answer["counts"]["only here"], answer["counts"]["only there"]) == (code, code)
