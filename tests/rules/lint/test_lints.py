"""Every lint: a rule that it is for, and one that looks nearly the same and is right."""

import pytest

from engine.rules.lint import LINT_CODES, Options
from tests.rules.lint.linted import alert, codes, group, linted, record, underlined

FOR = "for: 10m"


def _annotated(text: str) -> str:
    return f"annotations: {{summary: {text!r}}}"


def _labelled(text: str) -> str:
    return f"labels: {{l: {text!r}}}"


CASES = [
    ("alerts-absent", alert("absent(up)"), alert("absent(up)", FOR)),
    ("alerts-absent", alert("absent(up) or up == 0"), alert("absent_over_time(up[10m])")),
    ("alerts-comparison", alert("up"), alert("up == 0")),
    ("alerts-comparison", alert("up == bool 0"), alert("(up == bool 0) == 1")),
    ("alerts-comparison", alert("a > 1 or b"), alert("a > 1 or b > 1")),
    ("alerts-comparison", alert("sum(a) by (b)"), alert("sum(a > 1) by (b)")),
    ("alerts-comparison", alert("rate(a[5m]) >= 0"), alert("rate(a[5m]) > 0")),
    ("alerts-comparison", alert("rate(a[5m]) * 100 > -1"), alert("delta(a[5m]) * 100 > -1")),
    ("alerts-comparison", alert("vector(time())"), alert("vector(1)")),
    ("alerts-comparison", alert("a + b"), alert("a and b")),
    ("alerts-comparison", alert("a * 2"), alert("count(a) > 0")),
    ("alerts-for", alert("a > 1", "for: 0s"), alert("a > 1", "for: 1m")),
    ("alerts-for", alert("a > 1", "for: 10s"), alert("a > 1")),
    ("alerts-for", alert("a > 1", "keep_firing_for: 0m"), alert("a > 1", "keep_firing_for: 1s")),
    ("alerts-template", alert("sum(a) > 1", _annotated("{{ $labels.job }}")),
     alert("sum(a) by (job) > 1", _annotated("{{ $labels.job }}"))),
    ("alerts-template", alert("sum(a) without (job) > 1", _annotated("{{ .Labels.job }}")),
     alert("sum(a) without (job) > 1", _annotated("{{ .Labels.instance }}"))),
    ("alerts-template", alert("absent(a)", FOR, _annotated("{{ $labels.job }}")),
     alert('absent(a{job="x"})', FOR, _annotated("{{ $labels.job }}"))),
    ("alerts-template", alert("a / on(x) b > 1", _annotated("{{ $labels.y }}")),
     alert("a / on(x) group_left(z) b > 1", _annotated("{{ $labels.y }}{{ $labels.z }}"))),
    ("alerts-template", alert("sum(a) > 1", _annotated("{{ $labels.job }}")),
     alert("sum(a) > 1", _annotated("{{ if $labels.job }}x{{ end }}"))),
    ("alerts-template", alert("vector(1) > 0", _annotated("{{ $labels.job }}")),
     alert("a > 0", _annotated("{{ $labels.job }}"))),
    ("alerts-template", alert("count_values('v', a) > 1", _annotated("{{ $labels.w }}")),
     alert("count_values('v', a) > 1", _annotated("{{ $labels.v }}"))),
    ("alerts-template", alert('a{x=""} > 1', _annotated("{{ $labels.x }}")),
     alert('a{x="y"} > 1', _annotated("{{ $labels.x }}"))),
    ("alerts-template", alert("histogram_quantile(0.9, a) > 1", _annotated("{{ $labels.le }}")),
     alert("a_bucket > 1", _annotated("{{ $labels.le }}"))),
    ("alerts-template", alert("a > 1", _labelled("{{ $value }}")),
     alert("a > 1", _annotated("{{ $value }}"))),
    ("alerts-template", alert("a > 1", _labelled("{{ now }}")), alert("a > 1", _labelled("x"))),
    ("alerts-template", alert("a > 1", _annotated('{{ query "up{" }}')),
     alert("a > 1", _annotated('{{ query "up" }}'))),
    ("promql-counter", alert("a_total > 5"), alert("rate(a_total[5m]) > 5")),
    ("promql-counter", alert("sum(a_total) > 5"), alert("count(a_total) > 5")),
    ("promql-counter", alert("a_total > 5"), alert("a_total - a_total offset 5m > 5")),
    ("promql-counter", alert("max(a_total) > 5"), record("r:a:max", "max(a_total)")),
    ("promql-fragile", alert("sum(a) without (x) / sum(b) by (y) > 1"),
     alert("sum(a) without (x) / sum(b) without (x) > 1")),
    ("promql-fragile", alert("sum(a) without (x) / b > 1"), alert("sum(a) without (x) / 3 > 1")),
    ("promql-fragile", alert("topk(3, a) > 1"), record("r:a:topk", "topk(3, a)")),
    ("promql-fragile", alert("topk(1, a) > 1"), alert("topk(1, a) by (x) > 1")),
    ("promql-impossible", alert("count(a) == 0"), alert("(count(a) or vector(0)) == 0")),
    ("promql-impossible", alert("count(a) < 1"), alert("count(a) < 2")),
    ("promql-impossible", alert("rate(a[5m]) < 0"), alert("deriv(a[5m]) < 0")),
    ("promql-impossible", alert("sum(up == 0) > 0"), alert("sum(up == bool 0) > 0")),
    ("promql-impossible", alert("(a > 10) < 5"), alert("(a > 5) < 10")),
    ("promql-impossible", alert("5 > (a > 10)"), alert("50 > (a > 10)")),
    ("promql-impossible", alert("up > 1"), alert("up < 1")),
    ("promql-impossible", alert("hour() > 24"), alert("hour() > 20")),
    ("promql-impossible", alert("vector(0) > 0"), alert("vector(1) > 0")),
    ("promql-impossible", alert('a{x="1",x="2"} > 0'), alert('a{x="1",y="2"} > 0')),
    ("promql-impossible", alert('a{x="1",x!="1"} > 0'), alert('a{x="1",x!="2"} > 0')),
    ("promql-impossible", alert('a{x="1",x=~"2|3"} > 0'), alert('a{x="1",x=~"1|3"} > 0')),
    ("promql-impossible", alert("vector(1) or vector(2)"), alert("a > 1 or vector(2)")),
    ("promql-nan", alert("a == NaN"), alert("a != a")),
    ("promql-nan", alert("sum(a / b) > 1"), alert("sum(a) / sum(b) > 1")),
    ("promql-nan", alert("avg((a / (b))) > 1"), alert("avg(a / (b > 0)) > 1")),
    ("promql-nan", alert("sum(a % b) > 1"), alert("sum(a / clamp_min(b, 1)) > 1")),
    ("promql-nan", alert("sum(a / sum(b)) > 1"), alert("sum(a / count(b)) > 1")),
    ("promql-nan", alert("sum(a / b) > 1"), alert("max(a / b) + sum(a / (b != 0)) > 1")),
    ("promql-impossible", alert("sum(sum(a)) by (x) > 1"), alert("sum(sum(a) by (x)) by (x) > 1")),
    ("promql-impossible", alert("max(absent(a)) by (x) > 0"),
     alert('max(absent(a{x="y"})) by (x) > 0')),
    ("promql-vector-matching", alert("sum(a) / on(x) count(b) > 1"),
     alert("sum(a) / on() count(b) > 1")),
    ("promql-vector-matching", alert("a > 1 unless sum(b)"), alert("a > 1 unless on() sum(b)")),
    ("alerts-template",
     alert("a > 1", _annotated('{{ with query "sum(up)" }}{{ . | first | label "i" }}{{ end }}')),
     alert("a > 1", _annotated('{{ with query "up" }}{{ . | first | label "i" }}{{ end }}'))),
    ("promql-nan", alert("a > (NaN)"), alert("a > Inf")),
    ("promql-offset", alert("a offset -5m > 1"), alert("a offset 5m > 1")),
    ("promql-offset", alert("max_over_time(a[5m:1m] offset -5m) > 1"),
     alert("max_over_time(a[5m:1m]) > 1")),
    ("promql-rate", alert("rate(sum(a_total)[5m:1m]) > 1"), alert("sum(rate(a_total[5m])) > 1")),
    ("promql-rate", alert("rate(rate(a[5m])[5m:1m]) > 1"), alert("deriv(rate(a[5m])[5m:1m]) > 1")),
    ("promql-rate", alert("delta(a_total[5m]) > 1"), alert("delta(a[5m]) > 1")),
    ("promql-rate", alert("rate(a_total[30s]) > 1"), alert("rate(a_total[1m]) > 1")),
    ("promql-regexp", alert('a{x=~"y"} > 1'), alert('a{x=~"y|z"} > 1')),
    ("promql-regexp", alert('a{x!~"a b"} > 1'), alert('a{x!~"a.b"} > 1')),
    ("promql-regexp", alert('a{x=~".*"} > 1'), alert('a{x=~".*z"} > 1')),
    ("promql-regexp", alert('a{x=~".+"} > 1'), alert('a{x!=""} > 1')),
    ("promql-regexp", alert('a{x=~"^y.*"} > 1'), alert('a{x=~"^y|z$"} > 1')),
    ("promql-vector-matching", alert("sum(a) by (x) / sum(b) by (y) > 1"),
     alert("sum(a) by (x, y) / sum(b) by (y, x) > 1")),
    ("promql-vector-matching", alert("a / sum(b) > 1"), alert("a / on() group_left() sum(b) > 1")),
    ("promql-vector-matching", alert("a / on(x) sum(b) by (y) > 1"),
     alert("a / on(y) sum(b) by (y) > 1")),
    ("promql-vector-matching", alert("sum(a) by (x) and sum(b) by (x, y) > 1"),
     alert("sum(a) by (x) and on(x) sum(b) by (x, y) > 1")),
    ("promql-vector-matching", alert("a > sum(b)"), alert("a > scalar(sum(b))")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "wrong", "right"), CASES)
