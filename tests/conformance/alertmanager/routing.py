"""Which routes take an alert, what they group by, and the keys of their groups."""

import textwrap
from typing import Any

import yaml

from notifiers.route import Route
from tests.conformance.alertmanager.scenes import judged, must_read, one_part, scenario
from tests.conformance.corpora import Part, Tally

_FILE = "routing.yaml"
_WORDS = ("receiver", "group_by", "group_by_all", "group_wait_s", "group_interval_s",
          "repeat_interval_s")  # fmt: skip


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case; a tree that says more than its cases counts as one of them."""
    cases: dict[str, Any] = {}
    for tree in scenario(_FILE)["trees"]:
        for number, case in enumerate(tree.get("cases", ())):
            cases[f"{tree['name']} {number}"] = (_judge, (tree, case))
        if "preorder_receivers" in tree:
            cases[f"{tree['name']} walk"] = (_walk, tree)
    return judged("routing", cases, only)


def _root(tree: Any) -> Route:
    if "config" in tree:
        return must_read(tree["config"]).route
    # A tree of upstream's tests may lack what a file must have: a root without a receiver.
    body = tree["route"]
    parsed = yaml.safe_load(body)
    names = sorted(_receivers(parsed) | {"nobody"})
    if "receiver" not in parsed:
        body += "\nreceiver: nobody\n"
    route = "route:\n" + textwrap.indent(textwrap.dedent(body), "  ")
    receivers = yaml.safe_dump({"receivers": [{"name": name} for name in names]})
    return must_read(f"{route}\n{receivers}").route


def _receivers(node: Any) -> set[str]:
    found = {node["receiver"]} if node.get("receiver") else set()
    return found.union(*(_receivers(child) for child in node.get("routes") or ()))


def _judge(given: tuple[Any, Any]) -> str:
    tree, case = given
    found = _root(tree).match({k: str(v) for k, v in case["labels"].items()})
    said: dict[str, Any] = {
        "routes": [{word: _value(route, word) for word in _WORDS} for route in found],
        "keys": [route.key for route in found],
        "receivers": [route.receiver for route in found],
        "route_labels": dict(found[0].labels),
        "group_by_all": found[0].group_by_all,
    }
    wrong = [
        f"{name}: expected {wanted}, got {said[name]}"
        for name, wanted in case.items()
        if name in said and said[name] != wanted
    ]
    unread = case.keys() - said.keys() - {"labels", "note"}
    return "; ".join([*wrong, *(f"nothing compares {name}" for name in unread)])


def _value(route: Route, word: str) -> Any:
    if word == "group_by":
        return sorted(route.group_by)
    return getattr(route, f"{word[:-1]}ms") / 1_000 if word.endswith("_s") else getattr(route, word)


def _walk(tree: Any) -> str:
    got = [route.receiver for route in _root(tree).walk()]
    wanted = tree["preorder_receivers"]
    return "" if got == wanted else f"expected {wanted}, got {got}"
