"""The JSON Schema of rule files: accepts what loads, refuses what an editor should underline."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.document import ListNode, MapNode, Node, ScalarNode, load_documents
from engine.rules import load, schema
from tests.rules.corpora import CORPORA, rule_files
from tests.rules.json_schema import Validator
from tests.rules.test_file import WHOLE as NATIVE
from tests.rules.test_prom import WHOLE as PROM

RULES = Path(__file__).parents[2] / "rules"


@cache
def validator() -> Validator:
    return Validator(schema())


def plain(node: Node) -> Any:
    """What an editor's YAML reader gives the validator."""
    if isinstance(node, MapNode):
        return {entry.name: plain(entry.value) for entry in node}
    if isinstance(node, ListNode):
        return [plain(item) for item in node]
    assert isinstance(node, ScalarNode)
    return node.value


def errors(text: str) -> list[str]:
    roots, findings = load_documents(text, "r.yml", 10_000_000, lambda _: False)
    assert not [f for f in findings if f.severity == "error"]
    return validator().errors(plain(roots[0]) if roots else None)


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "groups:", "groups: []", "groups:\n- name: g\n", "groups:\n-\n",
        NATIVE, PROM, NATIVE + PROM.removeprefix("groups:\n").replace("name: checkout", "name: other"),
        "groups: [{name: 1, limit: 2, rules: [{alert: A, expr: 1, for: 0, labels: {a: 1}}]}]",
        "groups: [{name: g, rules: [{record: a, expr: 1, for: 0s, annotations: {}}]}]",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\n"
        "spec: {groups: []}\n",
    ],
)  # fmt: skip
def test_what_loads_is_accepted(text: str) -> None:
    assert load({"r.yml": text})[0] is not None
    assert errors(text) == []


@pytest.mark.parametrize("file", sorted(RULES.glob("*.yml")), ids=lambda file: file.name)
def test_shipped_rules_are_accepted(file: Path) -> None:
    assert errors(file.read_text("utf-8")) == []


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not there")
def test_every_file_of_the_corpora_that_loads_is_accepted() -> None:
    seen = 0
    for name, text in rule_files("rules-awesome", "rules-kube-prometheus"):
        if load({name: text})[0] is not None:
            assert errors(text) == [], name
            seen += 1
    assert seen > 50


P = "groups: [{name: g, rules: [{%s}]}]"
GOOD_NATIVE = "alert: A, metrics: m, window: {tumbling: 1m}, compute: {v: sum()}, when: v > 1"
MISTAKES = [
    "rules: []",
    "- name: g",
    "groups: {name: g}",
    "groups: [g]",
    "groups: [{rules: []}]",
    "groups: [{name: g, rules: {}}]",
    "groups: [{name: g, rules: [x]}]",
    "groups: [{name: g, intervall: 5s}]",
    "groups: [{name: g, interval: 5}]",
    "groups: [{name: g, interval: 1m1h}]",
    "groups: [{name: g, limit: many}]",
    "groups: [{name: g, query_offset: -1m}]",
    "groups: [{name: g, labels: {a: [b]}}]",
    "groups: [{name: g, labels: {__name__: b}}]",
    P % "alert: A",
    P % "expr: up",
    P % "alert: A, record: b, expr: up",
    P % "alert: A, expr: {a: b}",
    P % "alert: A, expr: ''",
    P % "alert: A, expr: up, for: 5",
    P % "alert: A, expr: up, fro: 5m",
    P % "alert: A, expr: up, labels: [a]",
    P % "alert: A, expr: up, annotations: {a: {b: c}}",
    P % "alert: [A], expr: up",
    P % "record: b, expr: up, for: 5m",
    P % "record: b, expr: up, annotations: {a: b}",
    P % "record: 'a{b=\"c\"}', expr: up",
    P % "alert: A, expr: up, window: {tumbling: 1m}",
    P % GOOD_NATIVE.replace("metrics: m", "metrics: m, logs: '{a=\"b\"}'"),
    P % GOOD_NATIVE.replace("metrics: m, ", ""),
    P % GOOD_NATIVE.replace("tumbling: 1m", "tumbling: 1m, every: 5s"),
    P % GOOD_NATIVE.replace("tumbling", "hopping"),
    P % GOOD_NATIVE.replace("sum()", "summ()"),
    P % GOOD_NATIVE.replace("v: sum()", "'a b': sum()"),
    P % GOOD_NATIVE.replace("when: v > 1", "when: {}"),
    P % (GOOD_NATIVE + ", evaluate: always"),
    P % (GOOD_NATIVE + ", no_data: alert"),
    P % (GOOD_NATIVE + ", by: [severity]"),
    P % (GOOD_NATIVE + ", by: [a, a]"),
    P % (GOOD_NATIVE + ", labels: {alertname: a}"),
    "apiVersion: v1\nkind: PrometheusRule\nspec: {groups: {}}",
    "apiVersion: v1\nkind: ConfigMap\ndata: {}",
]


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_refused_as_the_loader_refuses_them(text: str) -> None:
    assert load({"r.yml": text})[0] is None
    assert errors(text) != []


def test_there_are_more_than_thirty() -> None:
    assert len(MISTAKES) >= 30
    assert load({"r.yml": P % GOOD_NATIVE})[0] is not None
    assert errors(P % GOOD_NATIVE) == []
