"""Memory a series (P7), in a process of its own; prints JSON: `python -m tests.bench.per_series`.

Series come in steps, each with the samples of a full window, and all of them go on for some
cycles; the figure is the slope of the resident memory between two steps.
"""

import gc
import json
import os
import sys
from typing import Any

import numpy as np

from engine.rules import compile_plan, load
from tests.bench.fleet_load import Fleet
from tests.bench.machine import rss_mb
from tests.bench.owners import LATENESS_MS, Owners

SHARDS, METRICS, PART = 4, 10, 20_000
EVERY_MS, WINDOW = 15_000, 20
CYCLES = 3
T0_MS = 1_700_000_100_000 // EVERY_MS * EVERY_MS


def main() -> None:
    """Measure between two numbers of series."""
    print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]))))


def _part(first: int) -> Fleet:
    return Fleet(
        [
            {
                "__name__": f"bench_{number % METRICS}_total", "instance": f"10.7.{number}:9100",
                "job": "node-exporter", "code": "200", "path": "/api/v1/query",
                "env": "production", "region": "eu-central-1",
            }
            for number in range(first, first + PART)
        ]
    )  # fmt: skip


def _plan() -> Any:
    rules = [
        {"alert": f"A{at}", "expr": f"avg_over_time(bench_{at}_total[5m]) > 100"}
        for at in range(METRICS)
    ]
    loaded, findings = load(
        {"b.yml": json.dumps({"groups": [{"name": "g", "interval": "15s", "rules": rules}]})}
    )
    assert loaded is not None, findings
    return compile_plan(loaded)


def measured(fewer: int, more: int) -> dict[str, float]:
    """Return resident bytes a series beyond `fewer`."""
    owners, random = Owners(_plan(), SHARDS), np.random.default_rng(3)
    owners.mark(T0_MS)
    now_ms, held = T0_MS, {}
    parts: list[int] = []
    for wanted in (fewer, more):
        past = np.arange(-WINDOW + 1, 1) * EVERY_MS + now_ms
        while len(parts) * PART < wanted:
            parts.append(len(parts) * PART)
            owners.write(
                _part(parts[-1]).bodies(past, random.uniform(0, 50, (PART, WINDOW))), now_ms
            )
        for _ in range(CYCLES):
            now_ms += EVERY_MS
            for first in parts:
                sample = random.uniform(0, 50, (PART, 1))
                owners.write(_part(first).bodies(np.array([now_ms]), sample), now_ms)
            owners.mark(now_ms + LATENESS_MS)
        gc.collect()
        held[wanted] = rss_mb(os.getpid())
    rows = sum(owner.groups.feeds.rings.rows for owner in owners.owners)
    return {
        "fewer_mb": held[fewer], "more_mb": held[more],
        "bytes": (held[more] - held[fewer]) * 1e6 / (more - fewer),
        "ring_bytes": rows * 12 / more,
    }  # fmt: skip


if __name__ == "__main__":
    main()
