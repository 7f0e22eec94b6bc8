"""Prometheus rules: what they become, what is refused, and where findings point."""

import pytest

from engine.limits import Limits
from engine.plan import PromGroup, PromRule
from engine.promql import parse
from engine.rules import load
from tests.rules.checking import check, good, underlined

GROUP = "groups:\n- name: g\n  rules:\n"
DAY_MS = 86_400_000

WHOLE = """\
groups:
- name: checkout
  interval: 15s
  limit: 7
  query_offset: 1m
  labels: {team: pay, tier: "1"}
  tenant: acme
  rules:
  - record: job:errors:rate5m
    expr: sum by (job) (rate(errors_total[5m]))
    labels: {tier: 2, braces: "{{ as written }}"}
  - alert: ErrorRatio
    expr: |
      job:errors:rate5m
        > 0.05
    for: 2m
    keep_firing_for: 1m30s
    labels: {severity: page}
    annotations:
      summary: "{{ $labels.job }} fails {{ $value | humanizePercentage }}"
      runbook:
"""


def one(**keys: str | None) -> str:
    merged = {"alert": "A", "expr": "up == 0", **keys}
    lines = [f"{name.rstrip('_')}: {text}" for name, text in merged.items() if text is not None]
    return GROUP + "  - " + "\n    ".join(lines) + "\n"


def groups(text: str) -> tuple[PromGroup, ...]:
    return good(text).prom


def rule(text: str) -> PromRule:
    ((found,),) = (group.rules for group in groups(text))
    return found


def identities(*texts: str) -> list[str]:
    rules, findings = load({f"{n}.yml": text for n, text in enumerate(texts)})
    assert rules is not None, findings
    return [rule.identity for group in rules.prom for rule in group.rules]


def test_a_whole_group_is_read() -> None:
    (group,) = groups(WHOLE)
    assert (group.tenant, group.name, group.file) == ("acme", "checkout", "r.yml")
    assert (group.interval_ms, group.query_offset_ms, group.limit) == (15_000, 60_000, 7)
    record, alert = group.rules
    assert (record.kind, record.name, record.line) == ("record", "job:errors:rate5m", 9)
    assert record.labels == {"team": "pay", "tier": "2", "braces": "{{ as written }}"}
    assert record.expr == parse("sum by (job) (rate(errors_total[5m]))")
    assert (alert.kind, alert.name, alert.line) == ("alert", "ErrorRatio", 12)
    assert alert.text == "job:errors:rate5m\n  > 0.05\n"
    assert alert.expr == parse("job:errors:rate5m > 0.05")
    assert (alert.for_ms, alert.keep_firing_for_ms) == (120_000, 90_000)
    assert alert.labels == {"team": "pay", "tier": "1", "severity": "page"}
    assert alert.annotations["runbook"] == ""
    assert alert.annotations["summary"].startswith("{{ $labels.job }}")


def test_what_is_left_out_has_defaults() -> None:
    text = one()
    (group,) = groups(text)
    assert (group.tenant, group.interval_ms) == ("default", 60_000)
    assert (group.query_offset_ms, group.limit) == (0, 0)
    assert (group.rules[0].for_ms, group.rules[0].labels) == (0, {})
    rules, _ = load({"r.yml": text}, interval_ms=5_000)
    assert rules is not None
    assert rules.prom[0].interval_ms == 5_000


@pytest.mark.parametrize(
    "keys",
    [
        {"expr": "1"},
        {"for_": "0"},
        {"for_": ""},
        {"labels": ""},
        {"labels": "{a: , b: 1, c: true, d: 2020-01-01}"},
        {"labels": "{ins-tance: x, 'é.ü': y, __hidden: z}"},
        {"annotations": "{'a b': x}"},
        {"alert": "'a name with spaces, é and 🙂'"},
        {"alert": None, "record": "Hello", "for": "0s", "annotations": "{}"},
        {"alert": None, "record": "'an.other name'"},
        {"expr": '\'{"a.b", "l.x"="y"} > 0\''},
        {"record": ""},
    ],
)
def test_what_promtool_accepts_loads(keys: dict[str, str | None]) -> None:
    assert good(one(**keys)).size == 1


