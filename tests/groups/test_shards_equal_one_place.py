"""Whatever the number of shards, a query gives what it gives where everything is in one place."""

import random

import pytest

from engine.limits import DEFAULT_LIMITS
from tests.groups.promworld import (
    EVERY_MS,
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

EXPRESSIONS = [
    "temp",
    "temp > 50",
    "temp{job='a'} - 3",
    "rate(hits[1m])",
    "sum(temp)",
    "sum by (job) (temp)",
    "avg without (pod) (temp)",
    "max by (job) (rate(hits[1m]))",
    "min(temp) by (pod)",
    "count(temp > 40) by (job)",
    "group by (job) (temp)",
    "stddev by (job) (temp)",
    "quantile(0.5, temp)",
    "topk(2, temp)",
    "bottomk by (job) (1, temp)",
    "limitk(2, temp)",
    "limitk by (job) (1, temp > 40)",
    "limit_ratio(0.6, temp)",
    "limit_ratio(-0.4, hits + 1)",
    "count_values('v', round(temp, 50))",
    "sum by (job) (rate(hits[1m])) / on (job) group_left () sum by (job) (temp)",
    "temp * on (pod, job) group_left () hits",
    "temp and on (job) (hits > 100)",
    "temp or hits",
    "temp unless on (pod) hits{pod='2'}",
    "absent(temp)",
    "absent(nothing{job='x', pod=~'y'})",
    "absent_over_time(nothing{job='x'}[1m])",
    "absent_over_time(temp[1m])",
    "absent(sum(nothing))",
    "sum(absent_over_time(nothing{job='x'}[1m])) + 1",
    "max_over_time(sum(temp)[1m:15s])",
    "max_over_time(sum by (job) (rate(hits[30s]))[1m:20s] offset 30s)",
    "avg_over_time(temp[1m:10s])",
    "sum_over_time(max_over_time(sum(temp)[30s:15s])[1m:30s])",
    "temp offset 30s",
    "sum(temp offset 1m)",
    "temp @ 60",
    "sum(temp @ 60)",
    "max_over_time(sum(temp)[1m:15s] @ 90)",
    "scalar(sum(temp)) + time()",
    "vector(scalar(temp{job='a',pod='1'}))",
    "quantile_over_time(scalar(share{}), temp[1m])",
    "clamp_max(temp, scalar(sum(share)) * 40)",
    "histogram_quantile(0.9, sum by (le) (rate(lat_bucket[1m])))",
    "label_replace(temp, 'kind', '$1', 'job', '(.*)')",
    "label_join(sum by (job, pod) (temp), 'both', '-', 'job', 'pod')",
    "sort_desc(temp)",
    "timestamp(temp)",
    "sum(timestamp(temp))",
    "{__name__=~'temp|hits', job='a'}",
    "count by (__name__) ({__name__=~'.+'})",
    "sum({pod='1'})",
    "sum by (__name__) ({job='a'})",
    "rate({__name__=~'hits|other'}[1m])",
    "{__name__=~'hits|other'} * 2",
    "-temp",
    "1 + 2",
    "time()",
    "predict_linear(temp[1m], 60)",
    "deriv(temp[1m] offset 15s)",
    "day_of_week()",
    "sum(day_of_month(temp * 100000))",
    "count(count by (job) (temp)) > bool 1",
    "sum(temp == bool 30) by (job)",
    "temp > on (job, pod) group_right () (hits / 10)",
    "sum(hits) / ignoring () group_left () sum(temp)",
    "temp + temp offset 15s",
    "sum(-temp offset -15s)",
]


def fleet(seed, seconds):
    """(second, [(name, labels, value)]) of a small world with gaps, resets and newcomers."""
    rng = random.Random(seed)
    hits = {}
    for second in range(0, seconds, 5):
        rows = []
        for job in "ab":
            for pod in "1234":
                labels = {"job": job, "pod": pod}
                if pod == "4" and second < 60:
                    continue
                if rng.random() < 0.8:
                    rows.append(
                        ("temp", labels, float(rng.choice([rng.randint(0, 99), rng.random()])))
                    )
                hits[job, pod] = (
                    0.0 if rng.random() < 0.05 else hits.get((job, pod), 0) + rng.randint(0, 30)
                )
                if not (pod == "3" and 40 < second < 80):
                    rows.append(("hits", labels, hits[job, pod]))
                if pod == "1":
                    rows.append(("other", labels, float(second)))
                for le in ("1", "5", "+Inf"):
                    grown = second * (3.0 if le == "1" else 5.0)
                    rows.append(("lat_bucket", {**labels, "le": le}, grown))
        rows.append(("share", {}, rng.random()))
        yield second, rows


def played(expressions, shards, seed=1, seconds=150, limits=DEFAULT_LIMITS, every_ms=EVERY_MS):
    pipe = pipeline(
        group(*(query(one) for one in expressions), interval_ms=every_ms), shards=shards,
        limits=limits,
    )  # fmt: skip
    source = NaiveSource()
    for second, rows in fleet(seed, seconds):
        now_ms = second * 1_000
        pipe.feed("metrics", 0, [record(n, ls, now_ms, v) for n, ls, v in rows], now_ms)
        for name, labels, value in rows:
            source.add({"__name__": name, **labels}, [(now_ms, value)])
        pipe.mark(now_ms)
        pipe.run(now_ms)
    pipe.mark(seconds * 1_000 + 60_000)
    pipe.run(seconds * 1_000 + 60_000)
    return pipe, source


@pytest.mark.parametrize("shards", [1, 3, 16])
def test_queries_equal_the_twin(shards):
    expressions = [one for one in EXPRESSIONS if "-15s" not in one]
    pipe, source = played(expressions, shards)
    found = results(pipe)
    ticks = sorted({at_ms for _, at_ms in found})
    assert ticks == list(range(ticks[0], ticks[-1] + 1, EVERY_MS))
    assert ticks[-1] >= 150_000
    for expr in expressions:
        for at_ms in ticks:
            if "@" in expr and at_ms < 90_000:
                continue  # the twin knows what is to come
            result = found[expr, at_ms]
            want, notes = twin_rows(source, expr, at_ms)
            assert result_rows(result) == want, (expr, at_ms)
            if result.error:
                continue
            assert set(result.warnings) == set(notes.warnings), (expr, at_ms)
            assert set(result.infos) == set(notes.infos), (expr, at_ms)


def test_a_selector_of_anything_sees_what_is_recorded_too():
    pipe = pipeline(
        group(
            rule("record", "made", "sum by (job) (temp)"),
            rule("alert", "Hot", "temp > 10"),
            query("count by (__name__) ({job='a'})"),
        ),
        group(query("count({__name__=~'.+', __name__!='temp'})"), name="h"),
        shards=3,
    )
    for second in range(0, 60, 5):
        now_ms = second * 1_000
        pipe.feed("metrics", 0, [record("temp", {"job": "a"}, now_ms, 20.0)], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    found = results(pipe)
    names = {
        labels["__name__"] for labels, _ in found["count by (__name__) ({job='a'})", 45_000].rows
    }
    assert names == {"temp", "made", "ALERTS", "ALERTS_FOR_STATE"}
    assert found["count({__name__=~'.+', __name__!='temp'})", 45_000].rows == [({}, 3.0)]
