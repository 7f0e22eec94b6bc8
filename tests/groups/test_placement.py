"""Placement: which rules a shard judges by itself, what it sends for the others."""

import pytest

from engine.plan import place
from engine.promql import to_text
from tests.groups.promworld import group, query, rule

LIMIT_MS = 3_600_000


def where(*groups):
    """(local, owned) rule names, each sorted; owned as one list a component."""
    plan = place(groups, LIMIT_MS)
    local = sorted(one.name for part in plan.local for one in part.rules)
    owned = sorted(
        sorted(one.name for part in component.groups for one in part.rules)
        for component in plan.components
    )
    return local, owned


def sent(expr):
    """What shards send for a query: texts, `sum(…)` for what they sum in part."""
    (component,) = place([group(query(expr))], LIMIT_MS).components
    found = []
    for one in component.exchanges:
        text = to_text(one.expr if one.partial is None else one.partial)
        notes = ["mirror"] * one.mirror + [f"delay {one.delay_ms}"] * bool(one.delay_ms)
        notes += [f"in [{frame.range_ms}:{frame.step_ms}]" for frame in one.frames]
        found.append(" ".join([text, *notes]))
    return found


@pytest.mark.parametrize(
    "expr",
    [
        "temp > 5",
        "rate(hits{a='b'}[5m]) * 60 > 5",
        "-abs(temp) == bool 1",
        "clamp(temp, 1, 2) > 1 + 1",
        "max_over_time(rate(hits[5m])[30m:1m]) > 1",
        "time() - temp > 60",
        "avg_over_time(temp[1d]) > 5",
        "temp offset 10m > 5",
    ],
)
def test_what_keeps_the_series_of_one_name_apart_is_local(expr):
    assert where(group(rule("alert", "A", expr))) == (["A"], [])


@pytest.mark.parametrize(
    "expr",
    [
        "sum(temp) > 5",
        "temp > other",
        "temp and other",
        "absent(temp)",
        "{__name__=~'temp.*'} > 5",
        "temp > scalar(other)",
        "label_replace(temp, 'a', 'b', '', '') > 1",
        "temp offset 2h > 5",
        "max_over_time(temp[2h:1m]) > 5",
        "vector(1) > 0",
    ],
)
def test_what_needs_more_than_its_series_has_an_owner(expr):
    assert where(group(rule("alert", "A", expr))) == ([], [["A"]])


def test_a_limit_and_a_recording_need_an_owner():
    assert where(group(rule("alert", "A", "temp > 5"), limit=3)) == ([], [["A"]])
    assert where(group(rule("record", "r", "temp"))) == ([], [["r"]])


def test_what_reads_what_is_recorded_has_the_same_owner():
    groups = (
        group(rule("record", "job:temp", "sum by (job) (temp)"), rule("alert", "L", "temp > 1")),
        group(rule("alert", "A", "job:temp > 5", group="h"), name="h"),
        group(rule("alert", "B", "{__name__=~'job:.*'} > 5", group="i"), name="i"),
        group(rule("record", "other", "sum(temp)", group="j"), name="j"),
    )
    assert where(*groups) == (["L"], [["A", "B", "job:temp"], ["other"]])


def test_alerts_are_read_where_they_are_judged():
    groups = (
        group(rule("alert", "A", "temp > 5"), rule("alert", "B", "temp > 6")),
        group(rule("alert", "C", "ALERTS{alertname='A'} > 0", group="h"), name="h"),
    )
    assert where(*groups) == (["B"], [["A", "C"]])


def test_a_selector_of_anything_binds_nobody():
    groups = (
        group(rule("alert", "A", "temp > 5"), rule("record", "r", "sum(temp)")),
        group(rule("alert", "C", "count({job='x'}) > 0", group="h"), name="h"),
    )
    assert where(*groups) == (["A"], [["C"], ["r"]])


@pytest.mark.parametrize(
    ("expr", "want"),
    [
        ("temp", ["temp"]),
        ("sum by (a) (rate(temp[5m]) > 1)", ["sum by (a) (rate(temp[5m]) > 1)"]),
        ("topk(2, sum by (a) (temp))", ["sum by (a) (temp)"]),
        ("stddev(temp * 2)", ["temp * 2"]),
        ("sum(temp) / on () other", ["sum(temp)", "other"]),
        ("sum(temp) + sum(temp)", ["sum(temp)"]),
        ("max_over_time(sum(temp)[5m:1m])", ["sum(temp) in [300000:60000]"]),
        ("temp offset 2h", ["temp delay 7200000"]),
        ("sum(rate(temp[5m] offset 1d))", ["rate(temp[5m]) delay 86400000"]),
        ("max_over_time(temp[2h:5m])", ["temp in [7200000:300000]"]),
        ("quantile_over_time(scalar(q), temp[5m])", ["q", "temp mirror"]),
        ("clamp_max(temp, scalar(q))", ["temp", "q"]),
        ("absent(temp{a='b'})", ['temp{a="b"}']),
    ],
)
def test_what_shards_send(expr, want):
    assert sent(expr) == want
