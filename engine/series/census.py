"""A census: which series there are for selectors, by one pass over canonical labels.

Several holders of series are asked (a dictionary, shards), and several workers; a series that two
of them hold counts once. Across workers that is known exactly up to SKETCH series, and within about
an eighth above.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.series.labels import METRIC_NAME, parse
from engine.series.matcher import Matcher, Selector

SKETCH: Final = 64
VALUES_MAX: Final = 1_000  # different values of a label that are looked at
NAMES_MAX: Final = 20_000
_LOOK_EVERY: Final = 1_000
_NAME: Final = b"\x1f__name__\x1e"
_HASHES: Final = 1 << 64


@dataclass(slots=True)
class MatcherMet:
    """What one matcher met among the series of the selector's metric."""

    matcher: Matcher
    labelled: int = 0  # series that have the label
    passed: int = 0
    values: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Met:
    """What one selector met; series are known by the first eight bytes of their keys."""

    selector: Selector
    name: str | None  # the metric's, where an equality fixes it
    matchers: list[MatcherMet]  # all but the name's
    metric: set[int] = field(default_factory=set)  # of the name, whatever the other matchers say
    series: set[int] = field(default_factory=set)  # that pass
    held: dict[int, list[int]] = field(default_factory=dict)  # holder -> positions that pass


class Census:
    """Counts series for selectors."""

    def __init__(self, tenant: str, selectors: Iterable[Selector]) -> None:
        self.tenant = tenant
        self.met = [self._asked(selector) for selector in selectors]
        self.names: set[str] = set()
        self.whole = True  # False: it was stopped before the end
        self._named: dict[str, list[Met]] = {}
        self._unnamed = [met for met in self.met if met.name is None]
        for met in self.met:
            if met.name is not None:
                self._named.setdefault(met.name, []).append(met)

    @staticmethod
    def _asked(selector: Selector) -> Met:
        names = [m.value for m in selector if m.name == METRIC_NAME and m.operator == "="]
        others = [MatcherMet(m) for m in selector if m.name != METRIC_NAME or m.operator != "="]
        return Met(selector, names[0] if names else None, others)

    def take(
        self, holder: int, keys: Sequence[bytes], raw: Sequence[bytes], stop: Callable[[], bool]
    ) -> None:
        """Count the series of a holder, given by key and canonical labels.

        `stop` is asked now and then. Cost: a search in each canonical form; labels are parsed
        where a metric is asked for.
        """
        for position, (key, form) in enumerate(zip(keys, raw, strict=False)):
            if position % _LOOK_EVERY == 0 and stop():
                self.whole = False
                return
            name = _name(form)
            if not name:
                continue  # logs have none
            if len(self.names) < NAMES_MAX:
                self.names.add(name)
            asked = self._named.get(name, ())
            if asked or self._unnamed:
                self._count(holder, position, key, form, (*asked, *self._unnamed))

    def _count(
        self, holder: int, position: int, key: bytes, form: bytes, asked: Iterable[Met]
    ) -> None:
        tenant, labels = parse(form)
        if tenant != self.tenant:
            return
        series = int.from_bytes(key[:8], "big")
        for met in asked:
            fresh = series not in met.metric
            met.metric.add(series)
            passes = True
            for one in met.matchers:
                matched = one.matcher.matches(labels)
                passes &= matched
                if fresh:
                    _note(one, labels.get(one.matcher.name, ""), matched)
            if passes:
                met.series.add(series)
                met.held.setdefault(holder, []).append(position)


def _name(form: bytes) -> str:
    """Return the metric name without reading the other labels, where it can be."""
    if b"\x1b" in form:
        return parse(form)[1].get(METRIC_NAME, "")
    at = form.find(_NAME)
    if at < 0:
        return ""
    end = form.find(b"\x1f", at + len(_NAME))
    return form[at + len(_NAME) : end if end >= 0 else None].decode("utf-8", "surrogatepass")


def _note(met: MatcherMet, value: str, matched: bool) -> None:
    met.passed += matched
    if value:
        met.labelled += 1
        if len(met.values) < VALUES_MAX:
            met.values.add(value)


def sketch_of(series: Iterable[int]) -> list[int]:
    """Return what is enough of a set of series to count it together with others: the smallest."""
    return heapq.nsmallest(SKETCH, series)


def count_together(sketches: Iterable[Sequence[int]]) -> tuple[int, bool]:
    """Return how many series several sets hold together, and whether that is exact.

    Source: Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002 (the
    k-th smallest of n hashes is at about k / n).
    """
    smallest = sorted(set().union(*sketches))[:SKETCH]
    if len(smallest) < SKETCH:
        return len(smallest), True
    return round((SKETCH - 1) * _HASHES / max(smallest[-1], 1)), False
