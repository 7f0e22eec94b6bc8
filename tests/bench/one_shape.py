"""One shape of P6 in a process of its own; prints a JSON object: `python -m tests.bench.one_shape`."""

import json
import os
import sys
import time

import numpy as np

from engine.rules import compile_plan, load
from tests.bench.fleet_load import Fleet
from tests.bench.machine import rss_mb
from tests.bench.owners import LATENESS_MS, Owners
from tests.bench.shapes import EVERY_MS, SERIES, SHAPES, UP, Shape, Values, rules_text, series

T0_MS = 1_700_000_100_000 // EVERY_MS * EVERY_MS
BACKFILL = 20  # samples a series that fill the window of 5 minutes
SETTLING, CYCLES = 3, 8


def main() -> None:
    """Measure the shape whose number is given, over so many shards."""
    shape, shards = SHAPES[int(sys.argv[1])], int(sys.argv[2])
    print(json.dumps(measured(shape, shards)))


def measured(shape: Shape, shards: int) -> dict[str, float]:
    """Return costs in microseconds of CPU a sample, and what the first tick took."""
    text = rules_text(shape)
    began = time.process_time()
    loaded, findings = load({"bench.yml": text})
    assert loaded is not None, findings[:3]
    load_s, began = time.process_time() - began, time.process_time()
    plan = compile_plan(loaded)
    compile_s = time.process_time() - began
    fleet, values = Fleet(series(shape)), Values(shape)
    owners = Owners(plan, shards)
    past = np.arange(-BACKFILL + 1, 1) * EVERY_MS + T0_MS
    owners.mark(T0_MS)
    owners.write(fleet.bodies(past, np.stack([values.next() for _ in past], axis=1)), T0_MS)
    first_load = owners.reset()
    owners.mark(T0_MS + LATENESS_MS)
    first = owners.reset()
    held = len(owners.up)
    assert held == UP, f"{held} alerts are up after the first tick, not {UP}: {owners.alerts}"
    cycles, ticks = [], []
    for cycle in range(1, SETTLING + CYCLES + 1):
        now_ms = T0_MS + cycle * EVERY_MS
        values.flip()
        owners.write(fleet.bodies(np.array([now_ms]), values.next()[:, None]), now_ms)
        owners.mark(now_ms + LATENESS_MS)
        spent = owners.reset()
        if cycle > SETTLING:
            cycles.append((spent.decode_s, spent.apply_s, spent.tick_s))
            ticks.append(spent.longest_s)
    decode, apply, tick = (np.median([one[part] for one in cycles]) for part in range(3))
    a_sample = 1e6 / SERIES
    return {
        "load_s": load_s,
        "compile_s": compile_s,
        "first_samples_s": first_load.decode_s + first_load.apply_s,
        "first_tick_s": first.tick_s,
        "first_longest_s": first.longest_s,
        "decode_us": decode * a_sample,
        "apply_us": apply * a_sample,
        "tick_us": tick * a_sample,
        "tick_ms": tick * 1e3,
        "longest_ms": max(ticks) * 1e3,
        "changes": sum(owners.alerts.values()),
        "up": len(owners.up),
        "rss_mb": rss_mb(os.getpid()),
    }


if __name__ == "__main__":
    main()
