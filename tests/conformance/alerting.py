"""Alerting rules over time, `for` over a restart, and template expansions."""

import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import yaml

from engine.document import parse_duration
from engine.groups import QueryResult
from engine.promql import parse
from engine.rules import load
from engine.ruletests import STALE_BITS, Sample, bits_of, parse_metric, parse_values, query_group
from tests.conformance import templates
from tests.conformance.corpora import ROOT, Tally
from tests.conformance.drive import Feed, Flow

Case = Mapping[str, Any]
_LOAD = re.compile(r"\s*(?P<metric>[^{\s]*(?:\{.*\})?)\s+(?P<values>.*)")


def run(seed: int, only: str = "", shards: Sequence[int] = (1, 3)) -> Tally:
    """Run the three files of the corpus."""
    tally = Tally("prometheus-alerting")
    folder = ROOT / "prometheus-alerting"
    for case in yaml.safe_load((folder / "alerting_rules.yaml").read_text())["cases"]:
        if only in case["name"]:
            tally.add(case["name"], _guarded(_timeline, case, seed, shards))
    restore = yaml.safe_load((folder / "for_state_restore.yaml").read_text())["restore"]
    for case in restore["cases"]:
        if only in case["name"]:
            tally.add(
                f"restore: {case['name']}", _guarded(_restore, {**restore, **case}, seed, shards)
            )
    templates.run(tally, only)
    return tally


def _guarded(judge: Any, case: Case, seed: int, shards: Sequence[int]) -> str:
    for count in shards:
        try:
            problem = judge(case, count, random.Random(f"{seed} {case['name']} {count}"))
        except Exception as error:  # noqa: BLE001 - counts as one failing case
            problem = f"raised {error!r}"
        if problem:
            return f"[{count} shards] {problem}"
    return ""


def _timeline(case: Case, shards: int, rng: random.Random) -> str:
    times = [_ms(one["at"]) for one in case["evals"]]
    every_ms = reduce(math.gcd, times) or 60_000
    flow, feed = _flow(case, every_ms, shards, rng)
    for at_ms, wanted in zip(times, case["evals"], strict=True):
        flow.send(feed.until(at_ms), at_ms)
        flow.advance(at_ms)
        result = flow.results().get(("0", at_ms))
        problem = _judge(wanted, result, flow.pipe.rule_status())
        if problem:
            return f"at {wanted['at']}: {problem}"
    return ""


def _judge(wanted: Case, result: QueryResult | None, rules: Sequence[Any]) -> str:
    errors = [status.last_error for status in rules if status.last_error]
    if "error" in wanted:
        return "" if wanted["error"] in errors else f"expected {wanted['error']!r}, got {errors}"
    if errors or result is None or result.error:
        return f"failed: {errors or (result and result.error) or 'ALERTS was not evaluated'}"
    rows = [dict(labels) for labels, _ in result.rows]
    if "ALERTS_count" in wanted:
        count = wanted["ALERTS_count"]
        return "" if len(rows) == count else f"expected {count} alerts, got {len(rows)}"
    for row in rows:
        row.pop("__name__", None)
        row.pop("alertname", None)
    same = sorted(map(_key, rows)) == sorted(map(_key, wanted["ALERTS"]))
    return "" if same else f"expected {wanted['ALERTS']}, got {rows}"


def _restore(case: Case, shards: int, rng: random.Random) -> str:
    """Judge how many alerts are active after a restart. Ours is not down: it reads its log on.

    So what upstream does about the gap (shift, tolerance, grace period) has nothing to act on.
    """
    flow, feed = _flow(case, 300_000, shards, rng)
    before = [*case["first_process_evals_at"], *case.get("more_evals_before_stop", ())]
    stop_ms = max(map(_ms, before))
    restart_ms = _ms(case["restart_at"])
    for at_ms in range(0, restart_ms + 1, 300_000):
        flow.send(feed.until(at_ms), at_ms)
        if at_ms == stop_ms + 300_000:
            flow.restart()
        flow.advance(at_ms)
    active = flow.pipe.active_alerts()
    wanted = case["active_alerts"]
    if len(active) != wanted:
        return f"expected {wanted} active alerts, got {len(active)}"
    # The load falls below the threshold at 0 (one series) or 5m and stays there: nothing is lost.
    late = [alert.active_at_ms for alert in active if alert.active_at_ms > 600_000]
    return f"active since {late}" if late and restart_ms < 2_400_000 else ""


def _flow(case: Case, every_ms: int, shards: int, rng: random.Random) -> tuple[Flow, Feed]:
    rule = dict(case["rule"])
    group = {"name": "g", "interval": f"{every_ms}ms", "rules": [rule]}
    if case.get("group_limit"):
        group["limit"] = case["group_limit"]
    rules, findings = load({"rules.yml": yaml.safe_dump({"groups": [group]})})
    assert rules is not None, findings
    alerts = query_group(0, "ALERTS", parse("ALERTS"), every_ms)
    return Flow([*rules.prom, alerts], shards, rng, rules), Feed(_samples(case["load"]))


def _samples(text: str) -> Iterator[Sample]:
    """Read upstream's `load` lines."""
    step_ms = 0
    for line in text.splitlines():
        if line.startswith("load"):
            step_ms = _ms(line.split()[1])
        elif line.strip():
            found = _LOAD.fullmatch(line)
            assert found is not None, line
            labels = parse_metric(found["metric"])
            for step, value in enumerate(parse_values(found["values"])):
                if value != "missing":
                    bits = STALE_BITS if value == "stale" else bits_of(float(value))
                    yield Sample(step * step_ms, labels, bits)


def _ms(text: str) -> int:
    found = parse_duration(text)
    assert found is not None, text
    return found


def _key(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, str(value)) for name, value in labels.items())
