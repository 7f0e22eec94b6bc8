"""The alert state machine: inactive -> pending -> firing -> resolved, as columns over groups.

One table a rule, one row a group of its feed. A step costs a few vector operations; Python runs
only for the groups that change. Semantics are Prometheus' (`for`, `keep_firing_for`) with levels,
`recover` and arrival added.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.alerts.record import Reason, State

INACTIVE: Final = 0
PENDING: Final = 1
FIRING: Final = 2
STATES: Final[tuple[State, ...]] = ("inactive", "pending", "firing")
NEVER_MS: Final = -(2**62)
"""No time: 0 and what is before it are times of samples like any other."""

ROW: Final = np.dtype(
    [
        ("state", "<i8"),
        ("level", "<i8"),  # index of the rule's level; -1: none
        ("active_at_ms", "<i8"),  # pending since
        ("starts_at_ms", "<i8"),  # firing since
        ("unheld_since_ms", "<i8"),  # firing though the condition ended; NEVER_MS: it holds
        ("judged_to_ms", "<i8"),  # no window that ends before it closes or lowers: see step()
    ],
    align=True,
)

Levels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Change(NamedTuple):
    """What happened to one group."""

    group: int
    state: State
    reason: Reason
    level: int  # the level it is reported at


@dataclass(frozen=True, slots=True)
class Policy:
    """What a rule says of time."""

    for_ms: int
    keep_firing_for_ms: int
    has_recover: bool
    keep_without_data: bool


class AlertTable:
    """The states of one rule's alerts."""

    def __init__(self, rows: npt.NDArray[Any] | None = None) -> None:
        self.rows = np.zeros(0, ROW) if rows is None else rows

    def reserve(self, groups: int) -> None:
        """Have a row for groups 0..groups-1."""
        if self.rows.size < groups:
            more = np.zeros(max(groups, 2 * self.rows.size), ROW)
            more["level"] = -1
            more["unheld_since_ms"] = more["judged_to_ms"] = NEVER_MS
            more[: self.rows.size] = self.rows
            self.rows = more

    @property
    def busy(self) -> bool:
        """Whether any alert is pending or firing."""
        return bool((self.rows["state"] != INACTIVE).any())

    @property
    def newest_ms(self) -> int:
        """When the newest alert that is up became pending or fired; NEVER_MS without one.

        Arrival opens alerts ahead of the ticks: none may end before it began.
        """
        up = self.rows[self.rows["state"] != INACTIVE]
        fires = up["starts_at_ms"][up["state"] == FIRING]
        return int(max(up["active_at_ms"].max(initial=NEVER_MS), fires.max(initial=NEVER_MS)))

    def hold(self, until_ms: int) -> None:
        """Neither end nor lower what is up by a window that ends before: it is not whole."""
        up = self.rows["state"] != INACTIVE
        self.rows["judged_to_ms"][up] = np.maximum(self.rows["judged_to_ms"][up], until_ms)

    def step(
        self, at_ms: int, level: Levels, rows: Mask, recovered: Mask, policy: Policy
    ) -> list[Change]:
        """Judge a window that ended at `at_ms` for every group.

        Shapes: level i64[n], -1 where no level's condition holds; rows[n] whether the window had
        rows; recovered[n] whether `recover` holds.
        A group that arrival judged by a later window is neither closed nor lowered by an earlier
        one: that window could not know what opened the alert.
        """
        table = self.rows[: level.size]
        state = table["state"]
        held = level >= 0
        earlier = table["judged_to_ms"] > at_ms
        frozen = ~rows if policy.keep_without_data else np.zeros(rows.size, np.bool_)
        changes: list[Change] = []

        opened = (state == INACTIVE) & held
        matured = (state == PENDING) & held & (at_ms - table["active_at_ms"] >= policy.for_ms)
        ended = (state == PENDING) & ~held & ~earlier & ~frozen
        fires = state == FIRING
        moved = fires & held & (level != table["level"]) & ~(earlier & (level < table["level"]))
        fading = fires & ~held & ~earlier & ~frozen

        table["unheld_since_ms"][fires & held] = NEVER_MS
        table["level"][(state == PENDING) & held] = level[(state == PENDING) & held]
        changes += [
            self._open(group, at_ms, int(level[group]), policy)
            for group in np.flatnonzero(opened).tolist()
        ]
        for group in np.flatnonzero(matured).tolist():
            table["state"][group] = FIRING
            table["starts_at_ms"][group] = at_ms
            changes.append(Change(group, "firing", "held_for", int(level[group])))
        for group in np.flatnonzero(ended).tolist():
            reason: Reason = "condition_ended" if rows[group] else "no_data"
            changes.append(self._close(group, "inactive", reason))
        for group in np.flatnonzero(moved).tolist():
            table["level"][group] = level[group]
            changes.append(Change(group, "firing", "level_changed", int(level[group])))
        for group in np.flatnonzero(fading).tolist():
            change = self._fade(group, at_ms, bool(rows[group]), bool(recovered[group]), policy)
            if change is not None:
                changes.append(change)
        return sorted(changes)

    def arrive(
        self, at_ms: int, window_end_ms: int, groups: Levels, level: Levels, policy: Policy
    ) -> list[Change]:
        """Judge on arrival: open or raise, never close or lower.

        Shapes: groups i64[k] are the groups to judge, level i64[k] theirs; `at_ms` is the newest
        row's time, `window_end_ms` the end of the window it fell into.
        """
        changes: list[Change] = []
        for group, wanted in zip(groups.tolist(), level.tolist(), strict=True):
            if wanted < 0:
                continue
            row = self.rows[group]
            row["judged_to_ms"] = max(int(row["judged_to_ms"]), window_end_ms)
            if row["state"] == INACTIVE:
                changes.append(self._open(group, at_ms, wanted, policy))
            elif row["state"] == FIRING:
                row["unheld_since_ms"] = NEVER_MS
                if wanted > row["level"]:
                    row["level"] = wanted
                    changes.append(Change(group, "firing", "level_changed", wanted))
        return changes

    def close_all(self, reason: Reason = "rule_removed") -> list[Change]:
        """End every alert: by default because the rule is gone."""
        changes = []
        for group in np.flatnonzero(self.rows["state"] != INACTIVE).tolist():
            fired = self.rows["state"][group] == FIRING
            changes.append(self._close(group, "resolved" if fired else "inactive", reason))
        return changes

    def _open(self, group: int, at_ms: int, level: int, policy: Policy) -> Change:
        row = self.rows[group]
        row["level"] = level
        row["active_at_ms"] = at_ms
        row["unheld_since_ms"] = NEVER_MS
        if policy.for_ms > 0:
            row["state"] = PENDING
            row["starts_at_ms"] = 0
            return Change(group, "pending", "condition_met", level)
        row["state"] = FIRING
        row["starts_at_ms"] = at_ms
        return Change(group, "firing", "condition_met", level)

    def _fade(
        self, group: int, at_ms: int, has_rows: bool, recovered: bool, policy: Policy
    ) -> Change | None:
        row = self.rows[group]
        if policy.has_recover and has_rows and not recovered:
            row["unheld_since_ms"] = NEVER_MS
            return None
        if row["unheld_since_ms"] == NEVER_MS:
            row["unheld_since_ms"] = at_ms
        if at_ms - row["unheld_since_ms"] < policy.keep_firing_for_ms:
            return None
        reason: Reason = "condition_ended"
        if not has_rows:
            reason = "no_data"
        elif policy.keep_firing_for_ms:
            reason = "keep_firing_ended"
        elif policy.has_recover:
            reason = "recovered"
        return self._close(group, "resolved", reason)

    def _close(self, group: int, state: State, reason: Reason) -> Change:
        level = int(self.rows["level"][group])
        self.rows["state"][group] = INACTIVE
        self.rows["unheld_since_ms"][group] = NEVER_MS
        return Change(group, state, reason, level)
