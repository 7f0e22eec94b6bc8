"""Ranges and offsets that are longer than rings: panes and delayed steps, as if rings held all."""

import dataclasses
import random

import pytest

from engine.limits import DEFAULT_LIMITS
from tests.groups.promworld import (
    group,
    pipeline,
    query,
    record,
    result_rows,
    results,
    rule,
    twin_rows,
)
from tests.vector.naive_source import NaiveSource

EVERY_MS = 30_000
SHORT = dataclasses.replace(DEFAULT_LIMITS, ring_ms_max=300_000)
EXPRESSIONS = [
    "temp offset 10m",
    "sum by (job) (temp offset 10m)",
    "temp - temp offset 10m",
    "sum(rate(hits[1m] offset 10m))",
    "rate(hits[1m]) / rate(hits[1m] offset 600s)",
    "avg_over_time(temp[10m])",
    "sum by (job) (increase(hits[8m]))",
    "max_over_time(temp[10m]) > 60",
    "count_over_time(temp[10m] offset 2m)",
    "sum(rate(hits[10m] offset 12m))",
    "max_over_time(sum(temp)[10m:30s])",
    "max_over_time(sum by (job) (rate(hits[1m]))[8m:1m] offset 5m)",
    "max_over_time(temp[10m:1m])",
    "max_over_time(temp[8m:1m] offset 10m)",
    "avg_over_time(sum(avg_over_time(temp[6m]))[8m:30s])",
    "timestamp(temp offset 10m)",
    "predict_linear(temp[2m] offset 10m, 60)",
    "absent(temp{pod='9'} offset 10m)",
    "absent_over_time(temp{pod='9'}[12m])",
    "quantile_over_time(0.5, temp[10m])",
    "sum by (job) (quantile_over_time(0.9, temp[10m] offset 1m))",
    "quantile_over_time(0.5, temp[10m] offset 8m) > 40",
    "max_over_time(quantile_over_time(0.5, temp[8m])[3m:1m])",
]


def played(expressions, shards, seconds=1_800, rules=(), more=()):
    rng = random.Random(3)
    pipe = pipeline(
        group(*rules, *(query(one) for one in (*expressions, *more)), interval_ms=EVERY_MS),
        shards=shards, limits=SHORT,
    )  # fmt: skip
    source = NaiveSource()
    grown = {}
    for second in range(0, seconds, 15):
        now_ms = second * 1_000
        rows = []
        for job in "ab":
            for pod in "12":
                labels = {"job": job, "pod": pod}
                grown[job, pod] = grown.get((job, pod), 0) + rng.randint(0, 9)
                rows.append(("temp", labels, float(rng.randint(0, 99))))
                rows.append(("hits", labels, float(grown[job, pod])))
        pipe.feed("metrics", 0, [record(n, ls, now_ms, v) for n, ls, v in rows], now_ms)
        for name, labels, value in rows:
            source.add({"__name__": name, **labels}, [(now_ms, value)])
        pipe.mark(now_ms + 3_000)
        pipe.run(now_ms + 3_000)
    return pipe, source


RECORDED = [
    "made offset 10m",
    "avg_over_time(made[10m])",
    "max_over_time(made[8m:1m] offset 5m)",
    "quantile_over_time(0.5, made[10m])",
    "sum(made) - sum(made offset 12m)",
]


def test_recorded_series_are_read_as_far_back():
    """Of what a rule records, at its own ticks: a raw series that is fed at them says the same."""
    pipe, source = played(
        [], 3, rules=[rule("record", "made", "sum by (job) (temp)")], more=RECORDED
    )
    found = results(pipe)
    ticks = sorted({at_ms for _, at_ms in found})
    for at_ms in ticks:
        for labels, value in twin_rows(source, "sum by (job) (temp)", at_ms)[0]:
            source.add({"__name__": "made", **dict(labels)}, [(at_ms, value)])
        for expr in RECORDED:
            assert result_rows(found[expr, at_ms]) == twin_rows(source, expr, at_ms)[0], (
                expr,
                at_ms,
            )


@pytest.mark.parametrize("shards", [1, 3])
def test_they_equal_the_twin(shards):
    pipe, source = played(EXPRESSIONS, shards)
    found = results(pipe)
    ticks = sorted({at_ms for _, at_ms in found})
    wrong = []
    for expr in EXPRESSIONS:
        for at_ms in ticks:
            have, (want, _) = result_rows(found[expr, at_ms]), twin_rows(source, expr, at_ms)
            if have != want:
                wrong.append((expr, at_ms, have, want))
    assert not wrong, (len(wrong), {w[0]: w[1:] for w in reversed(wrong)})


def test_a_quantile_of_three_hours_at_the_usual_limits():
    expr, minute_ms = "quantile_over_time(0.5, temp[3h])", 60_000
    pipe, source = pipeline(group(query(expr), interval_ms=10 * minute_ms)), NaiveSource()
    rng = random.Random(5)
    for minute in range(250):
        now_ms, value = minute * minute_ms, float(rng.randint(0, 99))
        pipe.feed("metrics", 0, [record("temp", {"pod": "1"}, now_ms, value)], now_ms)
        source.add({"__name__": "temp", "pod": "1"}, [(now_ms, value)])
        pipe.mark(now_ms + 3_000)
        pipe.run(now_ms + 3_000)
    found = results(pipe)
    assert max(at_ms for _, at_ms in found) == 240 * minute_ms
    for (_, at_ms), result in found.items():
        assert result_rows(result) == twin_rows(source, expr, at_ms)[0], at_ms
