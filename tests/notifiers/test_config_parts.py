"""Routes, inhibition rules and time intervals of a file, and how much of them there may be."""

from typing import Any

import pytest

from engine.series import Matcher
from notifiers import load
from notifiers.config import is_label_name
from notifiers.inhibit import InhibitRule
from notifiers.time_intervals import TimeInterval

NOBODY = "receivers: [{name: a}]\n"


def _read(text: str, **kwargs: Any) -> Any:
    config, findings = load(text, "n.yaml", channels={}, **kwargs)
    assert config is not None, findings
    return config


def _codes(text: str, **kwargs: Any) -> list[str]:
    config, findings = load(text, "n.yaml", channels={}, **kwargs)
    assert (config is None) == any(one.severity == "error" for one in findings)
    assert all(one.help for one in findings)
    return [one.code for one in findings]


def test_inhibition_rules_old_and_new() -> None:
    rules = _read(
        "route: {receiver: a}\n"
        + NOBODY
        + """
inhibit_rules:
- name: cluster
  source_matchers: ['{severity="critical", team!=x}', a=~"b|c"]
  target_match: {severity: warning}
  target_match_re: {team: db|web}
  equal: [cluster, 'ü.b']
- {source_match: {a: ~}, target_matchers: [b=c]}
"""
    ).inhibit_rules
    assert rules[0] == InhibitRule(
        source=(
            Matcher("severity", "=", "critical"), Matcher("team", "!=", "x"),
            Matcher("a", "=~", "b|c"),
        ),
        target=(Matcher("severity", "=", "warning"), Matcher("team", "=~", "^(?:db|web)$")),
        equal=frozenset({"cluster", "ü.b"}),
        name="cluster",
    )  # fmt: skip
    assert rules[1] == InhibitRule((Matcher("a", "=", ""),), (Matcher("b", "=", "c"),))


def test_a_rule_that_takes_every_alert_is_a_warning() -> None:
    text = f"route: {{receiver: a}}\n{NOBODY}inhibit_rules: [{{source_matchers: [a=b]}}, ~]\n"
    assert _codes(text) == ["inhibit-all"] * 3
    assert len(_read(text).inhibit_rules) == 2


def test_time_intervals_under_both_names() -> None:
    config = _read(
        "route: {receiver: a, routes: [{mute_time_intervals: [old], "
        "active_time_intervals: [new], routes: [{receiver: a}]}]}\n"
        + NOBODY
        + """
mute_time_intervals: [{name: old, time_intervals: [{}]}]
time_intervals:
- name: new
  time_intervals:
  - times: [{start_time: 09:00, end_time: '24:00'}]
    weekdays: [Monday:friday, sunday]
    days_of_month: [1, '-3:-1']
    months: [january, '3:may']
    years: [2030, '2031:2032']
    location: Europe/Berlin
  - {}
- name: empty
"""
    )
    assert config.time_intervals == {
        "old": (TimeInterval(),),
        "new": (
            TimeInterval(
                times=((540, 1_440),), weekdays=((1, 5), (0, 0)), days_of_month=((1, 1), (-3, -1)),
                months=((1, 1), (3, 5)), years=((2030, 2030), (2031, 2032)),
                location="Europe/Berlin",
            ),
            TimeInterval(),
        ),
        "empty": (),
    }  # fmt: skip
    muted = config.route.routes[0]
    assert (muted.mute_time_intervals, muted.active_time_intervals) == (("old",), ("new",))
    below = muted.routes[0]  # a route's intervals are its own
    assert (below.mute_time_intervals, below.active_time_intervals) == ((), ())


@pytest.mark.parametrize(
    "part",
    [
        "times: [{start_time: '17:00', end_time: '09:00'}]", "times: [{start_time: '09:00'}]",
        "times: ['09:00']", "weekdays: [friday:monday]",
        "weekdays: monday", "days_of_month: ['0']", "months: [x]", "years: ['2031:2030']",
        "location: Nowhere/Land", "location: [UTC]", "hours: [1]",
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_read_has_its_line(part: str) -> None:
    text = f"route: {{receiver: a}}\n{NOBODY}time_intervals:\n- name: x\n  time_intervals:\n  - {part}\n"
    _, findings = load(text, "n.yaml", channels={})
    assert [(one.line, one.severity) for one in findings] == [(6, "error")]


@pytest.mark.parametrize("mode", ["fallback", "classic", "utf8"])
def test_matchers_are_read_in_the_mode_that_is_asked_for(mode: Any) -> None:
    """The same text in three modes: an escape that the older grammar does not know."""
    text = f"""route: {{receiver: a, routes: [{{matchers: ['a="\\x41"']}}]}}\n{NOBODY}"""
    value = _read(text, matchers=mode).route.routes[0].matchers[0].value
    assert value == ("A" if mode == "utf8" else "\\x41")


def test_label_names_by_mode() -> None:
    assert is_label_name("a.b ü", "fallback")
    assert is_label_name("a.b ü", "utf8")
    assert not is_label_name("a.b", "classic")
    for mistyped in ("", "-a", "a-", " a", "a\n"):
        assert not is_label_name(mistyped, "fallback")


def test_labels_of_routes_stay_as_written_and_are_checked() -> None:
    text = "route: {{receiver: a, labels: {{x: '{}', 'a b': c}}, routes: [{{labels: {{x: y}}}}]}}\n"
    root = _read(text.format("{{ .GroupLabels.x }}") + NOBODY).route
    assert root.labels == {"x": "{{ .GroupLabels.x }}", "a b": "c"}
    assert root.routes[0].labels == {"x": "y", "a b": "c"}
    assert _codes(text.format("{{ .GroupLabels") + NOBODY) == ["template"]


def test_names_and_nulls() -> None:
    config = _read("route: {receiver: ' a', group_by: ~, routes: ~, labels: ~, group_wait: ~}\n"
                   "receivers: [{name: ' a', labels: {x: 1, y: ~}}, ~]\nglobal: ~\n"
                   "templates: ~\ninhibit_rules: ~\ntime_intervals: [~]\ntracing: ~\n")  # fmt: skip
    assert config.receivers[" a"].labels == {"name": " a", "x": "1", "y": ""}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("route: {receiver: a, routes: [" + "{routes: [" * 40 + "]}" * 40 + "]}\n", "yaml-limit"),
        ("route: {receiver: a, routes: [{matchers: [" + "a=b," * 1_001 + "]}]}\n", "value-range"),
        ("route: {receiver: a}\ntime_intervals: [" + "{name: x}," * 1_001 + "]\n", "value-range"),
        ("route: {receiver: a}\ninhibit_rules: [" + "{}," * 10_001 + "]\n", "value-range"),
        ("route: {receiver: a}\ntemplates: [" + "/x/y," * 1_001 + "]\n", "value-range"),
    ],
)
def test_everything_has_a_limit(text: str, code: str) -> None:
    assert _codes(text + NOBODY) == [code]


def test_routes_may_be_nested_as_deep_as_yaml_may() -> None:
    text = f"route: {{receiver: a, routes: [{'{routes: [' * 17}{']}' * 17}]}}\n"
    assert len(list(_read(text + NOBODY).route.walk())) == 18
