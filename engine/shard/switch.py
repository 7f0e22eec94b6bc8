"""Change the plan under a running shard: what is asked the same keeps what it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.plan import Feed, Leaf, Plan, RulePlan
from engine.series import NEVER_MS
from engine.shard.feeds import FeedState
from engine.shard.judge import Judged, RuleState

NO_CELLS = np.empty(0)

if TYPE_CHECKING:
    from engine.shard.owner import ShardOwner


@dataclass(frozen=True, slots=True)
class Pending:
    """A plan that judges the ticks after `from_ms`; what it reads is collected already."""

    plan: Plan
    from_ms: int
    since_ms: int  # log time at which collecting began
    kept_ms: Mapping[str, int]  # leaf -> how long it was kept before

    @classmethod
    def at_once(cls, owner: "ShardOwner", plan: Plan) -> "Pending":
        """Return a plan that judges from here on."""
        kept_ms = {leaf.id: leaf.keep_ms for leaf in owner.leaves.leaves}
        return cls(plan, NEVER_MS, owner.watermark.append_ms, kept_ms)


def collect(owner: "ShardOwner", plan: Plan, from_ms: int) -> Pending:
    """Begin to collect what a plan reads, and go on judging by the one in use."""
    pending = replace(Pending.at_once(owner, plan), from_ms=from_ms)
    switch(owner, merged(owner.plan, plan))
    return pending


def merged(old: Plan, new: Plan) -> Plan:
    """Return a plan that collects what both read and judges by the old one."""
    feeds: dict[Feed, int] = {}
    for feed in (*old.feeds, *new.feeds):
        feeds.setdefault(feed, len(feeds))
    keep_ms: dict[str, int] = {}
    for leaf in (*old.leaves, *new.leaves):
        keep_ms[leaf.id] = max(keep_ms.get(leaf.id, 0), leaf.keep_ms)
    leaves: dict[str, Leaf] = {}
    for plan in (old, new):
        for leaf in plan.leaves:
            number = feeds[plan.feeds[leaf.feed]]
            leaves.setdefault(leaf.id, replace(leaf, feed=number, keep_ms=keep_ms[leaf.id]))
    ring_ms: dict[int, int] = {}
    for plan in (old, new):
        for number, need_ms in plan.ring_ms.items():
            place_of = feeds[plan.feeds[number]]
            ring_ms[place_of] = max(ring_ms.get(place_of, 0), need_ms)
    place = {leaf: number for number, leaf in enumerate(leaves)}

    def at(leaf: int) -> int:
        return place[old.leaves[leaf].id]

    rules = tuple(
        replace(
            rule,
            feed=feeds[old.feeds[rule.feed]],
            columns=tuple(replace(column, leaf=at(column.leaf)) for column in rule.columns),
            rows_leaf=at(rule.rows_leaf),
            lines_leaf=None if rule.lines_leaf is None else at(rule.lines_leaf),
        )
        for rule in old.rules
    )
    longs = tuple(dict.fromkeys((*old.longs, *new.longs)))
    return Plan(old.digest, tuple(feeds), tuple(leaves.values()), rules, old.prom, ring_ms, longs)


def switch(owner: "ShardOwner", plan: Plan, pending: Pending | None = None) -> list[Judged]:
    """Judge by another plan from here on; returns the ends of alerts whose rules are gone.

    Feeds and leaves are known by content and keep their groups and windows. A rule with the same
    identity keeps its alerts by the labels of their groups, whatever else was edited; where `by`
    or the tenant changed, the old groups do not exist any more (another shard may own the new
    ones) and their alerts end. Where a kept rule reads what was not remembered so far, its alerts
    neither end nor fall before its windows are whole: an empty state says nothing.
    `pending`: since when the plan's leaves were collected, and what was kept before.
    """
    old_feeds = list(owner.series.feeds)
    old_rules = {state.rule.identity: state for state in owner.rules}
    kept = {rule.identity: rule for rule in plan.rules}
    ended = []
    for identity, state in old_rules.items():
        feed = old_feeds[state.rule.feed]
        rule = kept.get(identity)
        if rule is None or (rule.tenant, plan.feeds[rule.feed].by) != (
            state.rule.tenant,
            feed.feed.by,
        ):
            ticked_ms = owner.ticked_ms.get(state.rule.every_ms, NEVER_MS)
            at_ms = max(ticked_ms, state.table.newest_ms)
            run = (0, at_ms // state.rule.every_ms)
            ended.append(Judged(state, feed, run, at_ms, {}, NO_CELLS, state.table.close_all()))
    kept_ms: Mapping[str, int] = {leaf.id: leaf.keep_ms for leaf in owner.leaves.leaves}
    since_ms = owner.watermark.append_ms
    if pending is not None:
        kept_ms, since_ms = pending.kept_ms, pending.since_ms
    owner.plan = plan
    offset = owner.next_offset
    owner.series.use(plan, {feed.feed.id: feed for feed in old_feeds}, offset)
    owner.leaves.use(plan, offset)
    owner.rules = []
    for rule in plan.rules:
        state = _carried(owner, rule, old_rules.get(rule.identity), old_feeds)
        read = {rule.rows_leaf, *(column.leaf for column in rule.columns)}
        if any(kept_ms.get(plan.leaves[leaf].id, 0) < rule.width_ms for leaf in read):
            state.table.hold(since_ms + rule.width_ms)
        owner.rules.append(state)
    owner.intervals = sorted({rule.every_ms for rule in plan.rules})
    owner.ticked_ms = {ms: at for ms, at in owner.ticked_ms.items() if ms in owner.intervals}
    return ended


def _carried(
    owner: "ShardOwner", rule: RulePlan, old: RuleState | None, old_feeds: list[FeedState]
) -> RuleState:
    state = RuleState(rule)
    if old is None or not old.table.busy:
        return state
    source, target = old_feeds[old.rule.feed], owner.series.feeds[rule.feed]
    levels = {level.name: number for number, level in enumerate(rule.levels)}
    for group in np.flatnonzero(old.table.rows["state"] != 0).tolist():
        place = target.group(source.values[group])
        state.table.reserve(target.size)
        row = old.table.rows[group].copy()
        # A level is known by its name: the same one may now stand at another place.
        row["level"] = levels.get(old.rule.levels[int(row["level"])].name, 0)
        state.table.rows[place] = row
        state.fired_values[place] = old.fired_values.get(group, {})
        state.told_values[place] = old.told_values.get(group, {})
        state.labels[place] = old.labels.get(group, {})
    return state