def test_a_lint_finds_the_one_and_not_the_other(code: str, wrong: str, right: str) -> None:
    assert code in codes(group(wrong))
    assert code not in codes(group(right))


WANTED = [
    ("alerts-annotation", alert("a > 1"), alert("a > 1", _annotated("x")),
     Options(annotations_required=("summary",))),
    ("alerts-external-labels", alert("a > 1", _annotated("{{ $externalLabels.x }}")),
     alert("a > 1", _annotated("{{ $externalLabels.region }}")),
     Options(external_labels=frozenset({"region"}))),
    ("group-interval", alert("a > 1"), alert("a > 1"), Options(interval_ms_min=120_000)),
    ("labels-conflict", alert("a > 1", "labels: {region: x}"), alert("a > 1", "labels: {zone: x}"),
     Options(external_labels=frozenset({"region"}))),
    ("rule-for", alert("a > 1"), alert("a > 1", FOR), Options(for_ms_min=60_000)),
    ("rule-for", alert("a > 1", FOR), alert("a > 1"), Options(for_ms_max=60_000)),
    ("rule-label", alert("a > 1"), alert("a > 1", "labels: {severity: x}"),
     Options(labels_required=("severity",))),
    ("rule-name", record("nocolons", "a"), record("job:a:sum", "a"),
     Options(record_name=".+:.+:.+")),
    ("rule-name", alert("a > 1"), record("lower", "a"), Options(alert_name="[A-Z][a-z]+")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "wrong", "right", "options"), WANTED)
