"""Every template in the corpora, wherever it stands: ours and the real amtool's are the same."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from notifiers.templating import TemplateSet
from tests.acceptance.peers import peer
from tests.notifiers.corpora import ROOT
from tests.templating.asking import DATA, ENDED, ours, theirs

CONFIGS = ROOT / "alertmanager-configs"
pytestmark = [
    pytest.mark.real("amtool"),
    pytest.mark.slow,
    pytest.mark.skipif(not CONFIGS.exists(), reason="no corpora: set TOCSIN_CORPORA"),
]
_QUOTED = re.compile(r"'([^'\n]*\{\{[^'\n]*)'|\"((?:[^\"\\\n]|\\.)*\{\{(?:[^\"\\\n]|\\.)*)\"")
_DEFINED = re.compile(r'\{\{-?\s*define "([^"]+)"')
_LISTS = {  # templates whose cursor is a list of alerts
    "__text_alert_list": ".Alerts", "__text_alert_list_markdown": ".Alerts",
    "pagerduty.default.instances": ".Alerts.Firing",
}  # fmt: skip


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        node = [*node.keys(), *node.values()]
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, str) and "{{" in node:
        yield node


def _found() -> set[str]:
    """Return the texts with actions of all configurations and of the pages' examples."""
    found: set[str] = set()
    for path in sorted(CONFIGS.rglob("*.y*ml")):
        try:
            found.update(_texts(yaml.safe_load(path.read_text("utf-8"))))
        except yaml.YAMLError:
            continue  # some are broken on purpose
    for path in sorted(CONFIGS.rglob("*.md")):
        for match in _QUOTED.finditer(path.read_text("utf-8")):
            found.add(match.group(1) or match.group(2).replace("\\n", "\n"))
    return found


def test_the_texts_of_configurations_and_pages() -> None:
    amtool = peer("amtool")
    texts = _found()
    assert len(texts) > 40
    for text in sorted(texts):
        for is_html in (False, True):
            if "email.default.html" in text:
                continue  # the layout is ours
            assert ours(text, is_html, DATA) == theirs(amtool, text, is_html, DATA), text


def test_the_default_templates_write_what_the_corpus_says() -> None:
    """Ours define every name of default.tmpl; each writes what the file's own does."""
    path = CONFIGS / "template" / "default.tmpl"
    if not path.exists():
        pytest.skip("default.tmpl is in the other half of the corpus")
    amtool = peer("amtool")
    names = _DEFINED.findall(path.read_text("utf-8"))
    assert len(names) > 50
    for name in names:
        call = f'{{{{ template "{name}" {_LISTS.get(name, ".")} }}}}'
        for data in (DATA, ENDED):
            assert ours(call, False, data) == theirs(amtool, call, False, data), name
        assert ours(call, True, DATA) == theirs(amtool, call, True, DATA), name


def test_the_corpus_own_file_reads_the_same_as_ours(tmp_path: Path) -> None:
    path = CONFIGS / "template" / "default.tmpl"
    if not path.exists():
        pytest.skip("default.tmpl is in the other half of the corpus")
    source = path.read_text("utf-8").replace(".default.", ".corpus.")
    (tmp_path / "corpus.tmpl").write_text(source, "utf-8")
    templates, findings = TemplateSet.load([("*.tmpl", _span())], tmp_path)
    assert not findings
    for name in _DEFINED.findall(source):
        call = (
            f'{{{{ template "{name}" {_LISTS.get(name.replace(".corpus.", ".default."), ".")} }}}}'
        )
        assert ours(call, False, DATA, templates) == ours(
            call.replace(".corpus.", ".default."), False, DATA
        ), name


def test_our_own_email_is_what_amtool_makes_of_its_source(tmp_path: Path) -> None:
    source = (files("notifiers.templating") / "email.tmpl").read_text("utf-8")
    (tmp_path / "ours.tmpl").write_text(source.replace("email.default", "email.ours"), "utf-8")
    call = '{{ template "email.ours.html" . }}'
    for data in (DATA, ENDED):
        expected = theirs(peer("amtool"), call, True, data, [f"{tmp_path}/*.tmpl"])
        assert expected is not None
        assert ours(call.replace("ours", "default"), True, data) == expected


def _span():
    from engine.document import Span

    return Span(1, 1, 1)
