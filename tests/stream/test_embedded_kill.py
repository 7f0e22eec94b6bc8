"""kill -9 under load on the embedded log: what was acknowledged is there, once, exactly."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stream.fakes import ALERT_EVERY, shard_of
from tests.waiting import until

SOURCES = [{"topic": "metrics", "partitions": 4}, {"topic": "logs", "partitions": 3}]
SHARDS = 4
ROOT = Path(__file__).parents[2]


def child(plan: dict[str, Any], out: Path, fault: str = "") -> subprocess.Popen[bytes]:
    env = {**os.environ, "TOCSIN_FAULT": fault}
    with out.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.stream.child", json.dumps(plan)],
            cwd=ROOT, env=env, stdout=sink, stderr=sink,
        )  # fmt: skip


def events(out: Path, name: str) -> list[dict[str, Any]]:
    lines = out.read_text("utf-8", "replace").splitlines() if out.exists() else []
    found = [json.loads(line) for line in lines if line.startswith('{"at"')]
    return [event for event in found if event["event"] == name]


def drained(plan: dict[str, Any], out: Path) -> dict[str, Any]:
    process = child({**plan, "rate": 0, "drain": True}, out)
    assert process.wait(60) == 0, out.read_text()[-3000:]
    return events(out, "result")[-1]


def expected(ends: dict[str, int]) -> dict[str, dict[str, int]]:
    """What the shards must hold, from the numbers alone."""
    sums = {str(s): {"count": 0, "total": 0, "squares": 0} for s in range(SHARDS)}
    for source in SOURCES:
        for p in range(source["partitions"]):
            for number in range(ends[f"{source['topic']}/{p}"]):
                cell = sums[str(shard_of(number, SHARDS))]
                cell["count"] += 1
                cell["total"] += number
                cell["squares"] += number * number
    return sums


def check(result: dict[str, Any]) -> None:
    found = {
        s: {name: shard[name] for name in ("count", "total", "squares")}
        for s, shard in result["shards"].items()
    }
    assert found == expected(result["ends"])
    notifier = result["notifier"]
    assert notifier["gaps"] == 0
    for s, shard in result["shards"].items():
        assert shard["holes"] == 0
        assert shard["sequence"] == shard["count"] // ALERT_EVERY
        assert notifier["last"].get(s, 0) == shard["sequence"], "an alert was lost"
        assert len(notifier["totals"].get(s, [])) == shard["sequence"], "an alert came twice"


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    return {
        "broker": f"embedded://{tmp_path}/log", "data_dir": str(tmp_path), "sources": SOURCES,
        "shards": SHARDS, "rate": 20_000, "acked": str(tmp_path / "acked"),
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fsync", ["interval", "always"])
def test_killed_at_random_moments(plan: dict[str, Any], tmp_path: Path, fsync: str) -> None:
    seed = random.randrange(10_000)
    print(f"seed={seed}")
    rnd, out = random.Random(seed), tmp_path / "out"
    plan["fsync"] = fsync
    for _ in range(4):
        process = child(plan, out)
        until(lambda: events(out, "sources_assigned"), 30, lambda: out.read_text()[-2000:])
        wait_s = rnd.random() * 1.5
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        out.rename(out.with_suffix(f".{process.pid}"))
    result = drained(plan, out)
    check(result)
    acked = int((tmp_path / "acked").read_bytes())
    assert max(result["ends"][f"logs/{p}"] for p in range(3)) >= acked
    assert result["generation"] == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    ["ingest.after_send:40", "outbox.after_send:3", "claim.after:2", "checkpoint.before_chunks:4",
     "checkpoint.after_chunks:5", "checkpoint.after_manifest:5", "checkpoint.after_commit:5"],
)  # fmt: skip
def test_killed_at_a_fault_point(plan: dict[str, Any], tmp_path: Path, point: str) -> None:
    out = tmp_path / "out"
    assert child(plan, out, point).wait(60) == -signal.SIGKILL, out.read_text()[-3000:]
    check(drained(plan, out))
