"""Silences: who set which, and what they mute.

Changing one is a matter of the API (engine.api.silences): here the newest record of an id wins.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.series import Selector, compiled, selects

RETENTION_MS = 120 * 3_600_000
"""How long an ended silence is still listed (Alertmanager's data retention)."""

SilenceState = Literal["pending", "active", "expired"]


def state_of(silence: SilenceRecord, now_ms: int) -> SilenceState:
    """Say what a silence is at a time."""
    if now_ms >= silence.ends_at_ms:
        return "expired"
    return "pending" if now_ms < silence.starts_at_ms else "active"


def selector_of(matchers: Iterable[SilenceMatcher]) -> Selector:
    """Return the matchers of a silence as a selector. Raises re.error for a bad pattern."""
    selector = tuple(matcher.as_matcher() for matcher in matchers)
    for matcher in selector:
        if matcher.operator in ("=~", "!~"):
            compiled(matcher.value)
    return selector


Key = tuple[str, str]
"""Tenant, and the id of a silence or the fingerprint of an alert."""

CHANGES_MAX = 1_000
"""Changes that are applied to what is known of an alert; after more it is found out anew."""


@dataclass(slots=True)
class _Known:
    """Which silences match an alert at all, whatever the time, as of a number of changes."""

    changes: int
    matching: frozenset[str]  # ids


class Silences:
    """All silences by tenant and id, and which of them match an alert."""

    def __init__(self, silences_max: int) -> None:
        self._silences_max = silences_max
        self._by_id: dict[Key, SilenceRecord] = {}
        self._selectors: dict[Key, Selector] = {}
        # By one label and value that a silence asks for, so that an alert looks at those alone
        # that can match it; under None those that ask for no such thing.
        self._asking: dict[tuple[str, tuple[str, str] | None], dict[str, None]] = {}
        # There are far more flushes and page views than changes of silences: what is known of an
        # alert is kept, and a change costs a look at what changed.
        self._known: dict[Key, _Known] = {}
        self._changes: list[Key] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, silence: SilenceRecord) -> bool:
        """Take a silence as the log tells it. False: it is beyond the limit, or unreadable."""
        key = (silence.tenant, silence.id)
        if key not in self._by_id and len(self._by_id) >= self._silences_max:
            return False
        try:
            selector = selector_of(silence.matchers)
        except re.error:
            return False
        self._drop(key)
        self._by_id[key] = silence
        self._selectors[key] = selector
        self._asking.setdefault((silence.tenant, _asked(selector)), {})[silence.id] = None
        return True

    def _drop(self, key: Key) -> None:
        """Take a silence out; what is known of alerts notices later."""
        old = self._selectors.pop(key, None)
        if old is not None:
            del self._by_id[key]
            self._asking[key[0], _asked(old)].pop(key[1])
        self._changes.append(key)
        if len(self._changes) > CHANGES_MAX:
            self._known.clear()
            self._changes.clear()

    def get(self, tenant: str, silence_id: str) -> SilenceRecord | None:
        """Return a silence, or None."""
        return self._by_id.get((tenant, silence_id))

    def all(self) -> Iterable[SilenceRecord]:
        """Return every silence of every tenant."""
        return self._by_id.values()

    def listed(self, tenant: str, now_ms: int) -> list[SilenceRecord]:
        """Return a tenant's silences in Alertmanager's order.

        Active ones by end, then pending ones by start, then expired ones, the latest end first.
        """
        rank = {"active": 0, "pending": 1, "expired": 2}

        def order(silence: SilenceRecord) -> tuple[int, int, str]:
            state = state_of(silence, now_ms)
            at_ms = silence.starts_at_ms if state == "pending" else silence.ends_at_ms
            return (rank[state], -at_ms if state == "expired" else at_ms, silence.id)

        mine = (silence for (owner, _), silence in self._by_id.items() if owner == tenant)
        return sorted(mine, key=order)

    def muting(
        self, tenant: str, fingerprint: str, labels: Mapping[str, str], now_ms: int
    ) -> list[str]:
        """Return the ids of the active silences that match an alert, sorted."""
        if not self._by_id:
            return []
        matching = self._matching(tenant, fingerprint, labels)
        if not matching:
            return []
        found = (self._by_id[tenant, each] for each in matching)
        return sorted(s.id for s in found if state_of(s, now_ms) == "active")

    def _matching(self, tenant: str, fingerprint: str, labels: Mapping[str, str]) -> frozenset[str]:
        """Return the ids of the silences that match an alert, whatever the time."""
        now = len(self._changes)
        known = self._known.get((tenant, fingerprint))
        if known is None:
            candidates = [*self._asking.get((tenant, None), ())]
            for pair in labels.items():
                candidates += self._asking.get((tenant, pair), ())
            matching = frozenset(self._passing(tenant, candidates, labels))
            self._known[tenant, fingerprint] = _Known(now, matching)
            return matching
        if known.changes < now:
            changed = {each for owner, each in self._changes[known.changes :] if owner == tenant}
            passing = frozenset(self._passing(tenant, changed, labels))
            known.matching = (known.matching - changed) | passing
            known.changes = now
        return known.matching

    def _passing(self, tenant: str, ids: Iterable[str], labels: Mapping[str, str]) -> Iterator[str]:
        for each in ids:
            selector = self._selectors.get((tenant, each))
            if selector is not None and selects(selector, labels):
                yield each

    def forget(self, tenant: str, fingerprint: str) -> None:
        """Drop what is remembered of an alert that is gone."""
        self._known.pop((tenant, fingerprint), None)

    def collect(self, now_ms: int) -> int:
        """Drop silences that ended longer ago than the retention; return how many."""
        gone = [key for key, s in self._by_id.items() if s.ends_at_ms + RETENTION_MS <= now_ms]
        for key in gone:
            self._drop(key)
        return len(gone)


def _asked(selector: Selector) -> tuple[str, str] | None:
    """Return a label and value without which no alert passes; None where there is no such."""
    for matcher in selector:
        if matcher.operator == "=" and matcher.value:
            return matcher.name, matcher.value
    return None
