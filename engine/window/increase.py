"""The increase store: what counters grew by, per series, across resets, summed by group.

An open pane keeps its samples, so that they may come in any order. Once a pane is judged for the
first time it is reduced to first, last and increase of each series. Unlike Prometheus' rate there
is no extrapolation: a window's increase begins at the last sample before it, if there is one
within `lookback`, so that the step into the window counts. The look-back follows from the window's
own width: what one rule gets must not depend on who else reads the store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels import jit
from engine.owner import Chunk
from engine.window.cells import exact_group_sum
from engine.window.store import (
    Floats,
    Ints,
    PaneMap,
    Rows,
    by_pane,
    pane_chunk,
    read_pane,
)

Array = npt.NDArray[Any]
NEVER_MS = -(1 << 62)
LOOKBACK_MS_MIN = 60_000
LOOKBACK_MS_MAX = 300_000


def lookback_panes(width_ms: int, pane_ms: int) -> int:
    """Return how many panes before a window may hold the sample it begins at."""
    return -(-min(max(width_ms, LOOKBACK_MS_MIN), LOOKBACK_MS_MAX) // pane_ms)


@jit
def _reduce(
    members: Array,
    times: Array,
    values: Array,
    first_ms: Array,
    first: Array,
    last_ms: Array,
    last: Array,
    grew: Array,
) -> None:
    """Reduce samples sorted by (member, time, value) to one summary a member.

    A sample of the same series and time counts once: the one with the greatest value.
    """
    n = members.size
    for i in range(n):
        m = members[i]
        if i + 1 < n and members[i + 1] == m and times[i + 1] == times[i]:
            continue
        value = values[i]
        if first_ms[m] == NEVER_MS:
            first_ms[m] = times[i]
            first[m] = value
        else:
            grew[m] += value - last[m] if value >= last[m] else value
        last_ms[m] = times[i]
        last[m] = value


@dataclass(slots=True)
class _Pane:
    """Samples of an open pane (lists of columns) or, once reduced, one summary a member."""

    parts: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    first_ms: Ints | None = None
    first: Floats = field(default_factory=lambda: np.empty(0))
    last_ms: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    last: Floats = field(default_factory=lambda: np.empty(0))
    grew: Floats = field(default_factory=lambda: np.empty(0))

    def summary(self) -> "_Pane":
        """Return the summary of the samples, or itself where it is one."""
        if self.first_ms is not None:
            return self
        members = np.concatenate([part[0] for part in self.parts])
        times = np.concatenate([part[1] for part in self.parts])
        values = np.concatenate([part[2] for part in self.parts])
        order = np.lexsort((values, times, members))
        size = int(members.max()) + 1 if members.size else 0
        first_ms = np.full(size, NEVER_MS, np.int64)
        last_ms = np.full(size, NEVER_MS, np.int64)
        first, last, grew = np.zeros(size), np.zeros(size), np.zeros(size)
        _reduce(members[order], times[order], values[order], first_ms, first, last_ms, last, grew)
        return _Pane([], first_ms, first, last_ms, last, grew)


class IncreaseStore:
    """Samples and summaries by pane; a window is a walk over them in order of time."""

    def __init__(self, pane_ms: int, keep_ms: int) -> None:
        self._map: PaneMap[_Pane] = PaneMap()
        self.pane_ms = pane_ms
        self.keep(keep_ms)

    def keep(self, keep_ms: int) -> None:
        """Serve windows up to that width from here on."""
        self.lookback_panes = lookback_panes(keep_ms, self.pane_ms)

    def add(self, rows: Rows) -> int:
        """Keep samples; returns how many came after their pane was reduced (not taken)."""
        late = 0
        for pane, part in by_pane(rows):
            held = self._map.panes.setdefault(pane, _Pane())
            if held.first_ms is not None:
                late += part.groups.size
                continue
            number = ~np.isnan(part.values)
            held.parts.append((part.members[number], part.times[number], part.values[number]))
            if len(held.parts) > 64:
                members, times, values = zip(*held.parts, strict=True)
                joined = np.concatenate(members), np.concatenate(times), np.concatenate(values)
                held.parts = [joined]
            self._map.touch(pane)
        return late

    def close(self, last: int) -> None:
        """Reduce every pane up to a number: they are being judged."""
        for pane, held in list(self._map.panes.items()):
            if pane <= last and held.first_ms is None:
                self._map.panes[pane] = held.summary()
                self._map.touch(pane)

    def window(self, first: int, last: int, group_of: Ints, size: int) -> tuple[Floats, Ints]:
        """Return the increase of each group over panes first..last, NaN where none is known.

        Shapes: group_of i64[members]; result f64[size].
        """
        members = group_of.size
        before = np.full(members, np.nan)
        grew = np.zeros(members)
        known = np.zeros(members, np.bool_)
        lookback = lookback_panes((last - first + 1) * self.pane_ms, self.pane_ms)
        for pane, held in self._map.run(first - lookback, last):
            part = held.summary()
            assert part.first_ms is not None
            have = np.flatnonzero(part.first_ms != NEVER_MS)
            if pane >= first:
                start = before[have]
                step = np.where(
                    part.first[have] >= start, part.first[have] - start, part.first[have]
                )
                linked = ~np.isnan(start)
                grew[have] += np.where(linked, step, 0.0) + part.grew[have]
                # Two samples make an increase: within the pane, or across from the one before.
                known[have] |= linked | (part.last_ms[have] > part.first_ms[have])
            before[have] = part.last[have]
        chosen = np.flatnonzero(known)
        total, seen = exact_group_sum(group_of[chosen], grew[chosen], size)
        return np.where(seen, total, np.nan), chosen

    def drop_before(self, pane: int) -> None:
        """Forget panes that no window from `pane` on can need, its look-back included."""
        self._map.drop_before(pane - self.lookback_panes)

    @property
    def panes(self) -> list[int]:
        """The numbers of the panes that hold samples."""
        return list(self._map.panes)

    def chunks(self, prefix: str, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield one chunk a pane, open ones with their samples."""
        for pane, held in self._map.panes.items():
            if held.first_ms is None:
                # An open pane has been added to, so it has at least one part.
                columns = list(zip(*held.parts, strict=True))
                names = ("members", "times", "values")
                arrays = {
                    name: np.concatenate(column)
                    for name, column in zip(names, columns, strict=True)
                }
            else:
                arrays = {
                    "first_ms": held.first_ms,
                    "first": held.first,
                    "last_ms": held.last_ms,
                    "last": held.last,
                    "grew": held.grew,
                }
            yield pane_chunk(prefix, pane, self._map.versions[pane], known, arrays)

    def restore(self, pane: int, payload: bytes) -> None:
        """Take a pane back from its chunk."""
        version, arrays = read_pane(payload)
        if "first_ms" in arrays:
            held = _Pane([], **arrays)
        else:
            held = _Pane([(arrays["members"], arrays["times"], arrays["values"])])
        self._map.panes[pane] = held
        self._map.versions[pane] = version
        self._map.version = max(self._map.version, version)
