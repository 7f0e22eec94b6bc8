"""`tocsin template`: amtool's flags, our shorter ones, and what is wrong."""

import json
import subprocess
from pathlib import Path

import pytest

from engine.cli import main
from tests.acceptance.peers import peer

Out = pytest.CaptureFixture[str]
OURS = '{{ define "mine" }}{{ .Status }}: {{ .CommonLabels.alertname }}{{ end }}'


def told(capsys: Out, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["template", *words]) == code
    shown = capsys.readouterr()
    return shown.out if code == 0 else shown.err


def test_a_template_by_name_with_made_up_alerts(capsys: Out) -> None:
    shown = told(capsys, "render", "slack.default.title", "--label", "alertname=Down",
                 "--label", "team=db")  # fmt: skip
    assert shown == "[FIRING:1] Down (db)"


def test_files_text_and_data(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text(OURS)
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"status": "resolved", "commonLabels": {"alertname": "<X>"}}))
    words = ("render", "--glob", str(tmp_path / "*.tmpl"), "--data", str(data))
    assert told(capsys, *words, "mine") == "resolved: <X>"
    assert told(capsys, *words, "--html", "mine") == "resolved: &lt;X&gt;"
    assert told(capsys, *words, "--text", "{{ len .Alerts }}") == "0"


def test_the_templates_of_a_configuration(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text(OURS)
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "route: {receiver: nobody}\nreceivers: [{name: nobody}]\ntemplates: ['*.tmpl']\n"
    )
    shown = told(capsys, "render", "mine", "--config", str(config), "--label", "alertname=Down")
    assert shown == "firing: Down"
    listed = told(capsys, "list", "--config", str(config)).splitlines()
    assert "mine                                     a.tmpl" in listed
    assert any(line.startswith("pagerduty.default.description") for line in listed)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("render",), 2, "give a NAME or --text"),
        (("render", "a", "--text", "b"), 2, "give a NAME or --text"),
        (("render", "nobody.knows"), 1, "there is no template 'nobody.knows'"),
        (("render", "--text", "{{ .Status"), 1, "not closed"),
        (("render", "a", "--label", "x"), 1, "'x' is not NAME=VALUE"),
        (("render", "a", "--data", "/nowhere.json"), 1, "/nowhere.json is no JSON"),
        (("render", "a", "--config", "/nowhere.yml"), 1, "/nowhere.yml cannot be read"),
    ],
)
def test_what_is_wrong_is_said(capsys: Out, words: tuple[str, ...], code: int, says: str) -> None:
    assert says in told(capsys, *words, code=code)


def test_a_mistake_in_a_file_is_shown_where_it_is(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "a" }}\n  {{ nope }}\n{{ end }}')
    shown = told(capsys, "render", "a", "--glob", str(tmp_path / "*"), code=1)
    assert "a.tmpl:2:6" in shown
    assert "  {{ nope }}" in shown


@pytest.mark.real("amtool")
@pytest.mark.parametrize("kind", ["text", "html"])
def test_amtools_own_words_give_amtools_own_bytes(capsys: Out, tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.tmpl").write_text(OURS)
    text = '{{ template "mine" . }} {{ template "opsgenie.default.description" . }} {{ "<b>" }}'
    words = ["template", "render", f"--template.glob={tmp_path}/*", f"--template.text={text}",
             f"--template.type={kind}"]  # fmt: skip
    theirs = subprocess.run([peer("amtool"), *words], capture_output=True, check=True)
    assert told(capsys, *words[1:]) == theirs.stdout.decode()
