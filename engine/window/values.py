"""The values store: quantiles, exact up to a stated number of rows, then a sketch.

A (pane, group) cell keeps its numbers until it has more than `exact_rows_max`; then each number is
replaced by the middle of its bucket, with a weight. Buckets grow by GAMMA, so a quantile is at most
RELATIVE_ERROR off (the DDSketch idea: Masson, Rim, Lee, VLDB 2019). Merging cells is concatenation.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from engine.owner import Chunk
from engine.window.store import (
    Floats,
    Ints,
    PaneMap,
    Rows,
    by_pane,
    pane_chunk,
    read_pane,
)

RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
TINY = 1e-12  # smaller magnitudes count as zero in the sketch

Part = tuple[Ints, Floats, Ints]  # groups, values, weights


def bucket_middle(values: Floats) -> Floats:
    """Return the middle of each value's bucket: within RELATIVE_ERROR of the value."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = np.abs(values)
        index = np.ceil(np.log(size) / math.log(GAMMA))
        middle = np.sign(values) * 2.0 * np.exp(index * math.log(GAMMA)) / (GAMMA + 1.0)
    return np.where(size < TINY, 0.0, np.where(np.isinf(values), values, middle))


def joined(parts: list[Part]) -> Part:
    """Return one part of many."""
    groups, values, weights = zip(*parts, strict=True)
    return np.concatenate(groups), np.concatenate(values), np.concatenate(weights)


def compact(part: Part, exact_rows_max: int) -> Part:
    """Replace the rows of groups that have too many by weighted buckets."""
    groups, values, weights = part
    # By weight, not by row: a group that was a sketch once stays one, whenever it was compacted.
    crowded = np.bincount(groups, weights) > exact_rows_max
    many = crowded[groups]
    if not many.any():
        return part
    some_groups, some_values = groups[many], bucket_middle(values[many])
    order = np.lexsort((some_values, some_groups))
    some_groups, some_values = some_groups[order], some_values[order]
    # Compared, not subtracted: infinities are equal, and their difference is not 0.
    other = (some_groups[1:] != some_groups[:-1]) | (some_values[1:] != some_values[:-1])
    new = np.r_[True, other]
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(weights[many][order], starts)
    few = ~many
    return (
        np.concatenate([groups[few], some_groups[starts]]),
        np.concatenate([values[few], some_values[starts]]),
        np.concatenate([weights[few], summed]),
    )


def weighted_quantile(part: Part, q: float, size: int) -> Floats:
    """Return the q-quantile of each group, interpolated between ranks as Prometheus does.

    Shapes: part n rows; result f64[size], NaN where a group has none.
    """
    groups, values, weights = part
    result = np.full(size, np.nan)
    if not groups.size:
        return result
    order = np.lexsort((values, groups))
    groups, values, weights = groups[order], values[order], weights[order]
    starts = np.flatnonzero(np.r_[True, np.diff(groups) != 0])
    cumulative = np.cumsum(weights)
    before = cumulative[starts] - weights[starts]
    total = np.add.reduceat(weights, starts)
    rank = q * (total - 1)
    low = np.floor(rank)
    high = np.minimum(low + 1, total - 1)
    # A row covers ranks [cumulative - weight, cumulative): the row of rank r is the first whose
    # cumulative weight is beyond it.
    at_low = values[np.searchsorted(cumulative, before + low, side="right")]
    at_high = values[np.searchsorted(cumulative, before + high, side="right")]
    share = rank - low
    with np.errstate(invalid="ignore"):
        mixed = at_low * (1 - share) + at_high * share
    result[groups[starts]] = np.where((share == 0) | (at_low == at_high), at_low, mixed)
    return result


class ValueStore:
    """Numbers by pane with weights."""

    def __init__(self, exact_rows_max: int) -> None:
        self._map: PaneMap[list[Part]] = PaneMap()
        self._fresh: dict[int, int] = {}
        self.exact_rows_max = exact_rows_max

    def add(self, rows: Rows) -> None:
        """Keep numbers; NaN is no number."""
        for pane, part in by_pane(rows):
            number = ~np.isnan(part.values)
            groups = part.groups[number]
            if not groups.size:
                continue
            ones = np.ones(groups.size, np.int64)
            parts = self._map.panes.setdefault(pane, [])
            parts.append((groups, part.values[number], ones))
            self._map.touch(pane)
            self._fresh[pane] = self._fresh.get(pane, 0) + groups.size
            if self._fresh[pane] > 8 * self.exact_rows_max:
                self._joined(pane)

    def _joined(self, pane: int) -> Part:
        """Make one compacted part of a pane's parts.

        When it is done depends on the log alone (rows counted, or the pane judged), so every
        replay compacts at the same row.
        """
        parts = self._map.panes[pane]
        if len(parts) > 1 or self._fresh.get(pane):
            groups, values, weights = (
                np.concatenate(column) for column in zip(*parts, strict=True)
            )
            parts[:] = [compact((groups, values, weights), self.exact_rows_max)]
            self._fresh[pane] = 0
            self._map.touch(pane)
        return parts[0]

    def window(self, first: int, last: int, q: float, size: int) -> Floats:
        """Return the q-quantile of each group over panes first..last."""
        parts = [self._joined(pane) for pane, _ in list(self._map.run(first, last))]
        if not parts:
            return np.full(size, np.nan)
        groups, values, weights = joined(parts)
        return weighted_quantile((groups, values, weights), q, size)

    def drop_before(self, pane: int) -> None:
        """Forget panes below a number."""
        self._map.drop_before(pane)
        self._fresh = {p: n for p, n in self._fresh.items() if p >= pane}

    @property
    def panes(self) -> list[int]:
        """The numbers of the panes that hold rows."""
        return list(self._map.panes)

    def chunks(self, prefix: str, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield one chunk a pane."""
        for pane, parts in self._map.panes.items():
            groups, values, weights = (
                np.concatenate(column) for column in zip(*parts, strict=True)
            )
            arrays = {
                "groups": groups,
                "values": values,
                "weights": weights,
                "fresh": np.array([self._fresh.get(pane, 0)]),
            }
            yield pane_chunk(prefix, pane, self._map.versions[pane], known, arrays)

    def restore(self, pane: int, payload: bytes) -> None:
        """Take a pane back from its chunk."""
        version, arrays = read_pane(payload)
        self._map.panes[pane] = [(arrays["groups"], arrays["values"], arrays["weights"])]
        self._fresh[pane] = int(arrays["fresh"][0])
        self._map.versions[pane] = version
        self._map.version = max(self._map.version, version)
