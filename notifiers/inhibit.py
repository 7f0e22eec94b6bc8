"""Inhibition: alerts that keep quiet because another one says more.

A rule mutes its targets while a source fires whose `equal` labels have the same values. Which
alerts are sources is kept by rule and by the values of those labels, so asking about a target
costs a look into a table for each rule that may take it, however many alerts there are.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.series import Selector, selects


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """One entry of `inhibit_rules`."""

    source: Selector  # matchers of the alerts that mute
    target: Selector  # matchers of those that are muted
    equal: frozenset[str] = frozenset()  # labels that must agree; a missing one is empty
    name: str = ""


class _Place(NamedTuple):
    """Where sources are looked for: a rule's, with these values of the labels that must agree."""

    rule: int
    tenant: str
    values: tuple[str, ...]
    two_sided: bool
    """They are targets of the rule as well: those inhibit no alert that is both."""


class _Roles(NamedTuple):
    """What an alert is by its labels alone."""

    source: tuple[_Place, ...]  # where it is one
    target: tuple[tuple[_Place, ...], ...]  # of each rule that may mute it: where to look


_NONE = _Roles((), ())


class Inhibition:
    """Which alerts inhibit which. What it holds follows from the alerts that it was given."""

    def __init__(self, rules: Sequence[InhibitRule]) -> None:
        self._sources = _Index([rule.source for rule in rules])
        self._targets = _Index([rule.target for rule in rules])
        self._equal = [tuple(sorted(rule.equal)) for rule in rules]
        self._firing: dict[_Place, _Ends] = {}
        self._roles: dict[tuple[str, str], _Roles] = {}

    @property
    def active(self) -> bool:
        """Say whether anything can be inhibited at all."""
        return bool(self._firing)

    def put(
        self, tenant: str, fingerprint: str, labels: Mapping[str, str], until_ms: int
    ) -> None:  # fmt: skip
        """Take an alert as it is now; it inhibits before `until_ms`."""
        for place in self._roles_of(tenant, fingerprint, labels).source:
            ends = self._firing.get(place)
            if ends is None:
                self._firing[place] = _Ends(fingerprint, until_ms)
            else:
                ends.put(fingerprint, until_ms)

    def forget(self, tenant: str, fingerprint: str) -> None:
        """Drop an alert that is not held any more."""
        for place in self._roles.pop((tenant, fingerprint), _NONE).source:
            ends = self._firing.get(place)
            if ends is not None and ends.drop(fingerprint):
                del self._firing[place]

    def inhibiting(
        self, tenant: str, fingerprint: str, labels: Mapping[str, str], now_ms: int
    ) -> str:
        """Return the fingerprint of an alert that mutes this one, "" where none does.

        Of the first rule that applies; of its sources the one that ends last (Alertmanager).
        """
        if not self._firing:
            return ""
        for places in self._roles_of(tenant, fingerprint, labels).target:
            for place in places:
                ends = self._firing.get(place)
                if ends is not None and (found := ends.firing(now_ms)):
                    return found
        return ""

    def _roles_of(self, tenant: str, fingerprint: str, labels: Mapping[str, str]) -> _Roles:
        key = (tenant, fingerprint)
        roles = self._roles.get(key)
        if roles is None:
            roles = self._roles[key] = self._judged(tenant, labels)
        return roles

    def _judged(self, tenant: str, labels: Mapping[str, str]) -> _Roles:
        sources, targets = self._sources.matching(labels), self._targets.matching(labels)
        if not sources and not targets:
            return _NONE

        def place(rule: int, two_sided: bool) -> _Place:
            values = tuple(labels.get(name, "") for name in self._equal[rule])
            return _Place(rule, tenant, values, two_sided)

        both = set(sources) & set(targets)
        return _Roles(
            tuple(place(rule, rule in both) for rule in sources),
            tuple(
                (place(rule, False),)
                if rule in both
                else (place(rule, False), place(rule, True))
                for rule in targets
            ),
        )  # fmt: skip


class _Ends:
    """Alerts of one place by when they end; the last one is always at hand."""

    __slots__ = ("_ends", "_heap")

    def __init__(self, fingerprint: str, end_ms: int) -> None:
        self._ends = {fingerprint: end_ms}
        self._heap = [(-end_ms, fingerprint)]  # with entries of the past, taken out when met

    def put(self, fingerprint: str, end_ms: int) -> None:
        if self._ends.get(fingerprint) == end_ms:
            return
        self._ends[fingerprint] = end_ms
        heapq.heappush(self._heap, (-end_ms, fingerprint))
        # Alerts are posted again and again, each time with a later end.
        if len(self._heap) > 2 * len(self._ends) + 8:
            self._heap = [(-end, each) for each, end in self._ends.items()]
            heapq.heapify(self._heap)

    def drop(self, fingerprint: str) -> bool:
        """Take one out; say whether none is left."""
        self._ends.pop(fingerprint, None)
        return not self._ends

    def firing(self, now_ms: int) -> str:
        """Return the one that ends last if it has not ended, else ""."""
        while self._heap:
            minus_end, fingerprint = self._heap[0]
            if self._ends.get(fingerprint) == -minus_end:
                return fingerprint if -minus_end > now_ms else ""
            heapq.heappop(self._heap)
        return ""


class _Index:
    """Selectors, found by one label that they want to be equal; few are looked at in full."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        pairs = [
            [(m.name, m.value) for m in selector if m.operator == "=" and m.value]
            for selector in selectors
        ]
        often = Counter(pair for each in pairs for pair in set(each))
        self._selectors = selectors
        self._by_pair: dict[tuple[str, str], list[int]] = {}
        self._others: list[int] = []
        for number, each in enumerate(pairs):
            rarest = min(each, key=lambda pair: often[pair], default=None)
            wanted = self._others if rarest is None else self._by_pair.setdefault(rarest, [])
            wanted.append(number)

    def matching(self, labels: Mapping[str, str]) -> list[int]:
        """Return the numbers of the selectors that take a label set, sorted."""
        near = list(self._others)
        for pair in labels.items():
            near.extend(self._by_pair.get(pair, ()))
        return sorted(number for number in near if selects(self._selectors[number], labels))
