"""The shipped rules on the made-up fleet: silent while it is healthy, quick when it is not."""

from pathlib import Path

import pytest

from engine.alerts import AlertRecord
from engine.demo.fleet import Fleet
from engine.demo.incidents import Schedule, healthy, occurrences
from engine.replay import Pipeline
from engine.rules import compile_plan, load, read_paths
from engine.sources import SourceSpec

pytestmark = pytest.mark.slow

START_MS = 1_700_000_000_000
STEP_MS = 500
SOON_MS = 20_000
RULES = Path(__file__).parents[2] / "rules"

# What each incident of the fleet must be noticed by; more rules may fire.
EXPECTED = {
    "payments time out": {("PaymentTimeouts", "payments"), ("ErrorsRising", "payments"),
                          ("ConnectionsExhausted", "payments"), ("OrdersShrink", "checkout")},
    "orders pile up": {("QueueBacklog", "shipping")},
    "api fails": {("ErrorsRising", "api"), ("GatewayErrors", "api"), ("ErrorLines", "api")},
    "a disk fills up": {("DiskFilling", "inventory")},
    "logins are attacked": {("LoginAttack", "auth")},
    "a pod crashes": {("PodDown", "catalog"), ("ProcessDied", "catalog")},
    "search is slow": {("SlowRequests", "search"), ("SlowQueries", "search"),
                       ("ProcessorBusy", "search")},
    "memory runs out": {("MemoryLow", "recommendations"), ("ProcessDied", "recommendations")},
}  # fmt: skip


def run(seed: int, seconds: int, schedule: Schedule) -> list[AlertRecord]:
    rules, findings = load(read_paths([RULES]))
    assert rules is not None, findings
    sources = [SourceSpec("metrics", "metrics", 500, 2), SourceSpec("logs", "logs", 500, 2)]
    pipeline = Pipeline(compile_plan(rules), sources, 2)
    fleet = Fleet(seed, START_MS, schedule)
    for now_ms in range(START_MS + STEP_MS, START_MS + seconds * 1_000 + 1, STEP_MS):
        made = fleet.advance(now_ms)
        for partition in range(2):
            pipeline.feed("metrics", partition, made.metrics[partition::2], now_ms)
            pipeline.feed("logs", partition, made.logs[partition::2], now_ms)
        pipeline.mark(now_ms)
        pipeline.run(now_ms)
    assert not pipeline.rejects.records
    return pipeline.alert_records


@pytest.fixture(scope="module")
def in_trouble() -> list[AlertRecord]:
    return run(3, 80, Schedule(occurrences(3)))


def test_a_healthy_fleet_is_silent() -> None:
    told = [(r.rule, r.labels, r.values) for r in run(11, 60, healthy()) if r.state == "firing"]
    assert told == []


def test_every_incident_is_noticed_soon_and_ends(in_trouble: list[AlertRecord]) -> None:
    first: dict[tuple[str, str], int] = {}
    for record in in_trouble:
        if record.state == "firing":
            first.setdefault((record.rule, record.labels["service"]), record.event_ms - START_MS)
    for occurrence in occurrences(3):
        if occurrence.start_ms > 80_000 - SOON_MS:
            break
        for rule in EXPECTED[occurrence.incident.name]:
            assert rule in first, f"{rule} never fired"
            assert first[rule] - occurrence.start_ms <= SOON_MS, (rule, first[rule])
    assert {rule for rule, _ in first} == {rule for some in EXPECTED.values() for rule, _ in some}
    assert ("PaymentTimeouts", "resolved") in {(r.rule, r.state) for r in in_trouble}


def test_texts_have_no_error_in_any_state(in_trouble: list[AlertRecord]) -> None:
    texts = [text for r in in_trouble for text in (*r.annotations.values(), *r.labels.values())]
    assert texts
    assert [text for text in texts if "<error" in text or "nan" in text.lower()] == []
