"""Files around rules: Kubernetes objects, several documents, and what is no rule file at all."""

import pytest

from tests.rules.checking import check, good, underlined

OBJECT = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: one
  labels: {role: alert-rules}
spec:
  groups:
  - name: g
    partial_response_strategy: warn
    rules:
    - alert: A
      expr: up == 0
"""


def names(text: str) -> list[tuple[str, str]]:
    return [(group.name, rule.name) for group in good(text).prom for rule in group.rules]


def test_a_prometheus_rule_object_is_read() -> None:
    assert names(OBJECT) == [("g", "A")]
    assert underlined(OBJECT) == []


def test_several_objects_in_one_file_may_have_groups_of_one_name() -> None:
    two = OBJECT + "---\n" + OBJECT.replace("alert: A", "alert: B")
    assert names(two) == [("g", "A"), ("g", "B")]
    assert underlined(two) == []


def test_a_list_of_objects_is_read() -> None:
    items = "".join(
        f"- {OBJECT.replace('alert: A', 'alert: ' + name).replace(chr(10), chr(10) + '  ').rstrip()}\n"
        for name in "AB"
    )
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    assert names(text) == [("g", "A"), ("g", "B")]


def test_mistakes_in_an_object_are_found_like_elsewhere() -> None:
    check(OBJECT.replace("up == 0", "up ="), "promql: =")
    check(OBJECT.replace("spec:", "specs:"), "key-missing: apiVersion", "key-unknown: specs")
    check(OBJECT.replace("groups:", "group:"), "key-missing: group", "key-unknown: group")


def test_of_several_documents_only_the_first_is_read_with_a_warning() -> None:
    first = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 1}\n"
    assert names(first + "---\n" + first.replace("A", "B")) == [("g", "A")]
    assert underlined(first + "---\n" + first) == ["yaml-documents: ---"]
    assert underlined(first + "---\n{{ broken") == ["yaml-documents: ---"]
    assert underlined("---\n# comment\n" + first) == []


@pytest.mark.parametrize(
    ("text", "word", "what"),
    [
        ("version: prometheus/v1\nservice: a\nslos: []\n", "slos", "sloth"),
        ("apiVersion: sloth.slok.dev/v1\nkind: PrometheusServiceLevel\nspec: {}\n",
         "PrometheusServiceLevel", "sloth"),
        ("apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMRule\nspec: {}\n",
         "VMRule", "MetricsQL"),
        ("apiVersion: openslo/v1\nkind: SLO\n", "SLO", "OpenSLO"),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {}\n", "ConfigMap", "ConfigMap"),
        ("rule_files: [a.yml]\ntests: []\n", "tests", "tocsin test rules"),
        ("scrape_configs: []\n", "scrape_configs", "Prometheus configuration"),
        ("route: {}\nreceivers: []\n", "route", "notification"),
        ("- targets: ['a:1']\n", "-", "targets"),
    ],
)  # fmt: skip
def test_what_is_no_rule_file_is_refused_by_name(text: str, word: str, what: str) -> None:
    from engine.rules import load

    (finding,) = load({"r.yml": text})[1]
    assert underlined(text) == [f"file-kind: {word}"]
    assert what in finding.message + finding.help


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("groups: [{name: g, rules: []}, ]", []),
        ("groups:\n-\n- name: g\n  rules:\n  -\n", ["value-type:  ", "value-type:  "]),
        ("{}", []),
        ("other: 1", ["key-missing: other", "key-unknown: other"]),
    ],
)
def test_empty_things(text: str, findings: list[str]) -> None:
    assert len(underlined(text)) == len(findings)


def test_anchors_aliases_and_merges_work_as_in_go() -> None:
    text = (
        "groups:\n- name: g\n  rules:\n"
        "  - {alert: A, expr: 1, labels: &l {severity: page, team: a}}\n"
        "  - {alert: B, expr: 1, labels: {<<: *l, team: b}}\n"
        "  - {alert: C, expr: 1, labels: {<<: [*l, {team: c, more: d}]}}\n"
    )
    rules = good(text).prom[0].rules
    assert [dict(sorted(rule.labels.items())) for rule in rules] == [
        {"severity": "page", "team": "a"},
        {"severity": "page", "team": "b"},
        {"more": "d", "severity": "page", "team": "a"},
    ]
    check("groups: [{name: g, rules: [{alert: A, expr: 1, labels: {<<: {a: b}, <<: {c: d}}}]}]",
          "yaml-duplicate-key: <<")  # fmt: skip
