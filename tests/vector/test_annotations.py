"""Warnings and infos in Prometheus' words, with positions."""

from tests.vector.asking import noted, store

BUCKETS = {
    'h_bucket{le="0.1"}': [1, 1],
    'h_bucket{le="1"}': [5, 5],
    'h_bucket{le="10"}': [3, 3],
    'h_bucket{le="+Inf"}': [10, 10],
}


def test_quantiles_outside():
    source = store({"a": [1, 2]})
    text = "PromQL warning: quantile value should be between 0 and 1, got "
    assert noted("quantile(2, a)", source) == ([f"{text}2 (1:10)"], [])
    assert noted("quantile(-1e-7, a)", source) == ([f"{text}-1e-07 (1:10)"], [])
    assert noted("quantile(NaN, a)", source) == ([f"{text}NaN (1:10)"], [])
    assert noted("quantile_over_time(3, a[1m])", source) == ([f"{text}3 (1:20)"], [])
    assert noted("quantile_over_time(3, b[1m])", source) == ([], [])  # no series, no warning
    assert noted("histogram_quantile(1.5, b)", source) == ([f"{text}1.5 (1:20)"], [])
    assert noted("quantile(0.5, a)", source) == ([], [])


def test_counters_by_name():
    source = store({"a": [1, 2, 3], "a_total": [1, 2, 3]})
    info = (
        "PromQL info: metric might not be a counter, name does not end in "
        '_total/_sum/_count/_bucket: "a" (2:6)'
    )
    assert noted("1 +\nrate(a[5m])", source, 60_000) == ([], [info])
    assert noted("rate(a[5m])", source, 0) == ([], [])  # one sample: no result, no info
    assert noted("rate(a_total[5m]) + increase(a_total[1m])", source, 60_000) == ([], [])
    assert noted("delta(a[5m])", source, 60_000) == ([], [])


def test_buckets():
    source = store(BUCKETS)
    info = (
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        ' for metric name "h_bucket", from buckets 10 to 10, with a max diff of 2, over 1 samples '
        "from 1970-01-01T00:00:30Z to 1970-01-01T00:00:30Z (1:25)"
    )
    assert noted("histogram_quantile(0.5, h_bucket)", source, 30_000) == ([], [info])
    bad = store({'h{le="x"}': [1], "g": [2]})
    text = 'PromQL warning: bucket label "le" is missing or has a malformed value of '
    assert noted("histogram_quantile(0.5, h)", bad)[0] == [f'{text}"x" for metric name "h" (1:25)']
    assert noted("histogram_fraction(0, 1, g)", bad)[0] == [f'{text}"" for metric name "g" (1:26)']


def test_sort_in_a_range():
    source = store({"a": [1]})
    text = (
        "PromQL warning: sort is ineffective for range queries since results are always ordered "
        "by labels (1:1)"
    )
    assert noted("sort(a)", source, end_ms=60_000) == ([text], [])
    assert noted("sort(a)", source) == ([], [])
