"""Silences: who set which, and what they mute.

Changing one is a matter of the API (engine.api.silences): here the newest record of an id wins.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.series import Matcher, Selector, compiled, selects

RETENTION_MS = 120 * 3_600_000
"""How long an ended silence is still listed (Alertmanager's data retention)."""

SilenceState = Literal["pending", "active", "expired"]

_OPERATORS: Mapping[tuple[bool, bool], Literal["=", "!=", "=~", "!~"]] = {
    (True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~",
}  # fmt: skip


def state_of(silence: SilenceRecord, now_ms: int) -> SilenceState:
    """Say what a silence is at a time."""
    if now_ms >= silence.ends_at_ms:
        return "expired"
    return "pending" if now_ms < silence.starts_at_ms else "active"


def selector_of(matchers: Iterable[SilenceMatcher]) -> Selector:
    """Return the matchers of a silence as a selector. Raises re.error for a bad pattern."""
    selector = tuple(
        Matcher(matcher.name, _OPERATORS[matcher.is_equal, matcher.is_regex], matcher.value)
        for matcher in matchers
    )
    for matcher in selector:
        if matcher.operator in ("=~", "!~"):
            compiled(matcher.value)
    return selector


class Silences:
    """All silences by tenant and id, and which of them match an alert."""

    def __init__(self, silences_max: int) -> None:
        self._silences_max = silences_max
        self._by_id: dict[tuple[str, str], SilenceRecord] = {}
        self._selectors: dict[tuple[str, str], Selector] = {}
        # Which silences match an alert at all, whatever the time. Emptied at every change: there
        # are far more flushes and page views than changes of silences.
        self._matching: dict[tuple[str, str], tuple[SilenceRecord, ...]] = {}

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
        self._by_id[key] = silence
        self._selectors[key] = selector
        self._matching.clear()
        return True

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
        key = (tenant, fingerprint)
        matching = self._matching.get(key)
        if matching is None:
            matching = tuple(
                silence
                for found, silence in self._by_id.items()
                if found[0] == tenant and selects(self._selectors[found], labels)
            )
            self._matching[key] = matching
        return sorted(s.id for s in matching if state_of(s, now_ms) == "active")

    def forget(self, tenant: str, fingerprint: str) -> None:
        """Drop what is remembered of an alert that is gone."""
        self._matching.pop((tenant, fingerprint), None)

    def collect(self, now_ms: int) -> int:
        """Drop silences that ended longer ago than the retention; return how many."""
        gone = [key for key, s in self._by_id.items() if s.ends_at_ms + RETENTION_MS <= now_ms]
        for key in gone:
            del self._by_id[key], self._selectors[key]
        if gone:
            self._matching.clear()
        return len(gone)
