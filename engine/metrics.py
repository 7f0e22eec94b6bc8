"""Every counter: one registry, one way to define a metric, one counter for what was dropped."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

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


Read = Callable[[], Iterable[tuple[Sequence[str], float]]]
"""Returns the label values and the number of each series of a gauge."""


class _Asked(Collector):
    def __init__(self, name: str, text: str, labels: Sequence[str], read: Read) -> None:
        self._name, self._text, self._labelnames, self._read = name, text, tuple(labels), read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._text, labels=self._labelnames)
        for values, number in self._read():
            family.add_metric(values, number)
        yield family


def asked_gauge(name: str, text: str, labels: Sequence[str], read: Read) -> None:
    """Define a gauge whose numbers are looked up when somebody reads the metrics."""
    REGISTRY.register(_Asked(name, text, labels, read))


ROWS_DROPPED = counter(
    "tocsin_rows_dropped_total", "Rows that were dropped, by the reason.", ["reason"]
)


def dropped(reason: str, rows: int = 1) -> None:
    """Count rows that are dropped under a named reason."""
    if rows:
        ROWS_DROPPED.labels(reason).inc(rows)
