"""A source of vectors over rings: the series of an index, the samples of a ring store.

Equal selectors and range functions at equal times are computed once: `forget()` between ticks.
"""

from typing import Final

import numpy as np

from engine.groups.long_windows import LongWindows
from engine.groups.series_index import SeriesIndex
from engine.promql import MatrixSelector, VectorSelector
from engine.series import Selector
from engine.vector import EvaluationError, Exchanged, Floats, Matrix, Times
from engine.window import RingStore

LOOKBACK_MS: Final = 300_000


class RingSource:
    """engine.vector.Source over one tenant's series in rings."""

    def __init__(
        self,
        index: SeriesIndex,
        rings: RingStore,
        lookback_ms: int = LOOKBACK_MS,
        *,
        longs: LongWindows | None = None,
        tenant: str = "",
    ) -> None:
        """`longs`: windows that are longer than rings, looked up for this tenant."""
        self.index, self.rings, self.lookback_ms = index, rings, lookback_ms
        self.longs, self.tenant = longs, tenant
        self._kept: dict[tuple[object, ...], Matrix] = {}

    def forget(self) -> None:
        """Forget what was computed: samples may have come since."""
        self._kept.clear()

    def is_long(self, function: str, selector: Selector, range_ms: int) -> bool:
        """Say whether a range function is read from something longer than rings."""
        return self.longs is not None and self.longs.holds(
            self.tenant, function, selector, range_ms
        )

    def instant(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return the newest sample of each series in (t - look-back, t]."""
        return self._instant(selector, times)[0]

    def instant_times(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return those samples' own times, in seconds."""
        return self._instant(selector, times)[1]

    def over(
        self, function: str, selector: MatrixSelector, times: Times, parameters: tuple[Floats, ...]
    ) -> Matrix:
        """Return a range function of each series over (t - range, t]."""
        asked = selector.vector.selector
        key = (
            function, asked, selector.range_ms, times.tobytes(),
            tuple(parameter.tobytes() for parameter in parameters),
        )  # fmt: skip
        found = self.index.find(asked)
        kept = self._kept.get(key)
        if kept is None:
            series, range_ms = found.series.view(), selector.range_ms
            windows = None
            if self.longs is not None:
                windows = self.longs.over(
                    self.tenant, function, asked, range_ms, series, times, parameters
                )
            if windows is None:
                windows = self.rings.over(function, series, times, range_ms, parameters)
            values, mask = windows
            kept = self._kept[key] = Matrix(found.labels, values, mask)
        return kept

    def exchanged(self, node: Exchanged, times: Times) -> Matrix:
        """Refuse: what shards send is known to an owner's source alone."""
        del times
        raise EvaluationError(f"{node.id} is evaluated by its owner")

    def _instant(self, selector: VectorSelector, times: Times) -> tuple[Matrix, Matrix]:
        found = self.index.find(selector.selector)
        key = ("", selector.selector, times.tobytes())
        value, time = self._kept.get(key), self._kept.get(("@", *key))
        if value is None or time is None:
            values, mask, sample_ms = self.rings.instant(
                found.series.view(), times, self.lookback_ms
            )
            value = self._kept[key] = Matrix(found.labels, values, mask)
            seconds = np.asarray(sample_ms, np.float64) / 1000.0
            time = self._kept["@", *key] = Matrix(found.labels, seconds, mask)
        return value, time
