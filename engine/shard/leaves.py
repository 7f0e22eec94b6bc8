"""The stores of a plan's leaves: rows in, windows out."""

from collections.abc import Iterator, Mapping

from engine import metrics
from engine.limits import Limits
from engine.owner import Chunk
from engine.plan import Leaf, Plan
from engine.series import NEVER_MS
from engine.shard.feeds import FeedState
from engine.window import (
    Cells,
    DistinctStore,
    Floats,
    IncreaseStore,
    LineStore,
    PaneStore,
    Rows,
    ValueStore,
    take,
)

Store = PaneStore | IncreaseStore | ValueStore | DistinctStore | LineStore

LATE_KEPT = metrics.counter(
    "tocsin_rows_late_kept_total", "Rows that came after their tick and still entered windows."
)


def new_store(leaf: Leaf, limits: Limits) -> Store:
    """Return an empty store of a leaf's kind."""
    match leaf.store:
        case "panes":
            return PaneStore()
        case "increase":
            return IncreaseStore(leaf.pane_ms, leaf.keep_ms)
        case "values":
            return ValueStore(limits.exact_rows_max)
        case "distinct":
            return DistinctStore(limits.distinct_exact_max)
        case "lines":
            return LineStore(limits.evidence_lines_max)


class Leaves:
    """All leaves of the plan in use, by number; state is carried over by content hash."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.leaves: tuple[Leaf, ...] = ()
        self.stores: list[Store] = []
        self.born: list[int] = []  # offset at which each store began: part of its chunks' names
        self.of_feed: dict[int, list[int]] = {}
        self.closed: dict[int, int] = {}  # pane_ms -> number of the last pane judged

    def use(self, plan: Plan, offset: int = 0) -> None:
        """Take the leaves of a plan; those that were there before keep what they hold."""
        held = {leaf.id: store for leaf, store in zip(self.leaves, self.stores, strict=True)}
        born = {leaf.id: born for leaf, born in zip(self.leaves, self.born, strict=True)}
        self.leaves = plan.leaves
        self.stores = [held.get(leaf.id) or new_store(leaf, self.limits) for leaf in plan.leaves]
        for leaf, store in zip(plan.leaves, self.stores, strict=True):
            if isinstance(store, IncreaseStore):
                store.keep(leaf.keep_ms)
        self.born = [born.get(leaf.id, offset) for leaf in plan.leaves]
        self.of_feed = {}
        for number, leaf in enumerate(plan.leaves):
            self.of_feed.setdefault(leaf.feed, []).append(number)
        wanted = {leaf.pane_ms for leaf in plan.leaves}
        self.closed = {ms: pane for ms, pane in self.closed.items() if ms in wanted}

    def admit(self, leaf: Leaf, rows: Rows, watermark_ms: int) -> Rows:
        """Return the rows whose pane is still held; the others are counted and dropped."""
        closed = self.closed.get(leaf.pane_ms)
        if closed is not None:
            oldest = closed + 2 - leaf.keep_ms // leaf.pane_ms
            low = int(rows.panes.min())
            if low <= closed:
                kept = rows.panes >= oldest
                metrics.dropped("late", int(rows.panes.size - kept.sum()))
                LATE_KEPT.inc(int((rows.panes[kept] <= closed).sum()))
                rows = rows if kept.all() else take(rows, kept)
        if watermark_ms != NEVER_MS and rows.panes.size:
            furthest = watermark_ms // leaf.pane_ms + self.limits.panes_per_leaf_max
            if int(rows.panes.max()) > furthest:
                near = rows.panes <= furthest
                metrics.dropped("pane_limit", int(rows.panes.size - near.sum()))
                rows = take(rows, near)
        return rows

    def add(self, number: int, rows: Rows, watermark_ms: int) -> None:
        """Fold rows of the leaf's feed."""
        leaf = self.leaves[number]
        rows = self.admit(leaf, rows, watermark_ms)
        if not rows.panes.size:
            return
        store = self.stores[number]
        if isinstance(store, IncreaseStore):
            metrics.dropped("late_counter", store.add(rows))
        else:
            store.add(rows)

    def seal(self, pane_ms: int, pane: int) -> None:
        """Reduce what needs a pane to be whole, before it is judged for the first time."""
        for leaf, store in zip(self.leaves, self.stores, strict=True):
            if leaf.pane_ms == pane_ms and isinstance(store, IncreaseStore):
                store.close(pane)

    def close(self, pane_ms: int, pane: int) -> None:
        """Note that the pane was judged, and forget what no later window reads."""
        self.closed[pane_ms] = pane
        for leaf, store in zip(self.leaves, self.stores, strict=True):
            if leaf.pane_ms == pane_ms:
                store.drop_before(pane + 2 - leaf.keep_ms // pane_ms)

    def column(
        self,
        number: int,
        function: str,
        parameter: float | None,
        run: tuple[int, int],
        feed: FeedState,
    ) -> Floats:
        """Return a function over panes first..last for every group of the feed."""
        store, leaf = self.stores[number], self.leaves[number]
        first, last = run
        size = feed.size
        match store:
            case PaneStore():
                return store.column(function, store.window(first, last, size))
            case IncreaseStore():
                grew, _ = store.window(first, last, feed.member_group.view(), size)
                if function == "rate":
                    return grew / ((last - first + 1) * leaf.pane_ms / 1000.0)
                return grew
            case ValueStore():
                assert parameter is not None
                return store.window(first, last, parameter, size)
            case DistinctStore():
                return store.window(first, last, size)
            case LineStore():
                raise AssertionError("lines are no column")

    def cells(self, number: int, run: tuple[int, int], size: int) -> Cells:
        """Return the merged cells of each group over panes first..last."""
        store = self.stores[number]
        assert isinstance(store, PaneStore)
        return store.window(*run, size)

    def lines(self, number: int | None, run: tuple[int, int], group: int) -> list[str]:
        """Return the evidence of a group, oldest first."""
        if number is None:
            return []
        store = self.stores[number]
        assert isinstance(store, LineStore)
        return store.window(*run, group)

    def oldest_pane(self, pane_ms: int) -> int | None:
        """Return the lowest pane that any leaf of that width holds, or None."""
        held = [
            min(store.panes)
            for leaf, store in zip(self.leaves, self.stores, strict=True)
            if leaf.pane_ms == pane_ms and store.panes
        ]
        return min(held, default=None)

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield the chunks of every leaf, named by content hash, birth and pane.

        A leaf that went with one plan and came back with the next counts its versions anew.
        """
        for leaf, store, born in zip(self.leaves, self.stores, self.born, strict=True):
            yield from store.chunks(f"leaf/{leaf.id}@{born}", known)

    def restore(self, name: str, payload: bytes) -> None:
        """Take a pane back from the chunk that chunks() named so."""
        _, place, pane = name.split("/")
        leaf_id, born = place.split("@")
        for number, leaf in enumerate(self.leaves):
            if leaf.id == leaf_id:
                self.born[number] = int(born)
                self.stores[number].restore(int(pane), payload)
