"""What a rule reads: selectors and line filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import LineFilter, load
from engine.series import Matcher, selects
from tests.rules.checking import check, one, rule


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("errors", [("__name__", "=", "errors")]),
        ("job:errors:rate5m", [("__name__", "=", "job:errors:rate5m")]),
        ('errors{service="web"}', [("__name__", "=", "errors"), ("service", "=", "web")]),
        ('errors { a != "1" , b =~ "x|y" , }',
         [("__name__", "=", "errors"), ("a", "!=", "1"), ("b", "=~", "x|y")]),
        ("errors{}", [("__name__", "=", "errors")]),
        ("'{__name__=~\"http_.*\"}'", [("__name__", "=~", "http_.*")]),
        ('\'{"my.metric", a="b"}\'', [("__name__", "=", "my.metric"), ("a", "=", "b")]),
        ("errors{a=\"q\\\"uo\\\\te\"}", [("__name__", "=", "errors"), ("a", "=", 'q"uo\\te')]),
        ("errors{a=`raw\\n`}", [("__name__", "=", "errors"), ("a", "=", "raw\\n")]),
        ("errors{a=~\"a\\\\.b\\.c\"}", [("__name__", "=", "errors"), ("a", "=~", "a\\.b\\.c")]),
    ],
)  # fmt: skip
def test_metric_selectors(text: str, matchers: list[tuple[str, str, str]]) -> None:
    selector = rule(one(metrics=text)).input.selector
    assert [(m.name, m.operator, m.value) for m in selector] == matchers


def test_log_selectors_and_filters_in_order() -> None:
    text = r"""'{service="a", pod!=""} |= "time out" != `x` |~ "a\\d+" !~ "debug|trace"'"""
    source = rule(one(logs=text)).input
    assert [str(m) for m in source.selector] == ['service="a"', 'pod!=""']
    assert source.line_filters == (
        LineFilter("|=", "time out"), LineFilter("!=", "x"), LineFilter("|~", "a\\d+"),
        LineFilter("!~", "debug|trace"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("errors{a=b}", ["selector: b"]),
        ('errors{a="b"', ["selector: {"]),
        ('errors{a "b"}', ["selector: \""]),
        ('errors{"a" "b"}', ["selector: \""]),
        ('errors{a="b" c="d"}', ["selector: c"]),
        ('errors{a="b}', ["selector: \""]),
        ('errors{__name__="x"}', ["selector: __name__"]),
        ("errors[5m]", ["selector: ["]),
        ("errors offset 5m", ["selector: offset"]),
        ("rate(errors)", ["selector: rate"]),
        ("errors > 5", ["selector: >"]),
        ("errors{a=~\"(\"}", ["regex: ("]),
        ("'{a=\"\"}'", ["selector: {a=\"\"}"]),
        ("'{a=~\".*\"}'", ["selector: {a=~\".*\"}"]),
        ("{a=\"b\"}", ["selector: a=\"b\""]),
    ],
)  # fmt: skip
def test_mistakes_in_metric_selectors(text: str, findings: list[str]) -> None:
    check(one(metrics=text), *findings)


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("'service'", ["selector: service"]),
        ("'{}'", ["selector: {}"]),
        ("'{a=\"b\"} timeout'", ["line-filter: timeout"]),
        ("'{a=\"b\"} |= timeout'", ["line-filter: timeout"]),
        ("'{a=\"b\"} | json'", ["unsupported: | json"]),
        ('\'{a="b"} |~ "(a" !~ "b)"\'', ["regex: (", "regex: )"]),
    ],
)
def test_mistakes_in_log_selectors(text: str, findings: list[str]) -> None:
    check(one(logs=text), *findings)


def test_metrics_and_logs_exclude_each_other() -> None:
    check(one(metrics="a", logs="'{a=\"b\"}'"), "rule-input: logs")
    check(one(metrics=None), "rule-input: alert")


def test_a_broken_selector_does_not_hide_other_mistakes() -> None:
    check(one(metrics="errors{", when="w > 1"), "selector: {", "condition-name: w")


@pytest.mark.parametrize(
    ("labels", "inside"),
    [({"service": "web"}, True), ({"service": "WEB"}, True), ({"service": "webs"}, False)],
)
def test_flags_at_the_front_of_a_pattern_work_as_in_re2(
    labels: dict[str, str], inside: bool
) -> None:
    selector = rule(one(metrics='errors{service=~"(?i)web"}')).input.selector
    assert selects(selector, {"__name__": "errors", **labels}) is inside


@given(st.text(alphabet="ab{}=~!|\"'`\\, \n()[*+", max_size=40))
def test_no_selector_raises(text: str) -> None:
    for key in ("metrics", "logs"):
        quoted = "'" + text.replace("'", "''") + "'"
        load({"r.yml": one(**{key: quoted, "metrics" if key == "logs" else "logs": None})})


@given(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=8), min_size=1))
def test_any_value_can_be_written_quoted(values: dict[str, str]) -> None:
    matchers = tuple(Matcher(name, "=", value) for name, value in values.items())
    text = "m{" + ",".join(map(str, matchers)) + "}"
    if any(not character.isprintable() for character in text):
        return
    assert rule(one(metrics="'" + text.replace("'", "''") + "'")).input.selector[1:] == matchers
