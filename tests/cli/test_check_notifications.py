"""`tocsin check` of an alertmanager.yml, with or without saying what it is."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.check import spelled_out

GOOD = "route: {receiver: a}\nreceivers: [{name: a}]\n"


def _file(folder: Path, text: str, name: str = "alertmanager.yml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(tmp_path, GOOD)
    for words in (["check", path], ["check", "notifications", path, path]):
        assert main(words) == 0
    assert capsys.readouterr().out == "1 file: clean\n2 files: clean\n"


def test_findings_in_the_file_and_in_its_templates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = _file(tmp_path, 'x\n{{ define "a" }}{{ nope }}{{ end }}', "a.tmpl")
    path = _file(tmp_path, "templates: ['*.tmpl', 'none/*']\nroute: {receiver: b}\n")
    assert main(["check", path]) == 1
    said = capsys.readouterr().out
    assert f"{template}:2:" in said
    assert '2 | {{ define "a" }}{{ nope }}' in said
    assert f"{path}:2:19: error[receiver-unknown]" in said
    assert "1 file: 2 errors, 1 warning" in said
    assert main(["check", path, "--output", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {one["code"] for one in found} == {"template", "template-file", "receiver-unknown"}


def test_how_matchers_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "route: {receiver: a, routes: [{matchers: [ü=b]}]}\nreceivers: [{name: a}]\n"
    path = _file(tmp_path, text)
    assert main(["check", path]) == 0
    assert main(["check", "notifications", path, "--matchers", "classic"]) == 1
    assert "error[matcher]" in capsys.readouterr().out


def test_what_a_file_is_shows_at_its_top(tmp_path: Path) -> None:
    kinds = {
        "notifications": "receivers: []\nglobal: {}\n",
        "rules": "groups: []\n",
        "config": "broker: embedded://x\nnotifications: n.yml\nrules: [r]\n",
    }
    for kind, text in kinds.items():
        path = _file(tmp_path, text, "x.yml")
        assert spelled_out(["check", path, "--output", "json"]) == [
            "check", kind, path, "--output", "json",
        ]  # fmt: skip
    assert spelled_out(["check", str(tmp_path)]) == ["check", "rules", str(tmp_path)]
    assert spelled_out(["check", "config"]) == ["check", "config"]
    assert spelled_out(["check"]) == ["check"]


def test_a_word_that_is_no_file_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["check", "no-such-file.yml"])
    assert stop.value.code == 2
    assert "no-such-file.yml" in capsys.readouterr().err
    assert main(["check", "notifications", "no-such-file.yml"]) == 2
