"""`tocsin check`: findings on stdout in three forms, and exit codes."""

import argparse
import json
from pathlib import Path

import pytest

from engine.cli import check

GOOD = """\
groups:
- name: g
  rules:
  - alert: A
    metrics: errors
    window: {tumbling: 1m}
    compute: {v: sum()}
    when: v > 1
"""


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="tocsin")
    check.add_parser(parser.add_subparsers())
    args = parser.parse_args(["check", *words])
    code: int = args.run(args)
    return code


def test_clean_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    assert run("rules", str(tmp_path)) == 0
    assert capsys.readouterr().out == "1 rule in 1 file: clean\n"


def test_findings_of_all_files_and_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yml").write_text(GOOD.replace("v > 1", "w > 1"))
    (tmp_path / "b.yml").write_text(GOOD.replace("1m", "1"))
    assert run("rules", str(tmp_path / "b.yml"), str(tmp_path / "a.yml")) == 1
    out = capsys.readouterr().out
    assert f"{tmp_path}/a.yml:8:11: error[condition-name]: compute defines no 'w'\n" in out
    assert "8 |     when: w > 1\n  |           ^\n  = help: known names: v\n" in out
    assert f"{tmp_path}/b.yml:6:24: error[duration]" in out
    assert out.endswith("2 files: 2 errors\n")


def test_warnings_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(GOOD.replace("v: sum()", "v: sum(), w: max()"))
    assert run("rules", str(tmp_path)) == 0
    assert "warning[compute-unused]" in capsys.readouterr().out


def test_for_programs_and_for_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(GOOD.replace("v > 1", "w > 1"))
    assert run("rules", str(tmp_path), "--output", "json") == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["code"], finding["line"], finding["column"]) == ("condition-name", 8, 11)
    assert run("rules", str(tmp_path), "--output", "github") == 1
    out = capsys.readouterr().out
    assert out.startswith(f"::error file={tmp_path}/a.yml,line=8,col=11,endColumn=12,title=")
    (tmp_path / "a.yml").write_text(GOOD)
    assert run("rules", str(tmp_path), "--output", "json") == 0
    assert capsys.readouterr().out == "[]\n"


def test_what_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("rules", str(tmp_path / "nope")) == 2
    assert run("config", str(tmp_path / "nope.yaml")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "does not exist" in captured.err
    with pytest.raises(SystemExit) as stopped:
        run("rules")
    assert stopped.value.code == 2


def test_a_configuration_is_checked_with_all_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.yml").write_text(GOOD.replace("v > 1", "w > 1"))
    (tmp_path / "notifiers.yaml").write_text("route: {receiver: nobody}\nreceivers: []\n")
    (tmp_path / "tokens.yaml").write_text("tokens: [{name: a, token: hunter2, role: read}]\n")
    (tmp_path / "silences").mkdir()
    (tmp_path / "silences/db.yaml").write_text("silences: [{name: a}]\n")
    text = "auth: {tokens_file: tokens.yaml}\nsilences: ['silences/*.yaml']\n"
    (tmp_path / "tocsin.yaml").write_text(text)
    assert run("config", str(tmp_path / "tocsin.yaml")) == 1
    out = capsys.readouterr().out
    assert "rules/a.yml:8:11: error[condition-name]" in out
    assert "silences/db.yaml:1:13: error[silence-time]" in out
    assert "notifiers.yaml:1:" in out
    assert "tokens.yaml:1:" in out
    assert "hunter2" not in out


def test_a_broken_configuration_is_all_that_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tocsin.yaml").write_text("listn: 127.0.0.1:1\nshards: none\n")
    assert run("config", str(tmp_path / "tocsin.yaml")) == 1
    out = capsys.readouterr().out
    assert "did you mean `listen`?" in out
    assert out.endswith("1 file: 2 errors\n")


def test_missing_files_of_the_defaults_are_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tocsin.yaml").write_text("")
    assert run("config", str(tmp_path / "tocsin.yaml")) == 1
    out = capsys.readouterr().out
    assert out.count("error[path-missing]") == 2


def test_prometheus_rules_are_counted_with_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yml").write_text(GOOD + "  - {alert: B, expr: up == 0, for: 5m}\n")
    assert run("rules", str(tmp_path)) == 0
    assert capsys.readouterr().out == "2 rules in 1 file: clean\n"


def test_a_mistake_inside_a_block_points_at_its_own_line_in_every_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      sum(up)\n        > rate(x)\n"
    (tmp_path / "a.yml").write_text(text)
    assert run("rules", str(tmp_path)) == 1
    out = capsys.readouterr().out
    assert f"{tmp_path}/a.yml:7:16: error[promql]" in out
    assert "7 |         > rate(x)\n  |                ^" in out
    assert run("rules", str(tmp_path), "--output", "json") == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["line"], finding["column"], finding["length"]) == (7, 16, 1)
    assert run("rules", str(tmp_path), "--output", "github") == 1
    assert ",line=7,col=16,endColumn=17,title=promql::" in capsys.readouterr().out


def test_the_schema_is_printed_without_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("rules", "--schema")
    assert stopped.value.code == 0
    assert (
        "groups"
        in json.loads(capsys.readouterr().out)["definitions"]["file"]["anyOf"][0]["properties"]
    )
