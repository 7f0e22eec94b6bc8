"""Templates: what they show."""

import math

import pytest

from engine.template import check, references, render_all

CONTEXT = {
    "timeouts": 12.0,
    "ratio": 0.0512,
    "labels": {"service": "web", "items": "own", "empty": ""},
    "values": {"timeouts": 12.0, "p99": "NaN"},
    "level": "warning",
    "lines": ["one", "two"],
    "window_end": 1_700_000_000.0,
}


def show(source: str, **more: object) -> str:
    return render_all({"a": source}, {**CONTEXT, **more})["a"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ timeouts }} on {{ labels.service }}", "12 on web"),
        ("{{ values.timeouts + 1 }}", "13"),
        ("{{ ratio * 100 }}%", "5.12%"),
        ("{{ 0.1 + 0.2 }}", "0.3"),
        ("{{ 1234567.891 }}", "1234567.9"),
        ("{{ level | upper }}", "WARNING"),
        ("{{ lines | join(' | ') }}", "one | two"),
        ("{% for line in lines %}{{ loop.index }}.{{ line }} {% endfor %}", "1.one 2.two "),
        ("{% for k, v in values.items() %}{{ k }};{% endfor %}", "timeouts;p99;"),
        ("{% if timeouts > 10 %}many{% else %}few{% endif %}", "many"),
        ("{% set n = timeouts * 2 %}{{ n }}", "24"),
        ("{{ 'a' ~ timeouts ~ level }}", "a12warning"),
        ("{{ labels['service'] }}{{ lines[0] }}{{ lines[-1] }}", "webonetwo"),
        ("{{ labels.service.startswith('w') }}", "True"),
        # A label may have the name of a method; a missing one is empty, as in Prometheus.
        ("{{ labels.items }}", "own"),
        ("[{{ labels.nothing }}]", "[]"),
        ("{{ labels.nothing | default('none') }}", "none"),
        ("{{ lines }}", "[one, two]"),
        ("{{ level in ['warning', 'critical'] }}", "True"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
    ],
)
def test_shows(source: str, text: str) -> None:
    assert show(source) == text


@pytest.mark.parametrize(
    ("value", "source", "text"),
    [
        (1_234_567.0, "humanize", "1.235M"),
        (0.00123, "humanize", "1.23m"),
        (999.0, "humanize", "999"),
        (0.0, "humanize", "0"),
        (-1_500.0, "humanize", "-1.5k"),
        (1_048_576.0, "humanize1024", "1Mi"),
        (0.5, "humanize1024", "0.5"),
        (0.0512, "humanize_percentage", "5.12%"),
        (0.0, "humanize_duration", "0s"),
        (0.25, "humanize_duration", "250ms"),
        (59.5, "humanize_duration", "59.5s"),
        (3_725.0, "humanize_duration", "1h 2m 5s"),
        (90_061.0, "humanize_duration", "1d 1h 1m 1s"),
        (1_700_000_000.0, "humanize_timestamp", "2023-11-14 22:13:20 UTC"),
        (math.nan, "humanize", "NaN"),
        (math.inf, "humanize_duration", "+Inf"),
        (-math.inf, "humanize_timestamp", "-Inf"),
        (12.345, "round(1)", "12.3"),
        (12.5, "round", "12"),
        ("NaN", "round(2)", "NaN"),
        ("+Inf", "humanize", "+Inf"),
    ],
)
def test_filters(value: object, source: str, text: str) -> None:
    assert show("{{ x | " + source + " }}", x=value) == text


def test_a_value_that_json_cannot_say_is_a_number_again() -> None:
    assert show("{{ values.p99 > 3 }} {{ values.p99 + 1 }}") == "False NaN"


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ timeouts / 0 }}", "division by zero"),
        ("{{ labels.service + 1 }}", "added"),
        ("{{ level | humanize }}", "could not convert"),
        ("{{ x", "line 1"),
        ("a\n{% foo %}", "line 2"),
    ],
)
def test_what_fails_is_said_in_its_place(source: str, part: str) -> None:
    shown = render_all({"bad": source, "good": "{{ level }}"}, CONTEXT)
    assert shown["bad"].startswith("<error: ")
    assert part in shown["bad"]
    assert shown["good"] == "warning"


def test_check_names_the_line() -> None:
    problem = check("one\n{{ two | nope }}\n")
    assert problem is not None
    assert problem.line == 2
    assert "nope" in problem.message
    assert check("{{ anything.at.all }}") is None


def test_references_are_names_and_labels() -> None:
    found = references("{{ a }}{% for b in c %}{{ b }}{{ labels.x }}{{ labels['y'] }}{% endfor %}")
    assert found.names == {"a", "c", "labels"}
    assert found.labels == {"x", "y"}
    assert references("{{ broken").names == frozenset()
    assert references("{{ labels.items() }}").labels == frozenset()
