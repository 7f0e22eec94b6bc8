"""Which series a selector matches: found once, and then as series come.

Rows are in the order of series numbers, whenever a selector was first asked: so an index that is
filled again from the same series has the same rows.
"""

from dataclasses import dataclass, field

import numpy as np

from engine.series import METRIC_NAME, Column, Selector, selects
from engine.vector import Labels, LabelSet


def fixed_name(selector: Selector) -> str | None:
    """Return the metric name that an equality matcher fixes, or None."""
    for matcher in selector:
        if matcher.name == METRIC_NAME and matcher.operator == "=" and matcher.value:
            return matcher.value
    return None


@dataclass(slots=True)
class Found:
    """The series of one selector: row i of `labels` is series `series[i]`. Append-only."""

    selector: Selector
    labels: Labels = field(default_factory=Labels)
    series: Column = field(default_factory=lambda: Column(np.int64))  # i64[n], rising


class SeriesIndex:
    """Series by number and label set, and the selectors that were asked about them."""

    def __init__(self) -> None:
        self.sets: dict[int, LabelSet] = {}
        self.found: dict[Selector, Found] = {}
        self._named: dict[str, list[Found]] = {}
        self._unnamed: list[Found] = []
        self._by_name: dict[str, list[int]] = {}
        self.version = 0  # another whenever a selector may have more series

    def add(self, series: int, labels: LabelSet) -> None:
        """Take a series; numbers must rise. Its labels hold the metric name too."""
        self.sets[series] = labels
        self.version += 1
        have = dict(labels)
        name = have.get(METRIC_NAME, "")
        self._by_name.setdefault(name, []).append(series)
        for found in (*self._named.get(name, ()), *self._unnamed):
            if selects(found.selector, have):
                found.labels.add(labels)
                found.series.append(series)

    def find(self, selector: Selector) -> Found:
        """Return the series of a selector; it is kept in step from then on."""
        known = self.found.get(selector)
        if known is not None:
            return known
        found = self.found[selector] = Found(selector)
        self.version += 1
        name = fixed_name(selector)
        if name is None:
            self._unnamed.append(found)
        else:
            self._named.setdefault(name, []).append(found)
        for series in self.sets if name is None else self._by_name.get(name, ()):
            labels = self.sets[series]
            if selects(selector, dict(labels)):
                found.labels.add(labels)
                found.series.append(series)
        return found

    def retain(self, selectors: set[Selector]) -> None:
        """Forget the selectors that are not among these."""
        self.found = {s: found for s, found in self.found.items() if s in selectors}
        self._named, self._unnamed = {}, []
        for selector, found in self.found.items():
            name = fixed_name(selector)
            if name is None:
                self._unnamed.append(found)
            else:
                self._named.setdefault(name, []).append(found)

    def __len__(self) -> int:
        return len(self.sets)
