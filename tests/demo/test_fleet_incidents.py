"""The incidents: each is visible in the records of its service, and gone when it is over."""

import itertools
import json

import pytest

from engine.demo.fleet import STEP_MS, Fleet
from engine.demo.incidents import INCIDENTS, Incident, Occurrence, Schedule, occurrences

START_MS = 1_767_225_600_000
BEGIN_MS, END_MS = 5_000, 25_000
DRAINED_MS = 40_000


def played(incident: Incident) -> tuple[list[dict], list[dict]]:
    """55 s with one incident from 5 s to 25 s; times become relative to the start."""
    fleet = Fleet(5, START_MS, Schedule(iter([Occurrence(incident, BEGIN_MS, END_MS)])))
    made = [fleet.advance(START_MS + at_ms) for at_ms in range(STEP_MS, 55_001, STEP_MS)]
    metrics = [json.loads(one) for some in made for one in some.metrics]
    logs = [json.loads(one) for some in made for one in some.logs]
    for one in itertools.chain(metrics, logs):
        one["timestamp"] -= START_MS
    return metrics, logs


def during(rows: list[dict]) -> list[dict]:
    return [one for one in rows if BEGIN_MS + 6_000 < one["timestamp"] <= END_MS - STEP_MS]


def after(rows: list[dict]) -> list[dict]:
    return [one for one in rows if one["timestamp"] > DRAINED_MS]


def values(metrics: list[dict], name: str, **labels: str) -> list[float]:
    return [
        one["value"]
        for one in metrics
        if one["name"] == name and labels.items() <= one["labels"].items()
    ]


def saying(logs: list[dict], service: str, word: str) -> list[dict]:
    return [one for one in logs if one["labels"]["service"] == service and word in one["message"]]


def kind(name: str) -> Incident:
    return next(one for one in INCIDENTS if one.name == name)


def test_payments_time_out():
    metrics, logs = played(kind("payments time out"))
    lines = saying(during(logs), "payments", "timeout")
    by_pod = {one["labels"]["pod"] for one in lines}
    assert len(lines) > 200
    assert len(by_pod) == 5
    assert len({one["user_id"] for one in lines}) > 100
    assert min(values(during(metrics), "db_connections", service="payments")) > 50
    assert len(saying(after(logs), "payments", "timeout")) <= 2
    assert max(values(after(metrics), "db_connections", service="payments")) < 50


def test_orders_pile_up_and_drain():
    metrics, _ = played(kind("orders pile up"))
    assert max(values(during(metrics), "queue_depth", service="shipping", queue="orders")) > 1_000
    assert max(values(during(metrics), "queue_depth", service="cart")) < 100
    assert max(values(after(metrics), "queue_depth")) < 100


def test_api_fails():
    metrics, logs = played(kind("api fails"))
    failed = {}
    for pod in range(5):
        counted = values(during(metrics), "http_errors_total", pod=f"api-{pod}")
        failed[pod] = (counted[-1] - counted[0]) / len(counted)
    assert min(failed.values()) > 2
    assert len(saying(during(logs), "api", "upstream")) > 100


def test_a_disk_fills_up():
    metrics, logs = played(kind("a disk fills up"))
    assert max(values(during(metrics), "disk_free_ratio", pod="inventory-2")) < 0.05
    assert min(values(during(metrics), "disk_free_ratio", pod="inventory-1")) > 0.3
    assert min(values(after(metrics), "disk_free_ratio", pod="inventory-2")) > 0.3
    assert saying(during(logs), "inventory", "no space left on device")


def test_logins_are_attacked():
    _, logs = played(kind("logins are attacked"))
    lines = saying(during(logs), "auth", "login failed")
    assert len(lines) > 400
    assert len({one["user_id"] for one in lines}) > 200
    assert len(saying(after(logs), "auth", "login failed")) < 10


def test_a_pod_crashes_and_counts_from_zero_when_it_is_back():
    metrics, logs = played(kind("a pod crashes"))
    assert set(values(during(metrics), "up", pod="catalog-3")) == {0}
    assert set(values(during(metrics), "up", pod="catalog-2")) == {1}
    assert not values(during(metrics), "cpu_usage_ratio", pod="catalog-3")
    assert set(values(after(metrics), "up", pod="catalog-3")) == {1}
    assert max(values(after(metrics), "http_errors_total", pod="catalog-3")) < 100
    assert saying(during(logs), "catalog", "panic")


def test_search_is_slow():
    metrics, _ = played(kind("search is slow"))
    took = sorted(values(during(metrics), "http_request_duration_ms", service="search"))
    assert took[int(len(took) * 0.99)] > 600
    took = sorted(values(after(metrics), "http_request_duration_ms", service="search"))
    assert took[int(len(took) * 0.99)] < 300


def test_memory_runs_out():
    metrics, logs = played(kind("memory runs out"))
    for pod in ("recommendations-1", "recommendations-4"):
        assert min(values(during(metrics), "memory_usage_ratio", pod=pod)) > 0.88
    assert saying(during(logs), "recommendations", "OOM killed")
    assert max(values(after(metrics), "memory_usage_ratio")) < 0.85


@pytest.mark.parametrize("seed", range(5))
def test_the_schedule_is_early_dense_and_never_overlaps_with_itself(seed):
    first = list(itertools.islice(occurrences(seed), 40))
    assert first == list(itertools.islice(occurrences(seed), 40))
    assert first[0].start_ms == 6_000
    assert {one.incident for one in first[:8]} == set(INCIDENTS)
    assert first[7].start_ms <= 80_000
    starts = [one.start_ms for one in first]
    assert starts == sorted(starts)
    last: dict[str, int] = {}
    for one in first:
        # A resolve of the one must not be taken for that of the other.
        assert one.start_ms >= last.get(one.incident.name, -60_000) + 60_000
        last[one.incident.name] = one.end_ms
        assert 15_000 <= one.end_ms - one.start_ms <= 90_000


def test_the_schedule_says_what_goes_on():
    fleet = Fleet(1, START_MS)
    assert fleet.going_on(START_MS + 1_000) == []
    assert [one.incident.name for one in fleet.going_on(START_MS + 6_100)] == ["payments time out"]
