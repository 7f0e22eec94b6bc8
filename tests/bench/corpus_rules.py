"""10,000 rules of real projects in one process; prints JSON: `python -m tests.bench.corpus_rules`.

The corpora have fewer, so they are taken several times, each time with other metric names. Data:
for every selector with a name, series that have the labels it asks for.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import yaml

from engine.promql import Expr, VectorSelector, parse, to_text, transform, walk
from engine.rules import compile_plan, load
from engine.series import METRIC_NAME
from tests.bench.fleet_load import Fleet
from tests.bench.machine import rss_mb
from tests.bench.owners import LATENESS_MS, Owners
from tests.rules.corpora import rule_files

RULES = 10_000
FOLDERS = ("rules-awesome", "rules-mixins-website", "rules-misc")
SERIES_A_SELECTOR = 4
EVERY_MS = 60_000
T0_MS = 1_700_000_100_000 // EVERY_MS * EVERY_MS


def main() -> None:
    """Measure with as many shards as are given."""
    print(json.dumps(measured(int(sys.argv[1]))))


def corpus() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield files that load by themselves: name and groups."""
    for name, text in rule_files(*FOLDERS):
        loaded, _ = load({name: text})
        if loaded is not None and loaded.prom and not loaded.rules:
            documents = [one or {} for one in yaml.load_all(text, Loader=yaml.CSafeLoader)]
            groups = [one for doc in documents for one in (doc.get("spec") or doc)["groups"]]
            yield name, [group for group in groups if group.get("rules")]


def copies(count: int) -> dict[str, str]:
    """Return files with `count` rules altogether."""
    files: dict[str, str] = {}
    held, copy = 0, 0
    taken = list(corpus())
    assert taken, "no corpora: set TOCSIN_CORPORA"
    while held < count:
        for name, groups in taken:
            made: list[dict[str, Any]] = []
            for group in groups:
                rules = [_renamed(rule, copy) for rule in group["rules"]][: count - held]
                if rules:
                    made.append({"name": f"{group['name']} {copy}.{len(made)}", "rules": rules})
                held += len(rules)
            if made:
                files[f"{copy}/{name}"] = json.dumps({"groups": made})
        copy += 1
    return files


def _renamed(rule: dict[str, Any], copy: int) -> dict[str, Any]:
    def renamed(node: Expr) -> Expr:
        if not isinstance(node, VectorSelector):
            return node
        selector = tuple(
            replace(m, value=f"{m.value}_{copy}")
            if m.name == METRIC_NAME and m.operator == "=" else m
            for m in node.selector
        )  # fmt: skip
        return replace(node, selector=selector)

    if copy == 0:
        return rule
    made = {**rule, "expr": to_text(transform(parse(str(rule["expr"])), renamed))}
    if "record" in rule:
        made["record"] = f"{rule['record']}_{copy}"
    return made


def series(files: dict[str, str]) -> list[dict[str, str]]:
    """Return series that the rules' selectors match."""
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for text in files.values():
        for group in json.loads(text)["groups"]:
            for rule in group["rules"]:
                for node in walk(parse(str(rule["expr"]))):
                    if isinstance(node, VectorSelector):
                        labels = {m.name: m.value for m in node.selector if m.operator == "="}
                        if labels.get(METRIC_NAME, "ALERTS") not in ("ALERTS", "ALERTS_FOR_STATE"):
                            for number in range(SERIES_A_SELECTOR):
                                one = {"instance": f"host-{number}", "job": "job", **labels}
                                found.setdefault(tuple(sorted(one.items())))
    return [dict(labels) for labels in found]


def measured(shards: int) -> dict[str, float]:
    """Return load time, memory and the costs of ticks."""
    files = copies(RULES)
    before_mb = rss_mb(os.getpid())
    began = time.process_time()
    loaded, findings = load(files)
    assert loaded is not None, [f for f in findings if f.severity == "error"][:3]
    load_s, began = time.process_time() - began, time.process_time()
    plan = compile_plan(loaded)
    compile_s, began = time.process_time() - began, time.process_time()
    owners = Owners(plan, shards)
    owners_s = time.process_time() - began
    loaded_mb = rss_mb(os.getpid()) - before_mb
    owners.mark(T0_MS + LATENESS_MS)
    nobodys = Fleet([{"__name__": "nobody_reads_it"}])  # remote write counts once it is used
    owners.write(nobodys.bodies(np.array([T0_MS]), np.zeros((1, 1))), T0_MS)
    nothing = _ticks(owners, T0_MS, 3)
    labels = series(files)
    fleet, random = Fleet(labels), np.random.default_rng(5)
    data_ms = T0_MS + 4 * EVERY_MS
    for step in range(4):
        at_ms = data_ms + step * 15_000
        owners.write(fleet.bodies(np.array([at_ms]), random.uniform(0, 1, (len(labels), 1))), at_ms)
    filled = owners.reset()
    data = _ticks(owners, data_ms + EVERY_MS, 2)
    return {
        "rules": sum(len(group.rules) for group in loaded.prom),
        "local": sum(len(group.rules) for group in plan.prom.local),
        "components": len(plan.prom.components),
        "exchanges": sum(len(one.exchanges) for one in plan.prom.components),
        "load_s": load_s, "compile_s": compile_s, "owners_s": owners_s, "loaded_mb": loaded_mb,
        "first_tick_s": nothing[0][0], "tick_nothing_s": nothing[-1][0],
        "longest_nothing_s": nothing[-1][1],
        "series": len(labels), "filling_s": filled.decode_s + filled.apply_s,
        "first_tick_data_s": data[0][0], "tick_data_s": data[-1][0],
        "longest_data_s": data[-1][1],
        "changes": sum(owners.alerts.values()), "rss_mb": rss_mb(os.getpid()),
    }  # fmt: skip


def _ticks(owners: Owners, first_ms: int, count: int) -> list[tuple[float, float]]:
    found = []
    for step in range(count):
        owners.mark(first_ms + step * EVERY_MS + LATENESS_MS)
        spent = owners.reset()
        found.append((spent.tick_s, spent.longest_s))
    return found


if __name__ == "__main__":
    main()
