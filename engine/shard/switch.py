"""Change the plan under a running shard: what is asked the same keeps what it holds."""

from typing import TYPE_CHECKING

import numpy as np

from engine.plan import Plan, RulePlan
from engine.shard.feeds import FeedState
from engine.shard.judge import Judged, RuleState

NO_CELLS = np.empty(0)

if TYPE_CHECKING:
    from engine.shard.owner import ShardOwner


def switch(owner: "ShardOwner", plan: Plan) -> list[Judged]:
    """Judge by another plan from here on; returns the ends of alerts whose rules are gone.

    Feeds and leaves are known by content and keep their groups and windows. A rule with the same
    identity keeps its alerts by the labels of their groups, whatever else was edited; where `by`
    or the tenant changed, the old groups do not exist any more (another shard may own the new
    ones) and their alerts end. Where a kept rule reads what was not remembered so far, its alerts
    neither end nor fall before its windows are whole: an empty state says nothing.
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
            at_ms = max(owner.ticked_ms.get(state.rule.every_ms, 0), state.table.newest_ms)
            run = (0, at_ms // state.rule.every_ms)
            ended.append(Judged(state, feed, run, at_ms, {}, NO_CELLS, state.table.close_all()))
    kept_ms = {leaf.id: leaf.keep_ms for leaf in owner.leaves.leaves}
    owner.plan = plan
    offset = owner.next_offset
    owner.series.use(plan, {feed.feed.id: feed for feed in old_feeds}, offset)
    owner.leaves.use(plan, offset)
    owner.rules = []
    for rule in plan.rules:
        state = _carried(owner, rule, old_rules.get(rule.identity), old_feeds)
        read = {rule.rows_leaf, *(column.leaf for column in rule.columns)}
        if any(kept_ms.get(plan.leaves[leaf].id, 0) < rule.width_ms for leaf in read):
            state.table.hold(owner.watermark.append_ms + rule.width_ms)
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
