"""Range functions over more than rings hold: one store a function, selector and range."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from engine.groups.series_index import SeriesIndex
from engine.limits import Limits
from engine.owner import Chunk
from engine.plan import LongRange
from engine.series import Selector
from engine.vector import Floats, Mask, Times
from engine.window import LongStore

_Key = tuple[str, str, Selector, int]


class LongWindows:
    """The long ranges of a plan: rows in as they come, windows of the current tick out."""

    def __init__(self, limits: Limits, prefix: str = "long") -> None:
        self.limits, self.prefix = limits, prefix
        self._held: dict[_Key, tuple[LongRange, LongStore]] = {}

    def use(self, ranges: Iterable[LongRange]) -> None:
        """Serve these ranges from here on; equal ones keep what they hold."""
        old = {one.id: store for one, store in self._held.values()}
        self._held = {}
        for one in ranges:
            store = old.get(one.id)
            if store is None:
                name = f"{self.prefix}/{one.id}"
                store = LongStore(one.function, one.range_ms, one.pane_ms, self.limits, name)
            self._held[one.tenant, one.function, one.selector, one.range_ms] = one, store

    def append(
        self, tenant: str, index: SeriesIndex, series: Times, times: Times, values: Floats
    ) -> None:
        """Add samples of a tenant's series. Shapes: series i64[n], -1 for none; times; values."""
        for one, store in self._held.values():
            if one.tenant == tenant:
                mine = np.isin(series, index.find(one.selector).series.view())
                if mine.any():
                    store.append(series[mine], times[mine], values[mine])

    def over(
        self,
        tenant: str,
        function: str,
        selector: Selector,
        range_ms: int,
        series: Times,
        times: Times,
        parameters: tuple[Floats, ...],
    ) -> tuple[Floats, Mask] | None:
        """Return a function over (t - range, t], None where no long range is like that."""
        held = self._held.get((tenant, function, selector, range_ms))
        return None if held is None else held[1].over(series, times, parameters)

    def holds(self, tenant: str, function: str, selector: Selector, range_ms: int) -> bool:
        """Say whether there is a long range like that."""
        return (tenant, function, selector, range_ms) in self._held

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield the chunks of every store, `<prefix>/<id>/…`."""
        for _, store in self._held.values():
            yield from store.chunks(known)

    def restore(self, name: str, payload: bytes) -> None:
        """Take back a chunk; those of ranges that are not served any more are passed over."""
        place = name.removeprefix(f"{self.prefix}/").partition("/")[0]
        for one, store in self._held.values():
            if one.id == place:
                store.restore(name, payload)

    def __bool__(self) -> bool:
        return bool(self._held)
