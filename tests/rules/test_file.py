"""Rule files as a whole: groups, keys, labels, templates, identities, several files."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.limits import Limits
from engine.plan import Binary, Name, Number
from engine.rules import RULE_CODES, Level, load
from tests.rules.checking import check, good, one, rule
from tests.rules.test_prom import WHOLE as PROM

WHOLE = """\
groups:
- name: checkout
  interval: 15s
  labels: {team: pay, tier: "1"}
  tenant: acme
  rules:
  - alert: PaymentTimeouts
    id: payment-timeouts
    logs: '{service="payments"} |= "timeout"'
    window: {sliding: 1m, every: 5s}
    by: [service, pod]
    compute: {timeouts: count(), users: distinct(user_id)}
    when: {warning: timeouts > 10, critical: timeouts > 50 and users >= 5}
    recover: timeouts < 5
    for: 10s
    keep_firing_for: 1m30s
    no_data: keep
    evaluate: arrival
    labels: {tier: "2", zone: "{{ labels.pod }}"}
    annotations: {summary: "{{ labels.service }}: {{ timeouts }} timeouts, {{ level }}"}
"""


def test_a_whole_rule_is_read() -> None:
    found = rule(WHOLE)
    assert (found.tenant, found.group, found.name) == ("acme", "checkout", "PaymentTimeouts")
    assert found.identity == "payment-timeouts"
    assert (found.file, found.line) == ("r.yml", 7)
    assert found.input.kind == "logs"
    assert found.by == ("service", "pod")
    assert [c.name for c in found.compute] == ["timeouts", "users"]
    assert found.levels[0] == Level("warning", Binary(">", Name("timeouts"), Number(10.0)))
    assert [level.name for level in found.levels] == ["warning", "critical"]
    assert found.recover == Binary("<", Name("timeouts"), Number(5.0))
    assert (found.for_ms, found.keep_firing_for_ms) == (10_000, 90_000)
    assert (found.evaluate, found.no_data) == ("arrival", "keep")
    assert found.labels == {"team": "pay", "tier": "2", "zone": "{{ labels.pod }}"}
    assert set(found.annotations) == {"summary"}


def test_what_is_left_out_has_defaults() -> None:
    found = rule(one())
    assert (found.tenant, found.identity) == ("default", "g/A")
    assert (found.by, found.for_ms, found.keep_firing_for_ms) == ((), 0, 0)
    assert (found.evaluate, found.no_data, found.recover) == ("tick", "ok", None)
    assert [level.name for level in found.levels] == [""]


@pytest.mark.parametrize("text", ["", "groups:\n", "groups: []\n", "groups:\n- name: g\n  rules:"])
def test_files_without_rules_are_fine(text: str) -> None:
    assert good(text).rules == ()


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("rules: []", ["key-missing: rules", "key-unknown: rules"]),
        ("- a", ["value-type: -"]),
        ("groups: {a: 1}", ["value-type: a"]),
        ("groups:\n- name: g\n", ["key-missing: name"]),  # a warning
        ("groups:\n- rules: []\n", ["key-missing: rules"]),
        ("groups:\n- name: g\n  rules: []\n  shard_by: a\n", ["unsupported: shard_by"]),
        ("groups:\n- name: g\n  interval: 5\n  rules: []\n", ["duration: 5"]),
        ("groups:\n- name: g\n  rules: []\n- name: g\n  rules: []\n", ["group-duplicate: g"]),
        ("groups:\n- name: g\n  rules:\n  - x\n", ["value-type: x"]),
        ("groups: [", ["yaml-syntax: ["]),
    ],
)
def test_mistakes_around_rules(text: str, findings: list[str]) -> None:
    check(text, *findings)


@pytest.mark.parametrize(
    ("keys", "findings"),
    [
        ({"alert": None}, ["key-missing: metrics"]),
        ({"alert": '"a\\nb"'}, ['name: "a\\nb"']),
        ({"window": None}, ["key-missing: alert"]),
        ({"compute": None, "when": "1 > 0"}, ["key-missing: alert", "condition-constant: 1 > 0"]),
        ({"when": None}, ["key-missing: alert"]),
        ({"when": ""}, ["condition:  "]),
        ({"when": "[v > 1]"}, ["value-type: ["]),
        ({"when": "{}"}, ["value-type: {"]),
        ({"when": "{'a b': v > 1}"}, ["name: 'a b'"]),
        ({"when": "{warning: v > 1, critical: w > 1}"}, ["condition-name: w"]),
        ({"recover": "v"}, ["condition-type: v"]),
        ({"for": "10"}, ["duration: 10"]),
        ({"for": "-5s"}, ["duration: -5s"]),
        ({"for": "60d"}, ["value-range: 60d"]),
        ({"keep_firing_for": "x"}, ["duration: x"]),
        ({"evaluate": "arival"}, ["value-choice: arival"]),
        ({"no_data": "alert"}, ["unsupported: alert"]),
        ({"no_data": "OK"}, ["value-choice: OK"]),
        ({"by": "[a, b, a]"}, ["by-duplicate: a"]),
        ({"by": "[a-b]"}, ["name: a-b"]),
        ({"by": "[severity]"}, ["label-name: severity"]),
        ({"by": "{a: 1}"}, ["value-type: a"]),
        ({"fro": "5s"}, ["key-unknown: fro"]),
        ({"flap": "{}"}, ["unsupported: flap"]),
        ({"id": "[1]"}, ["value-type: ["]),
    ],
)
def test_mistakes_in_a_rule(keys: dict[str, str | None], findings: list[str]) -> None:
    check(one(**keys), *findings)


@pytest.mark.parametrize(
    ("keys", "findings"),
    [
        ({"labels": "{a-b: x}"}, ["label-name: a-b"]),
        ({"labels": "{__x: x}"}, ["label-name: __x"]),
        ({"labels": "{alertname: x}"}, ["label-name: alertname"]),
        ({"by": "[pod]", "labels": "{pod: x}"}, ["label-name: pod"]),
        ({"when": "{page: v > 1}", "labels": "{severity: x}"}, ["severity-fixed: severity"]),
        ({"labels": "{a: [1]}"}, ["value-type: ["]),
        ({"labels": "[a]"}, ["value-type: ["]),
        ({"labels": "{a: '{{ foo }}'}"}, ["template-name: foo"]),
        ({"annotations": "{a: '{{ labels.pod }}'}"}, ["template-name: pod"]),
        ({"annotations": "{a: '{{ labels[\"pod\"] }}'}"}, ["template-name: pod"]),
        ({"annotations": "{a: '{{ v'}"}, ["template: {{ v"]),
        ({"annotations": "{a: '{{ v | nope }}'}"}, ["template: {{ v | nope }}"]),
        ({"annotations": "{a: '{{ $value }}'}"}, ["template: {{ $value }}"]),
        ({"annotations": "{a: '{% include \"x\" %}'}"}, ['template: {% include "x" %}']),
    ],
)
def test_mistakes_in_labels_and_templates(keys: dict[str, str | None], findings: list[str]) -> None:
    check(one(**keys), *findings)


def test_annotations_may_read_every_label_of_the_alert() -> None:
    good(
        one(by="[pod]", labels="{team: a, severity: b}",
            annotations="{s: '{{ labels.pod }} {{ labels.team }} {{ labels.severity }} {{ v }}'}")
    )  # fmt: skip


def test_two_rules_of_one_identity() -> None:
    text = one() + one().split("rules:\n")[1]
    check(text, "rule-duplicate:  ")
    assert len(good(text.replace("when: v > 1\n  -", "when: v > 1\n    id: b\n  -")).rules) == 2
    files = {"a.yml": one(), "b.yml": one()}
    assert [(f.file, f.code) for f in load(files)[1]] == [("b.yml", "rule-duplicate")]


def test_all_findings_of_all_files_come_at_once_in_reading_order() -> None:
    files = {"b.yml": one(when="w > 1", for_="x"), "a.yml": "a: ["}
    rules, findings = load(files)
    assert rules is None
    assert [(f.file, f.code) for f in findings] == [
        ("a.yml", "yaml-syntax"), ("b.yml", "condition-name"), ("b.yml", "duration"),
    ]  # fmt: skip


def test_limits_hold() -> None:
    rules, findings = load({"r.yml": WHOLE}, limits=Limits(computes_per_rule_max=1))
    assert rules is None
    assert [f.code for f in findings] == ["rules-limit"]
    assert [f.code for f in load({"r.yml": WHOLE}, limits=Limits(levels_per_rule_max=1))[1]] == [
        "rules-limit"
    ]
    many = {f"{n}.yml": one().replace("alert: A", f"alert: A{n}") for n in range(3)}
    assert [f.code for f in load(many, limits=Limits(rules_max=2))[1]] == ["rules-limit"]


@given(st.text())
def test_no_text_raises(text: str) -> None:
    load({"r.yml": text})


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_no_damage_to_a_file_raises(draw: random.Random, cuts: int) -> None:
    text = WHOLE + PROM.removeprefix("groups:\n")
    for _ in range(cuts):
        at = draw.randrange(len(text) + 1)
        length = draw.choice([0, 1, 1, 5, 30])
        new = draw.choice(["", "{", "}", "'", '"', ": ", "- ", "\n", "[", "🙂", "0", "{{", "*a"])
        text = text[:at] + new + text[at + length :]
    rules, findings = load({"r.yml": text})
    assert (rules is None) == any(f.severity == "error" for f in findings)
    for finding in findings:
        assert finding.code in RULE_CODES or finding.code.startswith(
            ("yaml-", "key-", "value-", "duration", "unsupported")
        )
        assert finding.help
