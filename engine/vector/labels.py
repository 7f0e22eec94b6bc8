"""Label sets of vectors: append-only rows, so that what is derived from them can grow with them."""

from collections.abc import Iterable, Mapping

LabelSet = tuple[tuple[str, str], ...]
"""(name, value) pairs sorted by name, `__name__` among them, no empty values."""


def label_set(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> LabelSet:
    """Return labels in their one order, empty values left out."""
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return tuple(sorted((name, value) for name, value in pairs if value))


class Labels:
    """The rows of a matrix: a label set each, and whether its metric name goes at the end.

    Append-only: row i never changes. An operator that made something of rows 0..k (groups, pairs)
    keeps it with the identity of this object and goes on at k when there are more.
    `dropped[i]` is Prometheus' delayed name removal: the name stays for label functions and
    `by (__name__)`, and is gone in the result.
    """

    __slots__ = ("dropped", "sets")

    def __init__(self) -> None:
        self.sets: list[LabelSet] = []
        self.dropped: list[bool] = []

    def add(self, labels: LabelSet, dropped: bool = False) -> int:
        """Append a row; returns its number."""
        self.sets.append(labels)
        self.dropped.append(dropped)
        return len(self.sets) - 1

    def __len__(self) -> int:
        return len(self.sets)
