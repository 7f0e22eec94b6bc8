"""Which alerts inhibit which: rules from a file, alerts through the log, the answer from the API."""

from typing import Any

import yaml

from notifiers.alert import fingerprint
from tests.conformance.alertmanager.scenes import (
    NOBODY,
    judged,
    must_read,
    one_part,
    push,
    scenario,
)
from tests.conformance.corpora import Part, Tally
from tests.notifiers.world import World

_FILE = "inhibition.yaml"


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    cases = scenario(_FILE)["cases"]
    return judged("inhibition", {case["name"]: (_judge, case) for case in cases}, only)


def _judge(case: Any) -> str:
    text = NOBODY + yaml.safe_dump({"inhibit_rules": case["rules"]}, sort_keys=False)
    world = World(must_read(text))
    for alert in case["alerts"]:
        push(world, alert["labels"], alert["starts"], alert["ends"])
    target = {name: str(value) for name, value in case["target"].items()}
    marks = {view.fingerprint for view in world.notifier.alerts(world.now_ms)}
    if fingerprint(target) not in marks:
        push(world, target, -60, 3600)
    views = {view.fingerprint: view for view in world.notifier.alerts(world.now_ms)}
    view = views[fingerprint(target)]
    if view.inhibited_by and not set(view.inhibited_by) <= set(views):
        return f"inhibited by {view.inhibited_by}, which are no alerts"
    got = view.state == "suppressed" and bool(view.inhibited_by)
    return "" if got == case["inhibited"] else f"expected {case['inhibited']}, got {view}"
