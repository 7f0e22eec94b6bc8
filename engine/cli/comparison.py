"""Set the alerts of two systems side by side over time; time is an argument.

An alert is its labels. Each side is seen by polls, so "when it fired" is known to one poll.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Key = tuple[tuple[str, str], ...]
Side = Literal["there", "here"]
Verdict = Literal["same", "only there", "only here", "waiting"]


@dataclass(slots=True)
class Episode:
    """One alert from its first firing to its end, as each side had it."""

    labels: Key
    fired_s: dict[Side, float] = field(default_factory=dict)
    ended_s: dict[Side, float] = field(default_factory=dict)

    def verdict(self, now_s: float, grace_s: float) -> Verdict:
        """Say who had it; `waiting` while the other side may still come."""
        if len(self.fired_s) == 2:
            return "same"
        (side,) = self.fired_s
        if now_s - self.fired_s[side] <= grace_s:
            return "waiting"
        return "only there" if side == "there" else "only here"

    @property
    def earlier_s(self) -> float | None:
        """By how many seconds ours fired earlier; negative: later."""
        if len(self.fired_s) < 2:
            return None
        return self.fired_s["there"] - self.fired_s["here"]

    @property
    def over(self) -> bool:
        """Whether it has ended wherever it fired."""
        return self.ended_s.keys() == self.fired_s.keys()


class Comparison:
    """All episodes seen so far."""

    def __init__(self, ignored: Sequence[str] = (), grace_s: float = 60.0) -> None:
        """`ignored`: labels that only one side adds. `grace_s`: how late a side may be."""
        self.ignored, self.grace_s = frozenset(ignored), grace_s
        self.episodes: list[Episode] = []
        self._open: dict[Key, list[Episode]] = {}  # that a side may still join or end, in order

    def observe(self, side: Side, alerts: Sequence[Mapping[str, Any]], now_s: float) -> None:
        """Take one answer of a side's /api/v1/alerts."""
        firing = {self._key(alert["labels"]) for alert in alerts if alert["state"] == "firing"}
        for key in sorted(firing):
            self._fires(side, key, now_s)
        for key, episodes in list(self._open.items()):
            for episode in episodes:
                if key not in firing and side in episode.fired_s:
                    episode.ended_s.setdefault(side, now_s)
            self._open[key] = [each for each in episodes if self._is_open(each, now_s)]
            if not self._open[key]:
                del self._open[key]

    def _is_open(self, episode: Episode, now_s: float) -> bool:
        return not episode.over or episode.verdict(now_s, self.grace_s) == "waiting"

    def _fires(self, side: Side, key: Key, now_s: float) -> None:
        """Note that an alert fires: on in its episode, in the other side's, or in a new one.

        A side that is some seconds behind may be in an episode that is over on the other side.
        """
        episodes = self._open.setdefault(key, [])
        if any(side in each.fired_s and side not in each.ended_s for each in episodes):
            return
        for episode in episodes:
            if side not in episode.fired_s and self._is_open(episode, now_s):
                episode.fired_s[side] = now_s
                return
        episodes.append(Episode(key, {side: now_s}))
        self.episodes.append(episodes[-1])

    def _key(self, labels: Mapping[str, str]) -> Key:
        return tuple(sorted((n, v) for n, v in labels.items() if n not in self.ignored))

    def count(self, verdict: Verdict, now_s: float) -> int:
        """Return how many episodes have a verdict."""
        return sum(each.verdict(now_s, self.grace_s) == verdict for each in self.episodes)

    def lead_s(self) -> list[float]:
        """Return by how much ours were earlier, sorted; one entry an episode that both had."""
        return sorted(e.earlier_s for e in self.episodes if e.earlier_s is not None)
