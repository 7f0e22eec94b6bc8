"""The reader of rule test files: every finding at once, each where it stands."""

from pathlib import Path

import pytest

from engine.ruletests import read_tests

FULL = """\
rule_files: [a.yml, "rules/*.yml"]
evaluation_interval: 30s
group_eval_order: [first, second]
fuzzy_compare: yes
tests:
- interval: 1m
  name: disks
  start_timestamp: 2026-01-01T00:00:00Z
  external_labels: {cluster: eu-1}
  external_url: http://x
  input_series:
  - series: 'up{job="a"}'
    values: 1x3 stale
  - series: 'up{job="b"}'
    values: 5
  input_logs:
  - stream: '{service="web"}'
    message: timeout
    at: 10s
    every: 1s
    count: 20
    fields: {user: 7}
  alert_rule_test:
  - eval_time: 5m
    alertname: Down
    exp_alerts:
    - exp_labels: {job: a, code: 500}
      exp_annotations: {summary: down}
    -
  - {eval_time: 0, alertname: Down, exp_alerts: []}
  promql_expr_test:
  - expr: sum(up)
    eval_time: 1m30s
    exp_samples:
    - {labels: '{}', value: 2}
    - {labels: 'up{job="a"}', value: .inf}
- {}
"""


def test_a_file_with_everything():
    tests, findings = read_tests(FULL, "t.yml")
    assert findings == []
    assert [name for name, _ in tests.rule_files] == ["a.yml", "rules/*.yml"]
    assert (tests.evaluation_interval_ms, tests.fuzzy_compare) == (30_000, True)
    assert tests.group_order == ("first", "second")
    group, empty = tests.groups
    assert (group.interval_ms, group.name, group.start_ms) == (60_000, "disks", 1767225600000)
    assert [one.values for one in group.series] == [(1, 1, 1, 1, "stale"), (5,)]
    assert (group.logs[0].count, group.logs[0].every_ms, group.logs[0].fields) == (
        20,
        1000,
        {"user": 7},
    )
    assert group.alerts[0].alerts[0].labels == (
        ("alertname", "Down"),
        ("code", "500"),
        ("job", "a"),
    )
    assert group.alerts[0].alerts[1].labels == (("alertname", "Down"),)
    assert group.alerts[1].alerts == ()
    assert [row.value for row in group.expressions[0].samples] == [2, float("inf")]
    assert (group.end_ms, group.external_labels) == (300_000, {"cluster": "eu-1"})
    assert (empty.end_ms, empty.interval_ms) == (0, 30_000)


def test_series_of_equal_labels_replace_each_other():
    text = "tests: [{input_series: [{series: a, values: 1}, {series: a, values: 2}]}]"
    tests, _ = read_tests(text, "t.yml")
    assert [one.values for one in tests.groups[0].series] == [(2,)]


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [
        ("testz: []", 1, 1, "key-unknown"),
        ("tests: [{input_seris: []}]", 1, 10, "key-unknown"),
        ("tests: {}", 1, 8, "value-type"),
        ("evaluation_interval: 5", 1, 22, "duration"),
        ("group_eval_order: [a, b, a]", 1, 26, "test-group-order"),
        ("tests:\n- input_series:\n  - series: 'up{'\n    values: 1", 3, 17, "test-series"),
        ("tests:\n- input_series:\n  - series: up\n    values: 1 2z", 4, 16, "test-series"),
        ("tests:\n- input_series:\n  - values: 1", 3, 5, "key-missing"),
        ("tests:\n- input_series:\n  - series: up\n    values: '{{sum:1}}'", 4, 14, "test-histogram"),
        ("tests:\n- promql_expr_test:\n  - expr: sum(", 3, 14, "test-expression"),
        ("tests:\n- promql_expr_test:\n  - eval_time: 1m", 3, 5, "key-missing"),
        ("tests:\n- promql_expr_test:\n  - expr: up\n    exp_samples: [{value: x}]", 4, 27, "value-type"),
        ("tests:\n- promql_expr_test:\n  - expr: up\n    exp_samples: [{histogram: x}]", 4, 31, "test-histogram"),
        ("tests:\n- alert_rule_test:\n  - eval_time: 1m", 3, 5, "key-missing"),
        ("tests:\n- start_timestamp: yesterday", 2, 20, "test-start"),
        ("tests:\n- input_logs:\n  - stream: '{a=\"b\"}'", 3, 5, "test-log"),
        ("tests:\n- {}\n---\n- {}", 3, 1, "yaml-documents"),
        ("tests:\n- [", 2, 3, "yaml-syntax"),
    ],
)  # fmt: skip
def test_findings_stand_where_the_mistake_is(text, line, column, code):
    tests, findings = read_tests(text, "t.yml")
    assert tests is None
    assert (code, line) in [(one.code, one.line) for one in findings], findings
    found = next(one for one in findings if one.code == code)
    assert found.column == column, findings


def test_all_findings_of_a_file_at_once():
    _, findings = read_tests(FULL.replace("1x3 stale", "1x").replace("sum(up)", "sum("), "t.yml")
    assert [one.code for one in findings] == ["test-series", "test-expression"]


def test_corpora_are_read(corpora: Path):
    bad = {
        "bad-input-series.yml", "disable-group-label.yaml", "long-period.yaml", "failed-test.yaml"
    }  # fmt: skip
    for file in sorted(corpora.glob("**/*.y*ml")):
        text = file.read_text()
        if "\ntests:" in text and "promtool/docs" not in str(file):
            tests, findings = read_tests(text, file.name)
            assert (tests is None) == (file.name in bad), (file, findings)
