"""The outside material about expressions."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.promql import Expr, PromQLError, parse

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")


@cache
def syntax_cases() -> list[dict[str, Any]]:
    path = CORPORA / "promql-syntax/promql_syntax.yaml"
    return yaml.safe_load(path.read_text())["cases"] if path.exists() else []


@cache
def evaluated(wanted: str) -> list[str]:
    """Expressions of the evaluation corpus of one class that are not meant to fail."""
    path = CORPORA / "promqltest/cases.json"
    if not path.exists():
        return []
    cases = (case for case in json.loads(path.read_text()) if case["class"] == wanted)
    return sorted({case["eval"]["expr"] for case in cases if not case["eval"]["expect"]["fail"]})


@cache
def rule_expressions(folder: str) -> list[tuple[str, str]]:
    """(file, expression) of every rule in a folder of rule files."""
    found = []
    for path in sorted((CORPORA / folder).rglob("*")):
        if path.suffix in (".yaml", ".yml", ".rules"):
            for document in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
                name = str(path.relative_to(CORPORA))
                found += [(name, text) for text in _expressions(document)]
    return found


def _expressions(node: object) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                if key == "expr" and isinstance(value, str | int | float):
                    yield str(value)
                else:
                    yield from _expressions(value)
        case list():
            for value in node:
                yield from _expressions(value)


def need(*folders: str) -> None:
    for folder in folders:
        if not (CORPORA / folder).exists():
            pytest.skip(f"corpus {folder} is not here")


def refusal(text: str) -> PromQLError:
    """The error of a text that must not parse, its place checked."""
    with pytest.raises(PromQLError) as caught:
        parse(text)
    error = caught.value
    assert 0 <= error.start <= error.end <= len(text), (text, error.start, error.end)
    return error


def verdict(text: str) -> Expr | PromQLError:
    try:
        return parse(text)
    except PromQLError as error:
        return error
