"""Computed columns: which functions take what, and what they are called."""

import pytest

from engine.rules import Compute
from tests.rules.checking import check, one, rule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count()", Compute("v", "count")),
        (" sum( ) ", Compute("v", "sum")),
        ("rate()", Compute("v", "rate")),
        ("increase()", Compute("v", "increase")),
        ("last()", Compute("v", "last")),
        ("quantile(0.99)", Compute("v", "quantile", None, 0.99)),
        ("quantile( 1 )", Compute("v", "quantile", None, 1.0)),
        ("distinct(pod)", Compute("v", "distinct", "pod")),
    ],
)
def test_on_metrics(text: str, expected: Compute) -> None:
    assert rule(one(compute=f"{{v: '{text}'}}")).compute == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count()", Compute("v", "count")),
        ("avg(duration_ms)", Compute("v", "avg", "duration_ms")),
        ("distinct(user_id)", Compute("v", "distinct", "user_id")),
        ("quantile(0.5, http.duration)", Compute("v", "quantile", "http.duration", 0.5)),
    ],
)
def test_on_logs(text: str, expected: Compute) -> None:
    found = rule(one(logs="'{a=\"b\"}'", compute=f"{{v: '{text}'}}"))
    assert found.compute == (expected,)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("summ()", "compute: summ"),
        ("sum", "compute: sum"),
        ("5", "compute: 5"),
        ("'quantile()'", "compute: quantile()"),
        ("'quantile(x)'", "compute: quantile(x)"),
        ("'quantile(99)'", "compute: quantile(99)"),
        ("'sum(duration_ms)'", "compute: sum(duration_ms)"),
        ("distinct()", "compute: distinct()"),
        ("[sum()]", "value-type: ["),
        ("", "compute: v"),
    ],
)
def test_mistakes_on_metrics(text: str, finding: str) -> None:
    check(one(compute=f"{{v: {text}}}"), finding)


@pytest.mark.parametrize(
    "text",
    ["rate()", "increase()", "avg()", "distinct()", "count(user_id)", "avg(message)",
     "distinct(timestamp)", "avg(a b)"],
)  # fmt: skip
def test_mistakes_on_logs(text: str) -> None:
    check(one(logs="'{a=\"b\"}'", compute=f"{{v: {text}}}"), f"compute: {text}")


@pytest.mark.parametrize("name", ["and", "labels", "level", "lines", "9lives", "a-b", "window_end"])
def test_names_that_mean_something_else(name: str) -> None:
    check(
        one(compute=f"{{v: sum(), {name}: max()}}", annotations='{s: "{{ v }}"}'), f"name: {name}"
    )


def test_a_call_that_yaml_cut_at_its_comma_is_one_finding_with_the_remedy() -> None:
    text = one(logs="'{a=\"b\"}'", compute="{v: quantile(0.99, duration_ms)}")
    check(text, "compute: quantile(0.99")


def test_a_column_that_nothing_reads_is_a_warning() -> None:
    text = one(compute="{v: sum(), w: max()}")
    check(text, "compute-unused: w")
    assert rule(text).name == "A"
    for reader in ('{s: "{{ w }}"}', '{s: "{{ values }}"}'):
        check(one(compute="{v: sum(), w: max()}", annotations=reader))
    check(one(compute="{v: sum(), w: max()}", recover="w < 1"))
