"""rules/README.md says everything that the loader knows, and its examples load."""

import re
from pathlib import Path

import pytest
import yaml

from engine.document import DOCUMENT_CODES
from engine.rules import FUNCTIONS, GROUP_KEYS, PROM_RULE_KEYS, RULE_CODES, RULE_KEYS, load
from engine.template import FILTERS

README = (Path(__file__).parents[2] / "rules" / "README.md").read_text("utf-8")
CODES = {**RULE_CODES, **DOCUMENT_CODES}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_listed_with_its_meaning(code: str) -> None:
    assert f"| `{code}` | {CODES[code].replace('|', chr(92) + '|')} |" in README


def test_no_code_is_listed_that_does_not_exist() -> None:
    section = README[README.index("## Findings") :]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE)) == set(CODES)


def test_codes_of_both_kinds_do_not_overlap() -> None:
    assert len(CODES) == len(RULE_CODES) + len(DOCUMENT_CODES)


def test_every_key_function_and_filter_is_named() -> None:
    for name in (*RULE_KEYS, *GROUP_KEYS, *PROM_RULE_KEYS, *FUNCTIONS, *FILTERS):
        assert re.search(rf"`(?:\w+` or `)?{name}\b", README), name


def test_the_examples_load() -> None:
    examples = re.findall(r"```yaml\n(groups:.*?)```", README, re.DOTALL)
    assert examples
    for example in examples:
        assert load({"example.yml": example})[1] == []


def test_the_pictured_finding_is_what_is_shown() -> None:
    from engine.document import render

    text = "\n" * 8 + "groups:\n- name: g\n  rules:\n  - alert: A\n    metrics: m\n"
    text += "    window: {sliding: 10m, every: 3m}\n    compute: {v: sum()}\n    when: v > 1\n"
    path = "rules/checkout.yaml"
    shown = render(load({path: text})[1], {path: text})
    pictured = re.search(r"```\n(rules/checkout.*?)\n```", README, re.DOTALL)
    assert pictured is not None
    assert shown.split("\n")[1:] == pictured[1].split("\n")[1:]


def test_shipped_rules_have_a_comment_each_and_no_finding() -> None:
    root = Path(__file__).parents[2] / "rules"
    files = {file.name: file.read_text("utf-8") for file in sorted(root.glob("*.yml"))}
    rules, findings = load(files)
    assert findings == []
    assert rules is not None
    assert len(rules.rules) >= 12
    for file, text in files.items():
        lines = text.split("\n")
        for rule in (rule for rule in rules.rules if rule.file == file):
            assert lines[rule.line - 2].strip().startswith("#"), f"{file}: {rule.name}"
        assert yaml.safe_load(text)


def test_shipped_rules_show_every_key() -> None:
    root = Path(__file__).parents[2] / "rules"
    text = "\n".join(file.read_text("utf-8") for file in root.glob("*.yml"))
    for key in set(RULE_KEYS) - {"id", "tenant"}:
        assert f"{key}:" in text, key
