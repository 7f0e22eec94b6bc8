"""The route tree, against Alertmanager's own cases."""

import ast
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notifiers import load
from notifiers.route import format_labels, go_quote
from tests.notifiers import corpora


def _receivers(node: Any) -> set[str]:
    found = {node["receiver"]} if node.get("receiver") else set()
    return found.union(*(_receivers(child) for child in node.get("routes") or ()))


def _cases() -> list[Any]:
    path = corpora.ROOT / "alertmanager-scenarios" / "routing.yaml"
    if not path.exists():
        return [None]
    trees = yaml.safe_load(path.read_text(encoding="utf-8"))["trees"]
    return [
        pytest.param((tree, case), id=f"{tree['name']}-{index}")
        for tree in trees
        if "route" in tree
        for index, case in enumerate(tree.get("cases", ()))
        if "labels" in case and "routes" in case
    ]


@pytest.mark.parametrize("pair", _cases())
def test_routing_is_alertmanagers(pair: Any) -> None:
    if pair is None:
        corpora.scenario("routing.yaml")
    tree, case = pair
    route = yaml.safe_load(tree["route"])
    receivers = [{"name": name} for name in sorted(_receivers(route))]
    text = yaml.safe_dump({"route": route, "receivers": receivers}, sort_keys=False)
    config, findings = load(text, "n.yaml", channels={})
    assert config is not None, findings
    found = config.route.match(case["labels"])
    assert [
        {
            "receiver": route.receiver,
            "group_by": sorted(route.group_by),
            "group_by_all": route.group_by_all,
            "group_wait_s": route.group_wait_ms / 1000,
            "group_interval_s": route.group_interval_ms / 1000,
            "repeat_interval_s": route.repeat_interval_ms / 1000,
        }
        for route in found
    ] == case["routes"]
    if "keys" in case:
        assert [route.key for route in found] == case["keys"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, "{}"),
        ({"b": "2", "a": "1"}, '{a="1", b="2"}'),
        ({"a": 'say "hi"\\\n\t'}, '{a="say \\"hi\\"\\\\\\n\\t"}'),
        ({"foo🙂": "bär\x00\x7f\u200b"}, '{foo🙂="bär\\x00\\x7f\\u200b"}'),
    ],
)
def test_label_sets_are_written_as_go_writes_them(labels: dict[str, str], text: str) -> None:
    assert format_labels(labels) == text


@given(st.text())
def test_quoting_is_one_to_one(text: str) -> None:
    quoted = go_quote(text)
    assert quoted[0] == quoted[-1] == '"'
    assert quoted.isprintable()
    # Go's escapes are escapes of Python too.
    assert ast.literal_eval(quoted) == text
