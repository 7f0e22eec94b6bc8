"""Rule timelines from Prometheus' own tests, through an evaluator over a naive source."""

import os
import re
from pathlib import Path

import pytest
import yaml

from engine.promql import parse
from engine.promql import parse_duration_ms as duration_ms
from engine.vector import label_set
from tests.groups.memory import STALE, World, group, rule

CORPUS = Path(os.environ.get("TOCSIN_CORPORA", "../shared/corpora")) / "prometheus-alerting"
CASES = (
    yaml.safe_load((CORPUS / "alerting_rules.yaml").read_text())["cases"] if CORPUS.exists() else []
)
ALERT_NAME = {"__name__", "alertname"}


def values_of(text):
    """`75 85 10x3 _ stale` -> numbers, None where there is no sample."""
    for part in text.split():
        if part in ("_", "stale"):
            yield STALE if part == "stale" else None
        elif "x" in part:
            value, times = part.split("x")
            yield from [float(value)] * (int(times) + 1)
        else:
            yield float(part)


def load(world, text):
    head, *lines = text.strip().splitlines()
    step_ms = duration_ms(head.split()[1])
    for line in lines:
        name, raw = re.match(r"\s*(\S+\{.*?\})\s+(.*)", line).groups()
        labels = {matcher.name: matcher.value for matcher in parse(name).selector}
        for number, value in enumerate(values_of(raw)):
            if value is not None:
                world.raw.put(labels, number * step_ms, value)


def built(case):
    written = case["rule"]
    alert = rule(
        "alert", written["alert"], written["expr"],
        for_ms=duration_ms(written.get("for", "0s")),
        keep_firing_for_ms=duration_ms(written.get("keep_firing_for", "0s")),
        labels=written.get("labels", {}), annotations=written.get("annotations", {}),
    )  # fmt: skip
    return World(group(alert, limit=case.get("group_limit", 0)), read=["ALERTS"])


@pytest.mark.skipif(not CASES, reason="corpus prometheus-alerting is missing")
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restarted"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_alerts_are_those_of_prometheus(case, restarts):
    world = built(case)
    load(world, case["load"])
    for wanted in case["evals"]:
        at_ms = duration_ms(wanted["at"])
        world.tick(at_ms)
        if restarts:
            world.restart()
        found = [
            {name: value for name, value in labels if name not in ALERT_NAME}
            for labels in world.recorded("ALERTS", at_ms)
        ]
        if "error" in wanted:
            assert world.evaluator.rules()[0].last_error == wanted["error"]
        elif "ALERTS_count" in wanted:
            assert len(found) == wanted["ALERTS_count"]
        else:
            order = {"key": lambda labels: sorted(labels.items())}
            assert sorted(found, **order) == sorted(wanted["ALERTS"], **order)
        listed = [{**alert.labels, "alertstate": alert.state} for alert in world.evaluator.alerts()]
        assert len(listed) == len(found)


RESTORE = CORPUS / "for_state_restore.yaml"


@pytest.mark.skipif(not RESTORE.exists(), reason="corpus prometheus-alerting is missing")
def test_for_goes_on_through_a_restart():
    """Prometheus shifts `for` by the time it was away; here those ticks are in the log.

    So what is pending after a restart is the same, and since when is as if there had been none.
    """
    told = yaml.safe_load(RESTORE.read_text())["restore"]
    for case in told["cases"]:
        worlds = [built({"rule": told["rule"]}) for _ in range(2)]
        restart_ms, at_ms = duration_ms(case["restart_at"]), 0
        for world in worlds:
            load(world, told["load"])
            for at_ms in range(0, restart_ms + 1, 300_000):
                world.tick(at_ms, [60_000])
                if world is worlds[0] and at_ms == 300_000:
                    world.restart()
        with_restart, without = (
            {label_set(one.labels): (one.active_at_ms, one.state) for one in w.evaluator.alerts()}
            for w in worlds
        )
        assert len(with_restart) == case["active_alerts"]
        assert with_restart == without
