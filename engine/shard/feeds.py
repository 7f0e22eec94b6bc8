"""Feeds of a shard: which series belong to which groups, and the rows of a batch by feed.

A new series asks every feed of its metric name once; after that a row costs one look-up in columns,
however many rules there are.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import metrics
from engine.limits import Limits
from engine.plan import Feed, Plan
from engine.series import (
    KEY_BYTES,
    METRIC_NAME,
    Column,
    group_hash,
    parse,
    selects,
    text_hash,
)
from engine.shard.columns import expand
from engine.shard.ring_feeds import RingFeeds

NO_FILTER = -1
NOT_IN_BATCH = -2


class FeedState:
    """The groups and the members of one feed in this shard."""

    def __init__(self, feed: Feed, born: int = 0) -> None:
        self.feed = feed
        self.born = born  # offset at which it began: part of its chunk's name
        self.index: dict[tuple[str, ...], int] = {}
        self.values: list[tuple[str, ...]] = []
        self.member_group = Column(np.int64)
        self.member_series = Column(np.int64)
        self.label_hashes: dict[str, Column] = {}  # of members, for distinct over a label

    def group(self, values: tuple[str, ...]) -> int:
        """Return the group of by-values, a new one where there is none."""
        found = self.index.get(values)
        if found is None:
            found = self.index[values] = len(self.values)
            self.values.append(values)
        return found

    def labels(self, group: int) -> dict[str, str]:
        """Return the labels of a group; empty values are no labels."""
        by = self.feed.by or ()
        return {n: v for n, v in zip(by, self.values[group], strict=True) if v}

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.values)


class SeriesTable:
    """Series by key, and their memberships in feeds, as columns."""

    def __init__(self, shard: int, shards: int, limits: Limits, rings: RingFeeds) -> None:
        self.shard, self.shards, self.limits, self.rings = shard, shards, limits, rings
        self.ids: dict[bytes, int] = {}
        self.raw: list[bytes] = []  # canonical labels by id
        self.keys: list[bytes] = []
        self.start = Column(np.int64)
        self.count = Column(np.int64)
        self.feed = Column(np.int64)
        self.group = Column(np.int64)
        self.member = Column(np.int64)
        self.feeds: list[FeedState] = []
        self._named: dict[str, list[int]] = {}
        self._unnamed: list[int] = []

    def use(self, plan: Plan, old: dict[str, FeedState], offset: int = 0) -> None:
        """Take the feeds of a plan; feeds that were there before keep their groups."""
        self.feeds = [old.get(feed.id) or FeedState(feed, offset) for feed in plan.feeds]
        self._named, self._unnamed = {}, []
        self.rings.use(plan)
        for number, state in enumerate(self.feeds):
            if state.feed.by is None:
                continue  # of rings
            name = next(
                (
                    m.value
                    for m in state.feed.selector
                    if (m.name, m.operator) == (METRIC_NAME, "=")
                ),
                None,
            )
            if name is None:
                self._unnamed.append(number)
            else:
                self._named.setdefault(name, []).append(number)
        known = {id(state) for state in old.values()}
        for column in (self.start, self.count, self.feed, self.group, self.member):
            column.clear()
        members = [
            {series: n for n, series in enumerate(state.member_series.view().tolist())}
            if id(state) in known
            else {}
            for state in self.feeds
        ]
        for series in range(len(self.raw)):
            self._join(series, members)
        self.rings.settle()

    def learn(self, key: bytes, raw: bytes) -> bool:
        """Intern a series that was announced; False where the limit is reached."""
        if key in self.ids:
            return True
        if len(self.raw) >= self.limits.series_max:
            return False
        self.ids[key] = len(self.raw)
        self.raw.append(raw)
        self.keys.append(key)
        self._join(len(self.raw) - 1, None)
        return True

    def _join(self, series: int, members: Sequence[dict[int, int]] | None) -> None:
        tenant, labels = parse(self.raw[series])
        self.rings.join(series, tenant, labels)
        self.start.append(len(self.feed))
        candidates = self._named.get(labels.get(METRIC_NAME, ""), [])
        count = 0
        for number in [*candidates, *self._unnamed]:
            state = self.feeds[number]
            feed = state.feed
            # A metric has a name and a log stream has none: so kinds never mix.
            if (METRIC_NAME in labels) != (feed.kind == "metrics") or feed.tenant != tenant:
                continue
            if not selects(feed.selector, labels):
                continue
            by = feed.by or ()
            values = tuple(labels.get(name, "") for name in by)
            if group_hash(tenant, by, values) % self.shards != self.shard:
                continue
            if values not in state.index and state.size >= self.limits.groups_per_rule_max:
                metrics.dropped("groups_limit")
                continue
            group = state.group(values)
            member = members[number].get(series) if members else None
            if member is None:
                member = len(state.member_group)
                state.member_group.append(group)
                state.member_series.append(series)
            self.feed.append(number)
            self.group.append(group)
            self.member.append(member)
            count += 1
        self.count.append(count)

    def resolve(self, keys: bytes) -> npt.NDArray[np.int64]:
        """Return the ids of the series of a batch, -1 where one is not known."""
        ids = self.ids
        return np.array(
            [ids.get(keys[at : at + KEY_BYTES], -1) for at in range(0, len(keys), KEY_BYTES)],
            np.int64,
        )

    def split(
        self, series: npt.NDArray[np.int64], bits: npt.NDArray[np.int64] | None, hits: Any
    ) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield (feed, rows, groups, members) of a batch's rows, feeds in order.

        Shapes: series i64[n], ids or -1; bits i64[feeds] the predicate bit of each feed in this
        batch; hits u64[n] (empty for metrics).
        """
        if bits is None:
            bits = np.full(len(self.feeds), NO_FILTER, np.int64)
        row, feed, group, member = expand(
            series,
            self.start.view(),
            self.count.view(),
            self.feed.view(),
            self.group.view(),
            self.member.view(),
            bits,
            hits,
        )
        if not row.size:
            return
        order = np.argsort(feed, kind="stable")
        feed = feed[order]
        edges = np.flatnonzero(np.r_[True, np.diff(feed) != 0, True])
        for a, b in pairwise(edges.tolist()):
            part = order[a:b]
            yield int(feed[a]), row[part], group[part], member[part]

    def label_hashes(
        self, state: FeedState, name: str | None, members: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint64]:
        """Return the hash of one label of each row's series, 0 where it has none."""
        cache = state.label_hashes.setdefault(name or "", Column(np.uint64))
        series = state.member_series.view()
        for member in range(len(cache), series.size):
            _, labels = parse(self.raw[int(series[member])])
            cache.append(text_hash(labels.get(name or "", "")))
        return cache.view()[members]
