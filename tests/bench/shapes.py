"""The shapes of P6: as many series each, fewer or more rules over them, as many alerts up."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SERIES = 100_000
UP = 1_000  # alerts that are firing, in every shape
EVERY_MS = 15_000

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """`leaves` metrics of SERIES / leaves series each, every one read by `thresholds` rules."""

    name: str
    leaves: int
    thresholds: int

    @property
    def rules(self) -> int:
        """How many rules there are."""
        return self.leaves * self.thresholds

    @property
    def width(self) -> int:
        """Series of a leaf."""
        return SERIES // self.leaves


SHAPES = (
    Shape("10 rules x 10,000 series", 10, 1),
    Shape("10,000 rules, 10 leaves x 1,000 thresholds", 10, 1_000),
    Shape("1,000 rules x 100 series", 1_000, 1),
    Shape("10,000 rules x 10 series", 10_000, 1),
)
STEP = 0.5  # between thresholds of a leaf


def series(shape: Shape) -> list[dict[str, str]]:
    """Return the label sets, seven labels each, as instances write them: metric by metric."""
    return [
        {
            "__name__": f"bench_{leaf}_total", "instance": f"10.{number // 250}.{number % 250}.7",
            "job": "node-exporter", "code": "200", "path": "/api/v1/query", "env": "production",
            "region": "eu-central-1",
        }
        for leaf in range(shape.leaves)
        for number in range(shape.width)
    ]  # fmt: skip


def rules_text(shape: Shape) -> str:
    """Return the rule file: half of the leaves are averages, half are rates."""
    lines = ["groups:"]
    for leaf in range(shape.leaves):
        if (leaf * shape.thresholds) % 100 == 0 or shape.thresholds > 1:
            lines += [f"- name: g{leaf}", "  interval: 15s", "  rules:"]
        function = "avg_over_time" if leaf % 2 == 0 else "rate"
        for number in range(shape.thresholds):
            lines += [
                f"  - alert: A{leaf}_{number}",
                f"    expr: {function}(bench_{leaf}_total[5m]) > {100 + STEP * number:g}",
                "    labels: {severity: page}",
                "    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}",
            ]
    return "\n".join(lines) + "\n"


class Values:
    """Samples of every series: noise below all thresholds, some above as many as are wanted."""

    def __init__(self, shape: Shape, moving: int = 10) -> None:
        self.shape = shape
        random = np.random.default_rng(7)
        self._random = random
        leaf = np.arange(SERIES) // shape.width
        self._counters = leaf % 2 == 1
        # A hot series passes ten thresholds where there are many, else the one.
        passes = min(10, shape.thresholds)
        self._hot_at = 100 + STEP * (passes - 0.5)
        self.hot = np.zeros(SERIES, np.bool_)
        self.hot[random.permutation(SERIES)[: UP // passes]] = True
        self.moving = max(1, moving // passes)
        self._total = np.full(SERIES, 1e6)
        self.flipped: Array = np.zeros(0, np.int64)

    def next(self) -> Array:
        """Return the next sample of every series: f64[series]."""
        level = self._random.uniform(10.0, 50.0, SERIES)
        level[self.hot] = self._hot_at
        self._total += np.where(self._counters, level * EVERY_MS / 1000, 0.0)
        return np.where(self._counters, self._total, level)

    def flip(self) -> None:
        """Let some cold series become hot and as many hot ones cold."""
        for held in (True, False):
            some = self._random.permutation(np.flatnonzero(self.hot == held))[: self.moving]
            self.hot[some] = not held
