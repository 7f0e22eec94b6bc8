"""The runner: what passes, what fails and how a failure is shown."""

import json
import re
from pathlib import Path

import pytest

from engine.cli import main
from engine.ruletests import find_tests, run_tests, show_text
from engine.ruletests.outcome import show_labels

RULES = """
groups:
- name: first
  interval: 17s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page, region: "{{ $externalLabels.region }}"}
    annotations: {summary: "{{ $labels.instance }} is {{ $value }} {{ $externalURL }}"}
- name: second
  rules:
  - alert: Few
    expr: job:up:sum < 2
    annotations: {summary: "{{ $value }} left"}
  - record: chain
    expr: job:up:sum * 2
"""
TESTS = """
rule_files: [rules.yml, "missing*.yml"]
evaluation_interval: 1m
tests:
- name: a machine goes down
  interval: 1m
  external_labels: {region: eu}
  external_url: http://x
  input_series:
  - {series: 'up{job="a", instance="1"}', values: "1x3 0x6"}
  - {series: 'up{job="a", instance="2"}', values: "1x9"}
  alert_rule_test:
  - {eval_time: 5m, alertname: Down}
  - eval_time: 6m
    alertname: Down
    exp_alerts:
    - exp_labels: {job: a, instance: "1", severity: page, region: eu}
      exp_annotations: {summary: "1 is 0 http://x"}
  - eval_time: 6m30s
    alertname: Few
    exp_alerts:
    - {exp_labels: {job: a}, exp_annotations: {summary: 1 left}}
  promql_expr_test:
  - {expr: chain, eval_time: 3m, exp_samples: [{labels: 'chain{job="a"}', value: 4}]}
  - {expr: chain, eval_time: 4m, exp_samples: [{labels: 'chain{job="a"}', value: 2}]}
  - expr: 'ALERTS{alertname="Down"}'
    eval_time: 4m
    exp_samples:
    - labels: 'ALERTS{alertname="Down", alertstate="pending", job="a", instance="1", severity="page", region="eu"}'
      value: 1
  - {expr: time(), eval_time: 90s, exp_samples: [{value: 90}]}
  - {expr: 'count_over_time(up[3m:])', eval_time: 4m, exp_samples: [
      {labels: '{job="a", instance="1"}', value: 3}, {labels: '{job="a", instance="2"}', value: 3}]}
- name: later
  start_timestamp: 1609459200
  promql_expr_test:
  - {expr: year(), eval_time: 1m, exp_samples: [{labels: '{}', value: 2021}]}
- {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "t.yml").write_text(TESTS)
    return tmp_path


def run(folder: Path, text: str, only: str = ""):
    return run_tests(str(folder / "t.yml"), text, re.compile(only))


def test_all_kinds_of_tests_pass(folder: Path):
    report = run(folder, TESTS)
    assert report.passed, show_text([report])
    assert len(report.outcomes) == 9
    assert [f.severity for f in report.findings] == ["warning"]  # missing*.yml


@pytest.mark.parametrize(
    ("old", "new", "title", "sides"),
    [
        ("value: 4}", "value: 5}", "chain at 3m", ('chain{job="a"}', "5", "4")),
        ("severity: page, region: eu}", "severity: ticket, region: eu}", "Down at 6m",
         ("severity", "ticket", "page")),
        ("1 left", "2 left", "Few at 6m30s", ("annotation summary", "2 left", "1 left")),
        ("{eval_time: 5m, alertname: Down}", "{eval_time: 7m, alertname: Down}", "Down at 7m",
         ("instance", "", "1")),
        ("value: 2021", "value: .nan", "year() at 1m", ("{}", "NaN", "2021")),
        ("labels: 'chain{job=\"a\"}', value: 2", "labels: 'chain{job=\"b\"}', value: 2",
         "chain at 4m", ('chain{job="b"}', "2", "")),
    ],
)  # fmt: skip
def test_a_failure_shows_both_sides(folder: Path, old, new, title, sides):
    assert old in TESTS
    report = run(folder, TESTS.replace(old, new))
    (bad,) = [outcome for outcome in report.outcomes if not outcome.passed]
    assert bad.title == title
    assert sides in [(pair.what, pair.expected, pair.got) for pair in bad.pairs if not pair.same]
    assert f"t.yml:{bad.line}:" in show_text([report])


def test_numbers_are_neighbours_where_the_file_says_fuzzy(folder: Path):
    text = """
tests:
- promql_expr_test:
  - {expr: 0.1 + 0.2, eval_time: 0, exp_samples: [{value: 0.3}]}
"""
    assert not run(folder, text).passed
    assert run(folder, "fuzzy_compare: true" + text).passed


def test_a_rule_that_fails_ends_its_test(folder: Path):
    (folder / "rules.yml").write_text(
        "groups: [{name: g, rules: [{record: x, expr: a * on (j) b}, {record: y, expr: '1'}]}]"
    )
    text = """