def test_what_a_project_asks_for(code: str, wrong: str, right: str, options: Options) -> None:
    assert code in codes(group(wrong), options)
    assert code not in codes(group(wrong))  # only where it is asked for
    interval = "2m" if code == "group-interval" else "1m"
    assert code not in codes(group(right, interval=interval), options)


def test_recorded_names_are_looked_through() -> None:
    recorded = record("job:a:sum", "sum(rate(a_total[5m])) by (job)")
    text = group(recorded, alert("job:a:sum > 1", _annotated("{{ $labels.instance }}")))
    (found,) = linted(text)
    assert found.code == "alerts-template"
    assert "`by(job)` only keeps job" in found.message
    assert "alerts-template" not in codes(
        group(recorded, alert("job:a:sum > 1", _annotated("{{ $labels.job }}")))
    )
    assert "promql-rate" in codes(group(recorded, alert("rate(job:a:sum[5m]) > 1")))
    plain = record("a:all", "a")
    assert "promql-rate" not in codes(group(plain, alert("rate(a:all[5m]) > 1")))
    other = record("job:b:sum", "sum(b) by (job, x)")
    assert "promql-vector-matching" in codes(
        group(recorded, other, alert("job:a:sum / job:b:sum > 1"))
    )
    assert "promql-vector-matching" not in codes(
        group(recorded, other, alert("job:a:sum / on(job) group_right() job:b:sum > 1"))
    )


def test_a_record_that_records_itself_ends() -> None:
    assert codes(group(record("a:b", "a:b + 1"), alert("a:b > 1", _annotated("{{ $labels.x }}"))))  \
        is not None  # fmt: skip


def test_the_same_series_twice() -> None:
    twice = group(record("a:b", "sum(a)"), record("a:c", "sum(a)"), record("a:b", "sum( a )"))
    assert [each.line for each in linted(twice) if each.code == "rule-duplicate-record"] == [9]
    once = group(record("a:b", "sum(a)"), record("a:b", "sum(b)"))
    assert "rule-duplicate-record" not in codes(once)


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (alert("a / (up > 1)"), "up > 1"),
        (alert('a{x=~"y", z="1"} > 1'), 'x=~"y"'),
        (alert("sum(a) > 1", "labels: {l: 'v {{ $labels.job }}'}"), "$labels.job"),
        (alert("a > 1", "for: 0s"), "for"),
        ("alert: A\nexpr: |\n  a\n  and on() count(b)\n  == 0", "count(b)"),
    ],
)
def test_a_warning_stands_under_what_it_is_about(rule: str, shown: str) -> None:
    text = group(rule)
    (found,) = linted(text)
    assert underlined(text, found) == shown


def test_every_lint_is_tried() -> None:
    tried = {case[0] for case in CASES} | {case[0] for case in WANTED}
    assert tried | {"rule-duplicate-record", "lint-comment"} == set(LINT_CODES)
