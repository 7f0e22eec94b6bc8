"""Every counter: one registry, one way to define a metric, one counter for what was dropped."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Define a counter; its name ends in `_total`."""
    return Counter(name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Define a gauge; its name ends in its unit."""
    return Gauge(name, text, labels, registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
) -> Histogram:
    """Define a histogram in seconds (or in the unit that its name ends with)."""
    bounds = tuple(buckets) or Histogram.DEFAULT_BUCKETS
    return Histogram(name, text, labels, registry=REGISTRY, buckets=bounds)


ROWS_DROPPED = counter(
    "tocsin_rows_dropped_total", "Rows that were dropped, by the reason.", ["reason"]
)


def dropped(reason: str, rows: int = 1) -> None:
    """Count rows that are dropped under a named reason."""
    if rows:
        ROWS_DROPPED.labels(reason).inc(rows)