@pytest.mark.parametrize(
    ("keys", "findings"),
    [
        ({"alert": None}, ["rule-kind: expr"]),
        ({"alert": "''"}, ["rule-kind: alert"]),
        ({"record": "b"}, ["rule-kind: record"]),
        ({"expr": None}, ["key-missing: alert"]),
        ({"expr": "''"}, ["key-missing: expr"]),
        ({"expr": "{a: b}"}, ["value-type: a"]),
        ({"expr": "up =="}, ["promql: "]),
        ({"expr": "sum(up))"}, ["promql: )"]),
        ({"expr": "rate(up)"}, ["promql: up"]),
        ({"expr": "up[5m]"}, ["promql-type: up[5m]"]),
        ({"expr": "'\"text\"'"}, ['promql-type: "text"']),
        ({"expr": "sum(histogram_count(a)) > 1"}, ["promql-native-histogram: histogram_count"]),
        ({"expr": "quantile_over_time(0.9, a[3d]) > 1"}, ["promql-range: a[3d]"]),
        ({"expr": "up and median_over_time(a[5m])"}, ["rule-language: median_over_time"]),
        ({"expr": "a default 0"}, ["rule-language: default"]),
        ({"expr": '\'sum(rate({app="a"} |= "x" [5m]))\''}, ["rule-language: } |="]),
        ({"alert": None, "record": "'a{b=\"c\"}'"}, ["record-name: 'a{b=\"c\"}'"]),
        ({"alert": None, "record": "b", "for": "1m"}, ["record-key: for"]),
        ({"alert": None, "record": "b", "keep_firing_for": "1m"}, ["record-key: keep_firing_for"]),
        ({"alert": None, "record": "b", "annotations": "{a: b}"}, ["record-key: annotations"]),
        ({"for": "5"}, ["duration: 5"]),
        ({"for": "-5m"}, ["duration: -5m"]),
        ({"for": "1m1h"}, ["duration: 1m1h"]),
        ({"labels": "{__name__: a}"}, ["label-name: __name__"]),
        ({"labels": "{'': a}"}, ["label-name: ''"]),
        ({"labels": "[a]"}, ["value-type: ["]),
        ({"labels": "{a: [b]}"}, ["value-type: ["]),
        ({"annotations": "{'': a}"}, ["label-name: ''"]),
        ({"fro": "5m"}, ["key-unknown: fro"]),
        ({"window": "{tumbling: 1m}"}, ["unsupported: window"]),
        ({"tenant": "a"}, ["unsupported: tenant"]),
        ({"debug": "true"}, ["unsupported: debug"]),
    ],
)
def test_mistakes_in_a_rule(keys: dict[str, str | None], findings: list[str]) -> None:
    check(one(**keys), *findings)


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        ("interval: 5", ["duration: 5"]),
        ("interval: 50ms", ["value-range: 50ms"]),
        ("limit: many", ["value-type: many"]),
        ("query_offset: -1m", ["duration: -1m"]),
        ("labels: {__name__: a}", ["label-name: __name__"]),
        ("concurrency: 2", ["unsupported: concurrency"]),
        ("namespace: a", ["key-unknown: namespace"]),
        ("interval: 0s", []),
        ("interval: 2d", []),
        ("limit: -1", []),
        ("limit: 1e3", []),
        ("query_offset: 0", []),
        ("labels:", []),
    ],
)
def test_keys_of_a_group(line: str, findings: list[str]) -> None:
    check(one().replace("  rules:", f"  {line}\n  rules:"), *findings)


@pytest.mark.parametrize(
    ("expression", "line", "column", "underlined_"),
    [
        ('sum by (a) (\n  up{b=~"c"}\n) > rate(d)', 8, 16, "d"),
        ("up ==\n  0 andd up", 7, 11, "andd"),
        ("up\n  == bool == 1", 7, 17, "=="),
        ('a\n+\nb{c="d"', 8, 14, ""),
    ],
)
def test_a_mistake_in_a_block_is_shown_on_its_own_line(
    expression: str, line: int, column: int, underlined_: str
) -> None:
    """Lines 6 and on hold the expression, indented by six."""
    block = "|\n" + "\n".join(f"      {part}" for part in expression.split("\n"))
    text = one(expr=block)
    (finding,) = load({"r.yml": text})[1]
    assert finding.code == "promql"
    assert finding.line == line
    assert finding.column == column
    assert text.split("\n")[line - 1][finding.column - 1 :].startswith(underlined_)


def test_identity_is_group_and_name_and_no_file() -> None:
    assert identities(one()) == ["g/A"]
    changed = one(expr="up == 1", for_="7m", annotations="{a: b}", labels="{team: a}")
    assert identities(changed) == ["g/A"]
    assert identities(one(id="mine")) == ["mine"]
    assert identities(one(alert=None, record="b")) == ["g/b"]


