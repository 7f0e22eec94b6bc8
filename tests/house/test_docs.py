"""engine/README.md lists what there is, all of it and nothing else."""

import argparse
import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from engine.api import ROUTES, TOKEN_CODES
from engine.cli import VERBS
from engine.config import CONFIG_CODES, KEYS, SOURCE_KEYS, parse
from engine.limits import DEFAULT_LIMITS, Limits
from tests.house.tree import PACKAGES, ROOT, short, sources, tree

TEXT = (ROOT / "engine" / "README.md").read_text("utf-8")
Rows = list[list[str]]


def section(title: str) -> str:
    """Return the text under a heading, up to the next one of its level or above."""
    level = len(title) - len(title.lstrip("#"))
    found = re.search(
        rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    assert found, f"no heading {title!r}"
    return found[1]


def table(text: str, head: str) -> Rows:
    """Return the cells of the table whose first line begins so, without backquotes."""
    lines = iter(text.splitlines())
    assert any(line.startswith(f"| {head} |") for line in lines), f"no table of {head!r}"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")])
    return rows


def first(rows: Rows) -> list[str]:
    return [row[0] for row in rows]


def test_configuration() -> None:
    text = section("## Configuration")
    assert sorted(first(table(text, "key"))) == sorted(KEYS)
    sources_text = text[text.index("A source is a mapping") :]
    assert sorted(first(table(sources_text, "key"))) == sorted(SOURCE_KEYS)


def test_defaults_that_are_said_are_those_in_use(tmp_path: Path) -> None:
    said = {row[0]: row[1] for row in table(section("## Configuration"), "key")}
    keys = ("app_id", "broker", "dedup", "data_dir", "listen", "roles", "shards", "fsync",
            "checkpoint_every", "session_timeout", "evaluation_timeout", "log_level")  # fmt: skip
    text = "".join(f"{key}: {said[key]}\n" for key in keys)
    written, findings = parse(text, "t", tmp_path, environ={}, hostname="h")
    assert written is not None, findings
    assert written == parse("", "t", tmp_path, environ={}, hostname="h")[0]


def test_limits_with_their_defaults() -> None:
    told = {row[0]: row[1] for row in table(section("## Limits"), "key of `limits`")}
    assert told == {f.name: f"{getattr(DEFAULT_LIMITS, f.name):,}" for f in fields(Limits)}


def test_every_limit_is_used() -> None:
    read = {
        node.attr
        for path in sources()
        if short(path) != "engine/limits.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
    }
    unused = [field.name for field in fields(Limits) if field.name not in read]
    assert not unused, f"whoever sets these gets nothing: {unused}"


def test_verbs() -> None:
    told = re.findall(r"^### `tocsin ([a-z]+)`$", section("## Commands"), re.MULTILINE)
    assert told == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_options(verb: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"engine.cli.{verb}").add_parser(parser.add_subparsers())
    text = section(f"### `tocsin {verb}`")
    rows = table(text, "option") if "| option |" in text else []
    assert sorted({row[0].split()[0] for row in rows}) == sorted(set(_options(parser)))
    assert all(row[1] for row in rows)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _options(below)
        else:
            yield from (o for o in action.option_strings if o not in ("-h", "--help"))


def test_routes_and_what_they_need() -> None:
    told = {row[0]: row[1] for row in table(section("## HTTP"), "route")}
    assert told == {f"{spec.method} {spec.path}": spec.need for spec in ROUTES}


def test_metrics() -> None:
    told = {row[0]: row[1:3] for row in table(section("## Metrics"), "name")}
    assert told == dict(_metrics())


def _metrics() -> Iterator[tuple[str, list[str]]]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    from engine.metrics import REGISTRY

    for collector, names in REGISTRY._collector_to_names.items():
        labels = getattr(collector, "_labelnames", ())
        for family in collector.collect():
            if family.name.startswith("tocsin_"):
                assert family.name in names
                suffix = "_total" if family.type == "counter" else ""
                yield family.name + suffix, [family.type, ", ".join(labels)]


@pytest.mark.parametrize(
    ("title", "codes"),
    [("### In `tocsin.yaml`", CONFIG_CODES), ("### In a tokens file", TOKEN_CODES)],
)
def test_finding_codes(title: str, codes: Mapping[str, str]) -> None:
    rows = table(section(title), "code")
    assert rows == [[code, text.replace("`", "")] for code, text in codes.items()]


DROPPING = ("engine/shard", "engine/sources", "engine/window", "engine/groups")


def test_reasons_of_rejects_and_drops() -> None:
    """A reason is a literal in the code: every one of the rooms that reject is told."""
    text = section("## Metrics")
    listed = [reason for row in table(text, "reason") for reason in row[0].split(", ")]
    dropped = first(table(text[text.index("Reasons of `tocsin_rows_dropped_total`") :], "reason"))
    assert sorted(dropped) == sorted(set(_literals("dropped", *DROPPING)))
    assert sorted(listed) == sorted(
        {*_literals("Reject", "engine/sources"), *_literals("SeriesError", "engine/sources"),
         *_literals("RemoteWriteError", "engine/sources"), *_literals("_reject", "engine/sources"),
         *_returned("engine/sources/json.py", "decode_reason"), *_assigned("reason")}
    )  # fmt: skip


def _literals(function: str, *folders: str) -> Iterator[str]:
    """Yield the reason that calls of a function are given: the first text that looks like one."""
    for path in sources():
        if not short(path).startswith(folders):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and _name(node.func) == function:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                yield from [t for t in texts if isinstance(t, str)][:1]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _returned(file: str, function: str) -> Iterator[str]:
    for node in ast.walk(tree(ROOT / file)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for each in ast.walk(node):
                if isinstance(each, ast.Return) and isinstance(each.value, ast.Constant):
                    yield str(each.value.value)


def _assigned(name: str) -> Iterator[str]:
    for node in ast.walk(tree(ROOT / "engine" / "sources" / "stage.py")):
        if isinstance(node, ast.Assign) and any(_name(t) == name for t in node.targets):
            for each in ast.walk(node.value):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value


def test_environment_variables() -> None:
    read = {
        name
        for path in sources()
        for name in re.findall(r"\bTOCSIN_[A-Z]+(?:_[A-Z]+)*\b", path.read_text("utf-8"))
    }
    assert read == set(re.findall(r"`\$?(TOCSIN_[A-Z_]+)`", TEXT))
