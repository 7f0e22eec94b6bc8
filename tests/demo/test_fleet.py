"""The made-up fleet: its records are what users have, and nothing alarms while it is healthy."""

import json
import math
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from engine.demo.fleet import STEP_MS, Fleet
from engine.demo.incidents import SERVICES, healthy

START_MS = 1_767_225_600_000


def records(fleet: Fleet, seconds: int, since_ms: int = START_MS) -> tuple[list[dict], list[dict]]:
    metrics: list[dict] = []
    logs: list[dict] = []
    for at_ms in range(since_ms + STEP_MS, since_ms + seconds * 1_000 + STEP_MS, STEP_MS):
        made = fleet.advance(at_ms)
        metrics.extend(json.loads(one) for one in made.metrics)
        logs.extend(json.loads(one) for one in made.logs)
    return metrics, logs


@pytest.fixture(scope="module")
def calm() -> tuple[list[dict], list[dict]]:
    """A minute of the healthy fleet."""
    return records(Fleet(7, START_MS, healthy()), 60)


def growth(samples: list[dict]) -> float:
    """The sum of what each counter grew by, restarts aside."""
    by_series = defaultdict(list)
    for one in samples:
        by_series[json.dumps(one["labels"])].append((one["timestamp"], one["value"]))
    return sum(sorted(seen)[-1][1] - sorted(seen)[0][1] for seen in by_series.values())


def named(metrics: list[dict], name: str, **labels: str) -> list[dict]:
    return [
        one for one in metrics if one["name"] == name and labels.items() <= one["labels"].items()
    ]


def test_records_have_the_form_of_user_topics(calm):
    metrics, logs = calm
    for one in metrics:
        assert set(one) == {"timestamp", "name", "labels", "value"}
        assert {"service", "pod", "zone"} <= set(one["labels"])
        assert all(isinstance(value, str) for value in one["labels"].values())
        assert math.isfinite(one["value"])
    for one in logs:
        assert {"timestamp", "labels", "message", "user_id", "duration_ms", "status"} <= set(one)
        assert set(one["labels"]) == {"service", "pod", "level"}
        assert one["message"]
        assert one["labels"]["level"] in {"info", "warn", "error"}


def test_size_is_that_of_a_small_shop(calm):
    metrics, logs = calm
    series = {json.dumps([one["name"], one["labels"]]) for one in metrics}
    assert {one["labels"]["service"] for one in metrics} == set(SERVICES)
    assert 3_000 < len(series) < 6_000
    assert 2_000 < len(metrics) / 60 < 4_000
    assert 200 < len(logs) / 60 < 500
    assert Fleet(7, START_MS).series == len(series)


def test_every_series_speaks_at_least_every_five_seconds(calm):
    metrics, _ = calm
    times = defaultdict(list)
    for one in metrics:
        times[json.dumps([one["name"], one["labels"]])].append(one["timestamp"])
    for seen in times.values():
        assert seen == sorted(seen)
        assert max(b - a for a, b in pairwise(seen)) <= 5_000


def test_times_lie_in_the_step_they_are_made_for():
    fleet = Fleet(3, START_MS)
    fleet.advance(START_MS + 1_000)
    made = fleet.advance(START_MS + 1_100)
    for one in map(json.loads, made.metrics + made.logs):
        assert START_MS + 1_000 < one["timestamp"] <= START_MS + 1_100


def test_healthy_fleet_fails_half_a_percent_of_requests(calm):
    metrics, _ = calm
    requests = growth(named(metrics, "http_requests_total"))
    failed = sum(
        growth(named(metrics, "http_requests_total", code=code)) for code in ("500", "502", "503")
    )
    assert 0.004 < failed / requests < 0.006
    assert 0.004 < growth(named(metrics, "http_errors_total")) / requests < 0.006


def test_healthy_fleet_is_far_from_every_threshold(calm):
    metrics, _ = calm
    for service in SERVICES:
        took = sorted(
            one["value"] for one in named(metrics, "http_request_duration_ms", service=service)
        )
        assert took[int(len(took) * 0.99)] < 300
    assert max(one["value"] for one in named(metrics, "queue_depth")) < 100
    assert max(one["value"] for one in named(metrics, "cpu_usage_ratio")) < 0.8
    assert max(one["value"] for one in named(metrics, "memory_usage_ratio")) < 0.85
    assert min(one["value"] for one in named(metrics, "disk_free_ratio")) > 0.3
    assert max(one["value"] for one in named(metrics, "db_connections")) < 50
    assert {one["value"] for one in named(metrics, "up")} == {1}


def test_healthy_logs_hardly_mention_trouble(calm):
    _, logs = calm
    said = Counter(
        word
        for one in logs
        for word in ("timeout", "panic", "OOM", "login failed", "no space left")
        if word in one["message"]
    )
    assert said["timeout"] <= 2
    assert said["login failed"] <= 15
    assert said["panic"] == said["OOM"] == said["no space left"] == 0


def test_equal_seeds_give_equal_bytes_however_often_it_is_asked():
    often, seldom = Fleet(11, START_MS), Fleet(11, START_MS)
    metrics: list[bytes] = []
    logs: list[bytes] = []
    for at_ms in range(START_MS, START_MS + 12_000 + 1, STEP_MS):
        made = often.advance(at_ms)
        metrics += made.metrics
        logs += made.logs
    other_metrics: list[bytes] = []
    other_logs: list[bytes] = []
    for at_ms in range(START_MS, START_MS + 12_000 + 1, 1_500):
        made = seldom.advance(at_ms)
        other_metrics += made.metrics
        other_logs += made.logs
    assert metrics == other_metrics
    assert logs == other_logs
    assert Fleet(12, START_MS).advance(START_MS + 1_000).metrics != metrics[: len(other_metrics)]


def test_after_a_pause_it_goes_on_from_now():
    fleet = Fleet(1, START_MS)
    fleet.advance(START_MS + 1_000)
    made = fleet.advance(START_MS + 3_600_000)
    times = [json.loads(one)["timestamp"] for one in made.metrics]
    assert times
    assert min(times) > START_MS + 3_600_000 - 2_100


def test_a_clock_that_steps_back_makes_nothing():
    fleet = Fleet(1, START_MS)
    fleet.advance(START_MS + 5_000)
    assert fleet.advance(START_MS + 1_000).metrics == []