def test_rules_of_one_name_are_told_apart_by_their_labels_then_by_number() -> None:
    first = one(labels="{severity: page}")
    again = first.replace(GROUP, "")
    other = again.replace("page", "{{ $value }}").replace("{{ $value }}", "'{{ $value }}'")
    text = first + again.replace("page", "warn") + again.replace("page", "info") + again + other
    assert identities(text) == [
        "g/A", "g/A{severity='warn'}", "g/A{severity='info'}", "g/A{severity='page'}", "g/A#2",
    ]  # fmt: skip


def test_what_comes_behind_a_rule_does_not_change_its_identity() -> None:
    first = one(labels="{severity: page}")
    more = first + first.replace(GROUP, "").replace("page", "warn")
    assert identities(more)[:1] == identities(first)


def test_groups_of_one_name_in_two_files_are_fine() -> None:
    assert identities(one(), one()) == ["g/A", "g/A#2"]
    check(one() + one().removeprefix("groups:\n"), "group-duplicate: g", "rule-repeated:  ")


def test_two_equal_ids_are_refused_across_files_and_kinds() -> None:
    native = "  - {alert: N, id: x, metrics: m, window: {tumbling: 1m}, "
    native += "compute: {v: sum()}, when: v > 1}\n"
    files = {"a.yml": one(id="x"), "b.yml": one(id="x")}
    assert [(f.file, f.code) for f in load(files)[1]] == [("b.yml", "rule-duplicate")]
    files = {"a.yml": GROUP + native, "b.yml": one(id="x")}
    assert [(f.file, f.code) for f in load(files)[1]] == [("b.yml", "rule-duplicate")]
    assert identities(one(id="g/B") + one(alert="B").replace(GROUP, "")) == ["g/B", "g/B#2"]


def test_rules_with_equal_name_and_labels_are_worth_a_warning() -> None:
    text = one() + one(expr="up == 1").replace(GROUP, "")
    assert underlined(text) == ["rule-repeated:  "]
    assert good(text).size == 2
    assert underlined(one() + one(labels="{a: b}").replace(GROUP, "")) == []


def test_version_is_what_a_rule_means() -> None:
    first = rule(one(expr="sum by (a) (up) == 0"))
    assert first.version == rule("# moved\n" + one(expr="'sum(up) by (a) ==0'")).version
    for other in (
        one(expr="sum by (a) (up) == 1"),
        one(expr="sum by (a) (up) == 0", for_="1m"),
        one(expr="sum by (a) (up) == 0", labels="{a: b}"),
        one(expr="sum by (a) (up) == 0", annotations="{a: b}"),
        one(expr="sum by (a) (up) == 0").replace("  rules:", "  interval: 5s\n  rules:"),
    ):
        assert rule(other).version != first.version


def test_native_rules_stand_beside_them_in_one_group() -> None:
    native = "  - {alert: N, metrics: m, window: {sliding: 1m}, compute: {v: sum()}, when: v > 1}\n"
    text = one().replace("  rules:", "  interval: 15s\n  labels: {team: a}\n  rules:") + native
    rules = good(text)
    assert [r.name for r in rules.rules] == ["N"]
    assert rules.rules[0].window.every_ms == 15_000
    assert rules.rules[0].labels == {"team": "a"}
    assert [r.name for r in rules.prom[0].rules] == ["A"]
    assert rules.size == 2


def test_ranges_that_keep_all_their_samples_are_told_of() -> None:
    rules, (finding,) = load({"r.yml": one(expr="quantile_over_time(0.9, a[1d]) > 1")})
    assert rules is not None
    assert (finding.code, finding.severity) == ("promql-range-cost", "warning")
    assert "69,120 bytes a series" in finding.message
    assert good(one(expr="quantile_over_time(0.9, a[1h]) > 1")).size == 1


def test_limits_are_named_and_can_be_raised() -> None:
    text = one(expr="quantile_over_time(0.9, a[7d]) > 1")
    (finding,) = load({"r.yml": text})[1]
    assert "limits.ring_long_ms_max" in finding.help
    rules, _ = load({"r.yml": text}, limits=Limits(ring_long_ms_max=7 * DAY_MS))
    assert rules is not None
    assert good(one(expr="max_over_time(quantile_over_time(0.9, a[1h])[1d:5m]) > 1")).size == 1
    assert good(one(expr="absent_over_time(a[7d])")).size == 1
    assert good(one(expr="avg_over_time(a[30d]) > rate(b[1d] offset 7d)")).size == 1
    two = one() + one(alert="B").replace(GROUP, "")
    assert [f.code for f in load({"r.yml": two}, limits=Limits(rules_max=1))[1]] == ["rules-limit"]
