"""Series that Prometheus rules read: their rings, and which selector finds them.

Such a series lives on the one shard that the hash of all its labels names.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.groups import LongWindows, RingSource, SeriesIndex, fixed_name
from engine.limits import Limits
from engine.plan import Feed, Plan
from engine.series import METRIC_NAME, Column, Selector, selects, series_hash
from engine.vector import LabelSet, label_set
from engine.window import RingStore

PAIRS_MAX: Final = 50_000  # that are looked up to be shared


class RingFeeds:
    """Rings of this shard's series, an index and a source for every tenant."""

    def __init__(self, shard: int, shards: int, limits: Limits) -> None:
        self.shard, self.shards, self.limits = shard, shards, limits
        self.rings = RingStore(limits)
        self.longs = LongWindows(limits)
        self.indexes: dict[str, SeriesIndex] = {}
        self.sources: dict[str, RingSource] = {}
        self.mirrored: dict[str, set[Selector]] = {}  # by tenant
        self._mirror_of: dict[int, list[tuple[str, Selector]]] = {}  # by series
        self._mirrors = Column(np.int8)
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._needs: dict[int, int] = {}  # of series that joined since settle()
        self._named: dict[str, list[tuple[Feed, int]]] = {}
        self._unnamed: list[tuple[Feed, int]] = []
        self._ordered: dict[str, list[tuple[Feed, int]]] = {}

    def use(self, plan: Plan) -> None:
        """Read what a plan reads; every series must then join again.

        The index is made anew: its rows are in the order of series, as a restored owner has them.
        """
        self._named, self._unnamed, self._mirror_of, self._ordered = {}, [], {}, {}
        self._mirrors.clear()
        for number, need_ms in plan.ring_ms.items():
            feed = plan.feeds[number]
            name = fixed_name(feed.selector)
            place = self._unnamed if name is None else self._named.setdefault(name, [])
            place.append((feed, need_ms))
        self.mirrored = {}
        for component in plan.prom.components:
            tenant = component.groups[0].tenant
            for exchange in component.exchanges:
                if exchange.mirror:
                    selector: Selector = exchange.expr.selector  # type: ignore[union-attr]
                    self.mirrored.setdefault(tenant, set()).add(selector)
        tenants = {group.tenant for group in plan.prom.groups}
        tenants |= {plan.feeds[number].tenant for number in plan.ring_ms}
        self.indexes = {tenant: SeriesIndex() for tenant in sorted(tenants)}
        self.sources = {
            tenant: RingSource(index, self.rings, longs=self.longs, tenant=tenant)
            for tenant, index in self.indexes.items()
        }
        self.longs.use(plan.longs)

    def join(self, series: int, tenant: str, labels: dict[str, str]) -> None:
        """Take a series, numbers rising; it gets a ring if it is this shard's and is read."""
        self._mirrors.append(0)
        name = labels.get(METRIC_NAME)
        if name is None:
            return
        # Longest need first: the first selector that matches says how far back its ring goes.
        need_ms = next(
            (
                need_ms
                for feed, need_ms in self._candidates(name)
                if feed.tenant == tenant and selects(feed.selector, labels)
            ),
            None,
        )
        if need_ms is None or series_hash(tenant, labels) % self.shards != self.shard:
            return
        self.indexes[tenant].add(series, self._shared(label_set(labels)))
        self._needs[series] = need_ms
        mirrors = [(tenant, s) for s in self.mirrored.get(tenant, ()) if selects(s, labels)]
        if mirrors:
            self._mirror_of[series] = mirrors
            self._mirrors.view()[series] = 1

    def _candidates(self, name: str) -> list[tuple[Feed, int]]:
        found = self._ordered.get(name)
        if found is None:
            both = [*self._named.get(name, ()), *self._unnamed]
            found = sorted(both, key=lambda one: -one[1])
            if name in self._named:  # of other names there may be any number
                self._ordered[name] = found
        return found

    def _shared(self, labels: LabelSet) -> LabelSet:
        """Return labels whose pairs are those of other series where they are equal.

        Most labels of a series are on thousands of others: by themselves they would be a kilobyte.
        """
        if len(self._pairs) > PAIRS_MAX:
            self._pairs.clear()
        return tuple(self._pairs.setdefault(pair, pair) for pair in labels)

    def settle(self) -> None:
        """Give rings to the series that have joined: in one call, after any number of them."""
        if self._needs:
            series = np.array(list(self._needs), np.int64)
            self.rings.need(series, np.array(list(self._needs.values()), np.int64))
            self._needs.clear()

    def add(
        self, series: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: Any
    ) -> dict[tuple[str, Selector], tuple[list[LabelSet], Any, Any]]:
        """Append samples to rings. Shapes: series i64[n], -1 for none, times, values.

        Returns those of mirrored selectors: label sets, times and values by (tenant, selector).
        """
        if not self._named and not self._unnamed:
            return {}
        self.rings.append(series, times, values)
        if self.longs:
            for tenant, index in self.indexes.items():
                self.longs.append(tenant, index, series, times, values)
        if not self._mirror_of:
            return {}
        chosen = np.flatnonzero((series >= 0) & (self._mirrors.view()[series] != 0))
        rows: dict[tuple[str, Selector], list[int]] = {}
        for row in chosen.tolist():
            for place in self._mirror_of[int(series[row])]:
                rows.setdefault(place, []).append(row)
        return {
            (tenant, selector): (
                [self.indexes[tenant].sets[int(series[row])] for row in held],
                times[held],
                values[held],
            )
            for (tenant, selector), held in rows.items()
        }