rule_files: [rules.yml]
tests:
- input_series:
  - {series: 'a{j="1"}', values: _ 1}
  - {series: 'b{j="1", i="1"}', values: _ 1}
  - {series: 'b{j="1", i="2"}', values: _ 1}
  promql_expr_test:
  - {expr: y, eval_time: 5m}
"""
    (outcome,) = run(folder, text).outcomes
    assert (outcome.title, outcome.passed) == ("rule x at 1m", False)
    assert "many-to-many matching not allowed" in outcome.message


def test_groups_are_evaluated_in_the_order_asked_for(folder: Path):
    text = """
rule_files: [rules.yml]
group_eval_order: [{order}]
tests:
- input_series: [{series: 'up{job="a"}', values: 1 2 3}]
  promql_expr_test:
  - {expr: chain, eval_time: 2m, exp_samples: [{labels: 'chain{job="a"}', value: VALUE}]}
"""
    for order, value in (("first, second", 6), ("second, first", 4)):
        tried = text.replace("{order}", order).replace("VALUE", str(value))
        report = run(folder, tried)
        assert report.passed, show_text([report])


def test_native_rules_with_logs(folder: Path):
    (folder / "rules.yml").write_text("""
groups:
- name: native
  rules:
  - alert: Timeouts
    logs: '{service="web"} |= "timeout"'
    window: {sliding: 1m, every: 10s}
    by: [service]
    compute: {n: count(), users: distinct(user)}
    when: {warning: n > 5, critical: n > 15}
    annotations: {summary: "{{ n }} by {{ users }}"}
""")
    text = """
rule_files: [rules.yml]
tests:
- input_logs:
  - stream: '{service="web"}'
    message: a timeout again
    at: 1s
    every: 1s
    count: 20
    fields: {user: 7}
  - {stream: '{service="web"}', message: fine, at: 5s}
  alert_rule_test:
  - {eval_time: 0s, alertname: Timeouts}
  - eval_time: 1m
    alertname: Timeouts
    exp_alerts:
    - exp_labels: {service: web, severity: critical}
      exp_annotations: {summary: 20 by 1}
  - {eval_time: 3m, alertname: Timeouts}
"""
    report = run(folder, text)
    assert report.passed, show_text([report])
    assert not run(folder, text.replace("20 by 1", "19 by 1")).passed


def test_only_tests_whose_name_matches(folder: Path):
    assert len(run(folder, TESTS, "^later$").outcomes) == 1


def test_a_start_between_two_evaluations_is_refused_by_name(folder: Path):
    report = run(folder, "tests:\n- start_timestamp: 1609459230\n")
    (outcome,) = report.outcomes
    assert "start_timestamp must be a multiple of evaluation_interval" in outcome.message


def test_of_a_directory_only_tests_are_run(folder: Path):
    assert [Path(name).name for name in find_tests([str(folder)])] == ["t.yml"]
    named = find_tests([str(folder / "rules.yml")])
    assert [Path(name).name for name in named] == ["rules.yml"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["t.yml"], 0, "1 file: all passed"),
        (["bad.yml", "t.yml"], 1, "2 files: 1 failed"),
        ([".", "--run", "later"], 0, "2 files: all passed"),
        (["nowhere.yml"], 2, ""),
        (["t.yml", "--run", "("], 2, ""),
    ],
)
def test_exit_codes(folder: Path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(folder)
    (folder / "bad.yml").write_text(TESTS.replace("value: 4}", "value: 5}"))
    assert main(["test", "rules", *words]) == code
    assert said in capsys.readouterr().out


def test_json_and_github(folder: Path, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / "bad.yml").write_text(TESTS.replace("value: 4}", "value: 5}"))
    main(["test", "rules", "bad.yml", "--output", "json"])
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["path"], report["passed"], len(report["outcomes"])) == ("bad.yml", False, 9)
    main(["test", "rules", "bad.yml", "--output", "github"])
    assert "::error file=bad.yml,line=24," in capsys.readouterr().out


def test_names_that_are_not_identifiers_are_shown_as_promql_writes_them():
    labels = (("__name__", "disk.used"), ("a", 'x"y'), ("läbel.x", "v"))
    assert show_labels(labels) == r'{"disk.used", a="x\"y", "läbel.x"="v"}'
    assert show_labels((("__name__", "job:up"), ("a.b", "1"))) == 'job:up{"a.b"="1"}'
    assert (show_labels(()), show_labels((("__name__", "up"),))) == ("{}", "up")


def test_a_selector_without_a_name_sees_recorded_series_and_alerts(folder: Path):
    (folder / "rules.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - {record: rec, expr: g}\n  - {alert: Up, expr: g > 2}\n"
    )
    report = run(
        folder,
        """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series: [{series: 'g{a="1"}', values: 3x60}]
  promql_expr_test:
  - {expr: 'count({__name__=~".+"})', eval_time: 5m, exp_samples: [{labels: '{}', value: 4}]}
""",
    )  # g, rec, ALERTS and ALERTS_FOR_STATE
    assert report.passed, show_text([report])
