"""Alerts of the pipeline equal a naive twin's, whatever the partitions and the shard count."""

import math
import random

import pytest

from tests.reference import twin
from tests.simulation import world


def close(a, b):
    a = {"NaN": math.nan}.get(a, a)
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("shards", [1, 4, 16])
@pytest.mark.parametrize("seed", range(6))
def test_alerts_equal_the_twins(seed, shards):
    rng = random.Random(seed)
    print(f"seed={seed} shards={shards}")
    seconds = world.rows(rng, 120)
    pipe = world.pipeline(shards)
    for second, batch in enumerate(seconds):
        now_ms = world.START_MS + second * 1_000
        rng.shuffle(batch)
        for kind, partitions in (("metrics", 4), ("logs", 3)):
            mine = [world.record(row) for row in batch if row.kind == kind]
            for partition in range(partitions):
                pipe.feed(kind, partition, mine[partition::partitions], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    end_ms = world.START_MS + 119_000 - 2_000  # the last mark less the lateness
    rows = [row for batch in seconds for row in batch]
    wanted = twin.alerts(world.TWIN_RULES, rows, world.START_MS - 2_000, end_ms)
    assert len(wanted) > 20
    got = {
        (r.rule, tuple(sorted((k, v) for k, v in r.labels.items() if k in ("service", "pod"))),
         r.state, r.level, r.event_ms): r.values
        for r in pipe.alert_records
    }  # fmt: skip
    assert len(got) == len(pipe.alert_records)
    assert set(got) == {row[:5] for row in wanted}
    for row in wanted:
        for name, value in row[5].items():
            assert close(got[row[:5]][name], value), (row, name, got[row[:5]])
