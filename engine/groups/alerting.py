"""Alerting rules: the alerts of one rule, from its results at each tick.

Prometheus' semantics: an alert is a label set after the rule's labels are set, made anew at every
evaluation. States are columns; Python runs for alerts that change, and for every result only where
labels are templates over the value.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from engine.alerts import (
    INACTIVE,
    NEVER_MS,
    PENDING,
    STATES,
    AlertTable,
    Change,
    Policy,
    State,
)
from engine.errors import LimitError
from engine.groups.announce import Told, episode_of
from engine.groups.expression import Queries, Vector
from engine.groups.listing import ActiveAlert
from engine.groups.recorded import Recorded, Series, Written
from engine.groups.slots import Slots
from engine.groups.texts import Texts
from engine.plan import PromGroup, PromRule
from engine.series import METRIC_NAME
from engine.vector import Floats, Labels, LabelSet

ALERTS: Final = "ALERTS"
ALERTS_FOR_STATE: Final = "ALERTS_FOR_STATE"
_DUPLICATES: Final = "vector contains metrics with the same labelset after applying alert labels"
_UNASKED: Final = -2
_FOREVER_MS: Final = 2**62

Kind = TypeVar("Kind")


class Judged(NamedTuple):
    """What an evaluation changed; `error` where the alerts are more than the group's limit."""

    changes: list[Change]
    error: str = ""


class Kept(NamedTuple):
    """An alert that is up, as it is carried to another plan or another process."""

    labels: LabelSet
    metric: LabelSet  # of the result that it came from
    value: float
    fired_value: float | None
    episode: str
    state: int
    active_at_ms: int
    starts_at_ms: int
    kept_since_ms: int  # NEVER_MS: the expression gives it


