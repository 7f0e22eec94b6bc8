"""`tocsin check rules --against` a worker on the embedded log that has real series."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.api import format_time
from tests.acceptance.product import Product, product
from tests.acceptance.talking import ask
from tests.waiting import until

pytestmark = pytest.mark.slow

IN_FORCE = """\
groups:
- name: queues
  interval: 1s
  rules:
  - {alert: Deep, expr: 'queue_depth{queue=~"mail|image"} > 1000'}
  - {alert: Growing, expr: 'rate(requests_total[20s]) > 1000'}
  - {record: queues, expr: count(queue_depth)}
"""
SERIES = 40


def record(name: str, at_ms: int, value: float, **labels: str) -> bytes:
    record = {"name": name, "labels": labels, "value": value, "timestamp": at_ms}
    return json.dumps(record).encode()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("tocsin"), rule=IN_FORCE) as found:
        now_ms = int(time.time() * 1000)
        lines = [
            line
            for second in range(-20, 0)
            for host in range(SERIES)
            for line in (
                record("queue_depth", now_ms + 1000 * second, host, queue="mail", host=f"{host}"),
                record("requests_total", now_ms + 1000 * second, 100 + 50 * second, host=f"{host}"),
                record("unread", now_ms + 1000 * second, 1, host=f"{host}"),
            )
        ]
        answer = ask(f"{found.url}/api/v1/ingest/metrics", b"\n".join(lines))
        assert answer.json()["accepted"] == len(lines), answer

        def judged() -> bool:
            """Time passes with records only: one a moment until a tick leaves them 3 s behind."""
            last_ms = int(time.time() * 1000)
            tail = record("queue_depth", last_ms, 7, queue="mail", host="0")
            ask(f"{found.url}/api/v1/ingest/metrics", tail)
            groups = ask(f"{found.url}/api/v1/rules").json()["data"]["groups"]
            ticks = [group["lastEvaluation"] for group in groups]
            asked = {"expressions": ['queue_depth{queue=~"mail|image"} >= 0']}
            rows = ask(f"{found.url}/api/v1/rules/inspect", json.dumps(asked).encode()).json()
            passed = min(ticks, default="") > format_time(now_ms + 3_000)
            return passed and rows["data"]["expressions"][0]["rows"] == SERIES

        until(judged, 30)
        yield found


def against(worker: Product, tmp_path: Path, text: str) -> Any:
    (tmp_path / "new.yml").write_text(text)
    found = subprocess.run(
        [sys.executable, "-m", "engine", "check", "rules", str(tmp_path), "--against", worker.url,
         "--output", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_what_rules_would_read(worker: Product, tmp_path: Path) -> None:
    said = against(worker, tmp_path, """\
groups:
- name: new
  rules:
  - {alert: Deep, expr: 'queue_depth{queue="mail",queue=~"mail|image"} > 9'}
  - {alert: Growing, expr: 'rate(requests_total[20s]) > 10 < 100'}
  - {alert: Sum, expr: 'sum(queue_depth) > 10'}
  - {alert: Unread, expr: 'unread > 0'}
  - {alert: Longer, expr: 'rate(requests_total[30m]) > 0'}
  - {alert: Typo, expr: 'queue_dept{queue="mail"} > 9'}
  - {alert: Wrong, expr: 'queue_depth{queue="mial"} > 9'}
  - {alert: Short, expr: 'rate(requests_total[3s]) > 9'}
""")  # fmt: skip
    deep, growing, total, unread, longer, typo, wrong, short = said["against"]
    assert (deep["series"], deep["interval_ms"], deep["alerts"]) == (SERIES, 1_000, SERIES - 10)
    assert (growing["series"], growing["alerts"]) == (SERIES, SERIES)
    assert (total["series"], total["alerts"]) == (SERIES, None)
    assert total["alerts_unknown"] == "it joins or sums series of several shards"
    assert (unread["series"], unread["interval_ms"], unread["alerts"]) == (SERIES, None, None)
    for each in (unread, longer):
        assert each["alerts_unknown"] == "no rule in force reads all of these samples"
    assert (typo["series"], wrong["series"], short["alerts"]) == (0, 0, 0)
    live = [f for f in said["findings"] if f["code"].startswith("live-")]
    assert [f["code"] for f in live] == ["live-metric", "live-value", "live-interval"]
    assert [f["help"] for f in live] == [
        "did you mean queue_depth?", "values that are there: mail", "write [4s] or more",
    ]  # fmt: skip
    assert said["incomplete"] == []
    assert said["state_bytes"] > 0


def test_asking_changes_nothing(worker: Product, tmp_path: Path) -> None:
    before = ask(f"{worker.url}/api/v1/rules").json()["data"]
    for _ in range(3):
        against(worker, tmp_path, IN_FORCE)
    after = ask(f"{worker.url}/api/v1/rules").json()["data"]
    assert before["load"]["digest"] == after["load"]["digest"]
    assert [g["name"] for g in before["groups"]] == [g["name"] for g in after["groups"]]
