"""`tocsin route`: held against `amtool config routes`, which reads the same file."""

import json
import subprocess
from pathlib import Path

import pytest

from engine.cli import main
from tests.acceptance.services import missing, program

TEXT = """
route:
  receiver: default
  group_by: [alertname]
  routes:
  - matchers: [team="db"]
    receiver: db
    continue: true
    group_wait: 5s
    labels: {urgency: high}
    mute_time_intervals: [night]
    routes:
    - matchers: [severity="critical", 'region=~"eu-.*"']
      receiver: pager
  - match_re: {team: db|web}
    active_time_intervals: [day]
    group_by: ['...']
    routes: [{match: {x: y}}, {matchers: ['"weird name"!="a"', ü=b], receiver: pager}]
time_intervals:
- name: night
  time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}]}]
- name: day
  time_intervals: [{times: [{start_time: '08:00', end_time: '20:00'}]}]
inhibit_rules:
- name: whole cluster
  source_matchers: [severity=critical]
  target_matchers: [team=db]
  equal: [cluster]
receivers: [{name: default}, {name: db, webhook_configs: [{url: 'http://x'}]}, {name: pager}]
"""
ALERTS: tuple[tuple[str, ...], ...] = (
    (),
    ("team=db",),
    ("team=db", "severity=critical", "region=eu-1"),
    ("team=web", "x=y"),
    ("team=web", "ü=b"),
    ("team=other", 'alertname="A B"'),
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "alertmanager.yml"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def test_it_says_what_becomes_of_an_alert(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["route", "test", "--config", file, "team=db", "alertname=X", "cluster=c"]
    assert main([*asked, "--at", "2026-03-01T22:00:00+01:00", "--output", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    first, second = said["routes"]
    assert first == {
        "route": '{}/{team="db"}', "receiver": "db", "integrations": ["webhook/0"],
        "group_labels": {"alertname": "X"}, "group_key": '{}/{team="db"}:{alertname="X"}',
        "group_wait_ms": 5_000, "group_interval_ms": 300_000, "repeat_interval_ms": 14_400_000,
        "route_labels": {"urgency": "high"}, "mute_time_intervals": ["night"],
        "active_time_intervals": [], "muted_by": ["night"], "continue": True,
    }  # fmt: skip
    assert second["muted_by"] == ["day"]  # 21:00 UTC is outside
    assert second["group_labels"] == {"alertname": "X", "cluster": "c", "team": "db"}
    assert said["inhibited_by"] == [
        {"rule": "whole cluster", "source": '{severity="critical"}', "equal": {"cluster": "c"}}
    ]


def test_time_decides_about_mutes(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["route", "test", "--config", file, "--labels", "team=db", "--at"]
    assert main([*asked, "2026-03-01T12:00:00Z"]) == 0
    said = capsys.readouterr().out
    assert said.count("muted     not at this time") == 2
    assert "inhibited whole cluster: while an alert fires" in said
    assert said.splitlines()[-1] == "db,default"
    assert main([*asked, "2026-03-01T22:00:00Z"]) == 0
    said = capsys.readouterr().out
    assert "muted     yes, by night" in said
    assert "muted     yes, outside of day" in said


def test_receivers_can_be_asserted(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["route", "test", "--config", file, "--output", "names", "team=db"]
    assert main([*asked, "--verify", "db,default"]) == 0
    assert capsys.readouterr().out == "db,default\n"
    assert main([*asked, "--verify", "db"]) == 1
    assert "expected db, got db,default" in capsys.readouterr().err


def test_a_tocsin_yaml_names_the_file_and_how_matchers_are_read(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tocsin.yaml"
    path.write_text(
        "broker: embedded://data\nsources: []\nrules: []\nnotifications: alertmanager.yml\n"
        "matcher_parsing: classic\n"
    )
    assert main(["route", "test", "--config", str(path), "team=db"]) == 1  # ü in it
    assert "this is no matcher" in capsys.readouterr().err
    Path(file).write_text(
        TEXT.replace("ü=b", "").replace("""'"weird name"!="a"',""", ""), encoding="utf-8"
    )
    assert main(["route", "test", "--config", str(path), "--output", "names", "team=db"]) == 0
    assert capsys.readouterr().out == "db,pager\n"


@pytest.mark.parametrize(
    "word", ["team", "team=~db", "{team=db}", "--at=yesterday", "--at=2026-01-01T00:00:00"]
)
def test_wrong_usage(file: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "test", "--config", file, word]) == 2
    assert "tocsin route test: " in capsys.readouterr().err


def test_a_file_that_is_not_there_or_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["route", "show", "--config", str(tmp_path / "none.yml")]) == 2
    path = tmp_path / "bad.yml"
    path.write_text("route: {receiver: a}\n")
    assert main(["route", "show", "--config", str(path)]) == 1
    assert "receiver-unknown" in capsys.readouterr().err


@pytest.mark.real
@pytest.mark.skipif(missing("amtool") is not None, reason=str(missing("amtool")))
def test_tree_and_receivers_are_amtools(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    amtool = [str(program("amtool")), "config", "routes"]

    def theirs(*words: str) -> str:
        asked = [*amtool, *words]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert main(["route", "show", "--config", file]) == 0
    assert capsys.readouterr().out.split() == theirs("show", "--config.file", file).split()
    for labels in ALERTS:
        assert main(["route", "test", "--config", file, "--output", "names", *labels]) == 0
        assert capsys.readouterr().out == theirs("test", "--config.file", file, *labels)
        assert main(["route", "test", "--config", file, "--tree", *labels]) == 0
        tree = capsys.readouterr().out.split("\n\n")[0]
        assert (
            tree.split()
            == theirs("test", "--config.file", file, "--tree", *labels).split("\n\n")[0].split()
        )