class Alerting:
    """The alerts of one rule."""

    def __init__(
        self,
        group: PromGroup,
        rule: PromRule,
        texts: Texts,
        recorded: Recorded,
        alerts_max: int,
    ) -> None:
        self.group, self.rule, self.texts, self.alerts_max = group, rule, texts, alerts_max
        self.policy = Policy(rule.for_ms, rule.keep_firing_for_ms, False, False)
        self.table = AlertTable()
        self.slots = Slots(_DUPLICATES)
        self.active = 0  # alerts that are up
        self.changed = False  # what `kept` returns is another, but for values
        self.version = 0  # offset of the record that changed it last: of its chunk
        self.written = Written(recorded)
        self._writes = recorded.read(ALERTS) or recorded.read(ALERTS_FOR_STATE)
        self._values: Floats = np.empty(0)  # by slot, of the last evaluation that gave one
        self._rows: Series = np.empty(0, np.int64)  # by slot, in `_labels`; -1: see `_metrics`
        self._series: Series = np.empty((0, 3), np.int64)  # by slot: pending, firing, for-state
        self._labels: Labels | None = None
        self._metrics: dict[int, LabelSet] = {}
        self._fired: dict[int, float] = {}  # value when it fired
        self._episodes: dict[int, str] = {}
        self._waiting: Floats | None = None  # values of alerts whose chunk is still to come
        self._steady: Series | None = None  # slots at the last step, all up, none kept firing
        self._matures_ms = _FOREVER_MS  # when the first of them fires

    # -- evaluation -----------------------------------------------------------------------------

    def judge(self, at_ms: int, vector: Vector, queries: Queries) -> Judged:
        """Take the results of an evaluation.

        Cost: a few vector operations where the same alerts are up as at the last tick.
        Raises: EvaluationError where two results get the same labels, LimitError where there are
        more than `alerts_max`; nothing changes then.
        """
        if not vector.rows.size and not self.active:
            return Judged([])
        if vector.rows.size > self.alerts_max:
            raise LimitError(
                f"{vector.rows.size:,} alerts of one rule: raise limits.groups_per_rule_max"
                f" ({self.alerts_max:,}) or aggregate"
            )
        slots = self._find(vector, queries)
        if self.slots.crowded:
            slots = self._compact(slots)
        self._grow(len(self.slots))
        steady = self._steady
        if (
            steady is not None
            and at_ms < self._matures_ms
            and steady.size == slots.size
            and np.array_equal(steady, slots)
        ):
            self._note(slots, vector)
            return Judged([])
        return self._step(at_ms, slots, vector)

    @property
    def is_written(self) -> bool:
        """Whether its alerts are samples, too, at every tick."""
        return self._writes or self.written.series.size > 0

    @property
    def matures_ms(self) -> int:
        """When the first of the alerts that wait fires."""
        return self._matures_ms

    def stands(self, results: int) -> bool:
        """Say whether so many results mean the same again: all of them up, and nothing else."""
        if not results:
            return not self.active
        return self._steady is not None and self._steady.size == results

    def stood(self, values: Floats) -> None:
        """Take the values of a later tick with the results of the last: see `stands`."""
        assert self._steady is not None
        self._values[self._steady] = values

    def _step(self, at_ms: int, slots: Series, vector: Vector) -> Judged:
        limit = self.group.limit
        before = self.table.rows.copy()
        level = np.full(len(self.slots), -1, np.int64)
        level[slots] = 0
        always = np.ones(level.size, np.bool_)
        changes = self.table.step(at_ms, level, always, always, self.policy)
        state = self.table.rows["state"]
        active = int(np.count_nonzero(state))
        if 0 < limit < active:
            self.table.rows, self.changed = before, True
            self._steady = None
            self.active = 0
            error = f"exceeded limit of {limit} with {active} alerts"
            return Judged(self.table.close_all("limit_exceeded"), error)
        self.changed |= not np.array_equal(before, self.table.rows)
        self._note(slots, vector)
        self.active = active
        self._steady = slots if active == slots.size else None
        waiting = self.table.rows["active_at_ms"][state == PENDING]
        self._matures_ms = int(waiting.min(initial=_FOREVER_MS)) + self.rule.for_ms
        return Judged(changes)

    def _find(self, vector: Vector, queries: Queries) -> Series:
        sets, rows, values = vector.labels.sets, vector.rows, vector.values

        def made(place: int) -> LabelSet:
            return self.texts.labels(sets[rows[place]], float(values[place]), queries)

        if self.texts.by_value:
            return self.slots.find_each(rows, made)
        return self.slots.find(vector.labels, rows, made)

    def _note(self, slots: Series, vector: Vector) -> None:
        if self._labels is not vector.labels:
            self._settle()
            self._labels = vector.labels
        moved = np.flatnonzero(self._rows[slots] != vector.rows)
        if moved.size and not self.changed:
            sets = vector.labels.sets
            self.changed = any(
                self._metric(slot) != sets[row]
                for slot, row in zip(
                    slots[moved].tolist(), vector.rows[moved].tolist(), strict=True
                )
            )
        self._values[slots] = vector.values
        self._rows[slots] = vector.rows

    def _settle(self) -> None:
        """Remember the labels of results by themselves: their rows are about to mean others."""
        if self._labels is not None:
            for slot in self._up():
                if self._rows[slot] >= 0:
                    self._metrics[slot] = self._labels.sets[self._rows[slot]]
        self._rows[:] = -1

    def write(self, at_ms: int) -> None:
        """Write ALERTS and ALERTS_FOR_STATE at `at_ms` (the query offset is taken off)."""
        if not self._writes and not self.written.series.size:
            return
        rows = self.table.rows
        up = np.flatnonzero(rows["state"] != INACTIVE)
        columns = rows["state"][up] - PENDING
        unasked = up[(self._series[up, columns] == _UNASKED) | (self._series[up, 2] == _UNASKED)]
        for slot in unasked.tolist():
            self._ask_series(slot)
        series = np.concatenate([self._series[up, columns], self._series[up, 2]])
        since = np.floor_divide(rows["active_at_ms"][up], 1_000).astype(np.float64)
        self.written.write(series, at_ms, np.concatenate([np.ones(up.size), since]))

    def _ask_series(self, slot: int) -> None:
        labels, series = self.slots.sets[slot], self.written.recorded.series
        state = STATES[int(self.table.rows["state"][slot])]
        named = self.texts.sample_labels(labels, {METRIC_NAME: ALERTS, "alertstate": state})
        self._series[slot, self.table.rows["state"][slot] - PENDING] = series(named)
        named = self.texts.sample_labels(labels, {METRIC_NAME: ALERTS_FOR_STATE})
        self._series[slot, 2] = series(named)

    # -- what is said ---------------------------------------------------------------------------

    def told(self, change: Change, queries: Queries) -> Told:
        """Return what a record of a change says, and forget the alert where it is over."""
        slot, row = change.group, self.table.rows[change.group]
        over = change.state in ("resolved", "inactive")
        value, labels = float(self._values[slot]), self.slots.sets[slot]
        if change.state == "firing":
            self._fired.setdefault(slot, value)
        told = Told(
            labels=labels,
            annotations=self.texts.annotations(self._metric(slot), value, queries),
            value=value,
            value_at_firing=self._fired.get(slot),
            episode=self._episode(slot),
            active_at_ms=int(row["active_at_ms"]),
            starts_at_ms=int(row["starts_at_ms"]),
            held=not over,
        )
        if over:
            self._forget(slot)
        return told

    def _forget(self, slot: int) -> None:
        self._fired.pop(slot, None)
        self._episodes.pop(slot, None)
        self._metrics.pop(slot, None)
        self._rows[slot] = -1

    def _episode(self, slot: int) -> str:
        episode = self._episodes.get(slot)
        if episode is None:
            episode = self._episodes[slot] = episode_of(
                self.group.tenant, self.rule.identity, self.slots.sets[slot],
                int(self.table.rows["active_at_ms"][slot]),
            )  # fmt: skip
        return episode

    def _metric(self, slot: int) -> LabelSet:
        row = int(self._rows[slot])
        if row >= 0 and self._labels is not None:
            return self._labels.sets[row]
        return self._metrics.get(slot, ())

    def state(self) -> State:
        """Return the highest state of its alerts."""
        rows = self.table.rows
        return STATES[int(rows["state"].max())] if self.active else "inactive"

    def alerts(self, queries: Queries) -> Iterator[ActiveAlert]:
        """Yield the alerts that are up, in order of their slots."""
        for slot in self._up():
            row, value = self.table.rows[slot], float(self._values[slot])
            kept_since_ms = int(row["unheld_since_ms"])
            yield ActiveAlert(
                tenant=self.group.tenant, group=self.group.name, rule=self.rule.name,
                rule_id=self.rule.identity,
                labels=dict(self.slots.sets[slot]),
                annotations=self.texts.annotations(self._metric(slot), value, queries),
                state=STATES[int(row["state"])],
                value=value,
                active_at_ms=int(row["active_at_ms"]),
                starts_at_ms=int(row["starts_at_ms"]),
                kept_since_ms=None if kept_since_ms == NEVER_MS else kept_since_ms,
                episode=self._episode(slot),
            )  # fmt: skip

    # -- state ----------------------------------------------------------------------------------

    def kept(self) -> list[Kept]:
        """Return the alerts that are up."""
        return [
            Kept(
                self.slots.sets[slot], self._metric(slot), float(self._values[slot]),
                self._fired.get(slot), self._episode(slot), *self._times(slot),
            )
            for slot in self._up()
        ]  # fmt: skip

    def _times(self, slot: int) -> tuple[int, int, int, int]:
        row = self.table.rows[slot]
        return (
            int(row["state"]), int(row["active_at_ms"]), int(row["starts_at_ms"]),
            int(row["unheld_since_ms"]),
        )  # fmt: skip

    def take(self, kept: Kept) -> bool:
        """Have an alert that was kept; False where one with its labels is there already."""
        slot = self.slots.slot(kept.labels)
        self._grow(len(self.slots))
        row = self.table.rows[slot]
        if row["state"] != INACTIVE:
            return False
        row["state"], row["level"], row["active_at_ms"] = kept.state, 0, kept.active_at_ms
        row["starts_at_ms"], row["unheld_since_ms"] = kept.starts_at_ms, kept.kept_since_ms
        self._values[slot], self._metrics[slot] = kept.value, kept.metric
        self._episodes[slot] = kept.episode
        if kept.fired_value is not None:
            self._fired[slot] = kept.fired_value
        self.active += 1
        self._steady, self.changed = None, True
        if self._waiting is not None:
            self.value_as(self._waiting)
        return True

    def values(self) -> Floats:
        """Return the values of the alerts that are up, in the order of `kept`."""
        return self._values[self._up()]

    def value_as(self, values: Floats) -> None:
        """Give the alerts that were taken these values, when the last of them has come."""
        self._waiting = values if self.active < values.size else None
        if self.active == values.size:
            self._values[self._up()] = values

    def close_all(self) -> list[Change]:
        """End every alert: the rule is gone."""
        self.active, self._steady, self.changed = 0, None, True
        return self.table.close_all()

    def _up(self) -> list[int]:
        return np.flatnonzero(self.table.rows["state"] != INACTIVE).tolist() if self.active else []

    def _grow(self, size: int) -> None:
        self.table.reserve(size)
        more = self.table.rows.size - self._values.size
        if more > 0:
            self._values = np.append(self._values, np.zeros(more))
            self._rows = np.append(self._rows, np.full(more, -1, np.int64))
            asked = np.full((more, 3), _UNASKED, np.int64)
            self._series = np.concatenate([self._series, asked])

    def _compact(self, slots: Series) -> Series:
        """Forget label sets that are neither up nor in this result; returns its slots anew."""
        self._grow(len(self.slots))
        wanted = self.table.rows["state"][: len(self.slots)] != INACTIVE
        wanted[slots] = True
        kept = self.slots.keep(wanted)
        place = np.full(wanted.size, -1, np.int64)
        place[kept] = np.arange(kept.size)
        self.table.rows, self._values = self.table.rows[kept], self._values[kept]
        self._rows, self._series = self._rows[kept], self._series[kept]
        self._metrics = _moved(self._metrics, place)
        self._fired = _moved(self._fired, place)
        self._episodes = _moved(self._episodes, place)
        self._steady, self.changed = None, True  # in another order
        return place[slots]


def _moved(kept: dict[int, Kind], place: npt.NDArray[np.int64]) -> dict[int, Kind]:
    return {int(place[slot]): value for slot, value in kept.items() if place[slot] >= 0}
