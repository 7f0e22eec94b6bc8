"""Other people's expressions: what Prometheus accepts is accepted, what it refuses is refused."""

import time
from itertools import cycle, islice
from typing import Any

import pytest

from engine.promql import PromQLError, parse, to_text
from tests.promql.corpora import (
    evaluated,
    need,
    refusal,
    rule_expressions,
    syntax_cases,
    verdict,
)

# Needs Prometheus's flag for duration expressions; the corpus's mark is approximate.
UNMARKED = {"foo[   step  (  )  ]"}


@pytest.mark.parametrize("case", syntax_cases(), ids=lambda case: case["input"][:60])
def test_the_syntax_corpus(case: dict[str, Any]) -> None:
    text = case["input"]
    found = verdict(text)
    if not case["valid"]:
        refusal(text)
    elif case.get("experimental") or text in UNMARKED:
        assert not isinstance(found, PromQLError) or "experimental" in found.message
    else:
        assert not isinstance(found, PromQLError), found


def test_every_evaluated_expression_parses() -> None:
    need("promqltest")
    problems = [
        (text, str(e))
        for text in evaluated("float_core")
        if isinstance(e := verdict(text), PromQLError)
    ]
    assert not problems


def test_what_needs_a_feature_flag_is_refused_by_name() -> None:
    need("promqltest")
    others = [
        (text, str(error))
        for text in evaluated("experimental")
        if isinstance(error := verdict(text), PromQLError) and "experimental" not in error.message
    ]
    assert not others


def test_native_histograms_parse_or_are_refused_by_name() -> None:
    need("promqltest")
    others = [
        (text, str(error))
        for text in evaluated("native_histogram")
        if isinstance(error := verdict(text), PromQLError)
        and not {"experimental", "native"} & set(error.message.split())
    ]
    assert not others


@pytest.mark.parametrize(
    "folder",
    ["rules-awesome", "rules-mixins-website", "rules-kube-prometheus", "ruletests"],
)
def test_real_rules_parse_and_print(folder: str) -> None:
    need(folder)
    expressions = rule_expressions(folder)
    assert len(expressions) > 50
    for name, text in expressions:
        tree = parse(text)
        assert parse(to_text(tree)) == tree, name


def test_ten_thousand_expressions_take_less_than_six_seconds() -> None:
    need("rules-awesome", "rules-mixins-website")
    texts = [
        text
        for folder in ("rules-awesome", "rules-mixins-website")
        for _, text in rule_expressions(folder)
    ]
    start = time.process_time()
    for text in islice(cycle(texts), 10_000):
        parse(text)
    assert time.process_time() - start < 6
