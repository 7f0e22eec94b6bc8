"""Judge rules: windows to columns, columns to levels, levels to changes of alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.alerts import AlertTable, Change, Policy
from engine.plan import RulePlan, evaluate
from engine.shard.feeds import FeedState
from engine.shard.leaves import Leaves

Columns = dict[str, npt.NDArray[np.float64]]


@dataclass(slots=True)
class RuleState:
    """The alerts of one rule, and what their episodes keep."""

    rule: RulePlan
    table: AlertTable = field(default_factory=AlertTable)
    fired_values: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    told_values: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # of the last record
    labels: dict[int, Mapping[str, str]] = field(default_factory=dict)  # rendered, by group

    @property
    def policy(self) -> Policy:
        """What the rule says of time."""
        rule = self.rule
        return Policy(
            rule.for_ms, rule.keep_firing_for_ms, rule.recover is not None, rule.keep_without_data
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A window of one rule, judged: what changed, and the columns it was judged by."""

    state: RuleState
    feed: FeedState
    run: tuple[int, int]  # panes first..last
    at_ms: int  # the tick, or the newest row's time on arrival
    columns: Columns
    cells: npt.NDArray[Any]  # of the window, by group; empty where the rule is gone
    changes: list[Change]


def columns_of(
    rule: RulePlan, leaves: Leaves, feed: FeedState, run: tuple[int, int], cache: dict[Any, Any]
) -> Columns:
    """Return every computed column of a rule; equal ones of other rules are taken from `cache`."""
    columns: Columns = {}
    for column in rule.columns:
        key = (column.leaf, column.function, column.parameter, run)
        if key not in cache:
            cache[key] = leaves.column(column.leaf, column.function, column.parameter, run, feed)
        columns[column.name] = cache[key]
    return columns


def levels_of(rule: RulePlan, columns: Columns, size: int) -> npt.NDArray[np.int64]:
    """Return the highest level whose condition holds, -1 where none does."""
    level = np.full(size, -1, np.int64)
    for number, entry in enumerate(rule.levels):
        held = evaluate(entry.condition, columns, size)
        level[(held != 0.0) & ~np.isnan(held)] = number
    return level


def run_of(rule: RulePlan, end_ms: int) -> tuple[int, int]:
    """Return the panes of the window that ends at `end_ms`."""
    last = end_ms // rule.every_ms
    return last - rule.width_ms // rule.every_ms + 1, last


def tick(
    state: RuleState, leaves: Leaves, feed: FeedState, at_ms: int, cache: dict[Any, Any]
) -> Judged:
    """Judge the window that ends at a tick for every group of the rule."""
    rule, size = state.rule, feed.size
    run = run_of(rule, at_ms)
    state.table.reserve(size)
    columns = columns_of(rule, leaves, feed, run, cache)
    cells = leaves.cells(rule.rows_leaf, run, size)
    rows = cells["rows"] > 0
    level = np.where(rows, levels_of(rule, columns, size), -1)
    recovered = np.ones(size, np.bool_)
    if rule.recover is not None:
        recovered = evaluate(rule.recover, columns, size) != 0.0
    changes = state.table.step(at_ms, level, rows, recovered, state.policy)
    return Judged(state, feed, run, at_ms, columns, cells, changes)


def arrival(
    state: RuleState,
    leaves: Leaves,
    feed: FeedState,
    groups: npt.NDArray[np.int64],
    newest_ms: int,
    cache: dict[Any, Any],
) -> Judged:
    """Judge the open window that the newest row of a message fell into, for its groups alone."""
    rule, size = state.rule, feed.size
    end_ms = -(-newest_ms // rule.every_ms) * rule.every_ms
    run = run_of(rule, end_ms)
    state.table.reserve(size)
    columns = columns_of(rule, leaves, feed, run, cache)
    cells = leaves.cells(rule.rows_leaf, run, size)
    # As at a tick: a window without rows (they came too late for it) opens nothing.
    level = np.where(cells["rows"] > 0, levels_of(rule, columns, size), -1)[groups]
    changes = state.table.arrive(newest_ms, end_ms, groups, level, state.policy)
    return Judged(state, feed, run, newest_ms, columns, cells, changes)
