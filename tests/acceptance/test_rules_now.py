"""`/api/v1/rules` and `/api/v1/alerts` of a running worker: what holds now, not at the last change."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import services
from tests.acceptance.product import Product, product
from tests.acceptance.talking import ask
from tests.acceptance.whole import Worker, whole
from tests.waiting import until

pytestmark = pytest.mark.slow

RULES = """\
groups:
- name: queues
  interval: 1s
  rules:
  - alert: Deep                       # judged where its series live
    expr: queue_depth > 100
    annotations: {summary: '{{ $value }} deep'}
  - alert: AllDeep                    # judged by one shard for all
    expr: sum(queue_depth) > 100
    annotations: {summary: '{{ $value }} deep'}
  - {record: joined, expr: queue_depth * on() queue_depth}
"""
QUEUES, MANY = 8, 64


def rules(worker: Product) -> dict[str, Any]:
    answer = ask(f"{worker.url}/api/v1/rules").json()
    assert "warnings" not in answer, answer
    return {rule["name"]: rule for g in answer["data"]["groups"] for rule in g["rules"]}


def test_values_move_while_alerts_stay(tmp_path: Path) -> None:
    with product(tmp_path, rule=RULES) as worker:
        depth = 1_000

        def deep(name: str, value: float, alerts: int) -> bool:
            """Post the depth of now, and say whether it is what alerts show."""
            lines = [
                json.dumps({
                    "name": "queue_depth", "labels": {"queue": f"{queue}"}, "value": depth,
                    "timestamp": int(time.time() * 1000),
                })
                for queue in range(QUEUES)
            ]  # fmt: skip
            ask(f"{worker.url}/api/v1/ingest/metrics", "\n".join(lines).encode())
            found = rules(worker).get(name, {"alerts": []})["alerts"]
            return [float(a["value"]) for a in found] == [value] * alerts

        until(lambda: deep("Deep", depth, QUEUES), 60)
        until(lambda: deep("AllDeep", QUEUES * depth, 1), 60)
        began = {a["activeAt"] for a in rules(worker)["Deep"]["alerts"]}
        depth = 2_000
        until(lambda: deep("Deep", depth, QUEUES), 30)
        until(lambda: deep("AllDeep", QUEUES * depth, 1), 30)
        found = rules(worker)
        assert {a["activeAt"] for a in found["Deep"]["alerts"]} == began
        assert {a["annotations"]["summary"] for a in found["Deep"]["alerts"]} == {"2000 deep"}
        assert (found["joined"]["health"], found["Deep"]["health"]) == ("err", "ok")
        assert "many-to-many" in found["joined"]["lastError"]
        assert all(0 < rule["evaluationTime"] < 1 for rule in found.values()), found
        listed = ask(f"{worker.url}/api/v1/alerts").json()["data"]["alerts"]
        assert len(listed) == QUEUES + 1
        metrics = ask(f"{worker.url}/metrics").text
        line = 'tocsin_rule_group_interval_seconds{rule_group="rules/queues.yml;queues"} 1.0'
        assert line in metrics


@pytest.mark.real
def test_two_workers_say_the_same_and_records_stand_in_for_a_dead_one(
    kafka: services.Kafka, redis: services.Redis, tmp_path: Path
) -> None:
    rule = "groups: [{name: g, interval: 1s, rules: [{alert: Deep, expr: queue_depth > 100}]}]\n"
    kafka.create_topic("metrics", 4)
    kafka.create_topic("logs", 3)
    with whole(tmp_path, kafka.url, redis.url, "rulesnow", rule) as found:
        found.config = found.config.replace(", lateness: 4s", ", lateness: 500ms")
        workers = [found.worker("w0"), found.worker("w1")]
        for worker in workers:
            worker.start()
        for worker in workers:
            until(worker.answers, 60, found.logs)

        def post() -> None:
            now_ms = int(time.time() * 1000)
            lines = [
                json.dumps({"name": "queue_depth", "labels": {"queue": f"{n}"}, "value": now_ms,
                            "timestamp": now_ms})
                for n in range(MANY)
            ]  # fmt: skip
            ask(f"{workers[0].url}/api/v1/ingest/metrics", "\n".join(lines).encode())

        def whole_at(worker: Worker, since_ms: int) -> bool:
            """Whether all alerts are there, by values that are younger than the alerts."""
            post()
            answer = ask(f"{worker.url}/api/v1/alerts").json()
            alerts = answer["data"]["alerts"] if isinstance(answer, dict) else []
            young = [a for a in alerts if float(a["value"]) > since_ms]
            return len(young) == MANY == len(alerts) and "warnings" not in answer

        for worker in workers:
            since_ms = int(time.time() * 1000)
            until(
                lambda worker=worker, since_ms=since_ms: whole_at(worker, since_ms), 90, found.logs
            )
        owner = int("tocsin_notifier_alerts 0.0" in workers[0].metrics())
        workers[1 - owner].kill()
        answer = ask(f"{workers[owner].url}/api/v1/rules").json()
        assert f"worker w{1 - owner} does not answer" in answer["warnings"], answer["warnings"]
        assert answer["warnings"][1].startswith("nobody answers for shards ")
        (deep,) = answer["data"]["groups"][0]["rules"]
        assert len(deep["alerts"]) == MANY
