"""What the shards of this worker know of rules: how they fare, and what alerts they have now."""

import asyncio
from collections.abc import Mapping
from typing import Final

from engine import api
from engine.alerts import to_value
from engine.groups import ActiveAlert, RuleState
from engine.owner import Owner
from engine.shard import ShardOwner

AT_ONCE: Final = 200  # alerts whose annotations are written without a pause


async def standing(owners: Mapping[int, Owner], of: int, tenant: str) -> api.Standing:
    """Look at one evaluator after another: their owners go on in between."""
    rules: dict[str, api.Judged] = {}
    alerts: list[api.RuleAlertView] = []
    looked_at = 0
    steps: dict[int, tuple[int, float]] = {}
    shards = {shard: each for shard, each in owners.items() if isinstance(each, ShardOwner)}
    offsets = {shard: owner.next_offset for shard, owner in shards.items()}
    for shard, owner in shards.items():
        for every_ms, at_ms in owner.ticked_ms.items():
            last_ms, longest_s = steps.get(every_ms, (at_ms, 0.0))
            seconds = max(longest_s, owner.took_s.get(every_ms, 0.0))
            steps[every_ms] = max(last_ms, at_ms), seconds
        for evaluator in list(owner.groups.evaluators()):
            for identity, state in evaluator.health():
                held = rules.get(identity)
                if held is None or not _within(state, held):
                    judged = _judged(identity, state)
                    rules[identity] = judged if held is None else held.joined(judged)
            await asyncio.sleep(0)
            for found in evaluator.alerts_by_rule():
                looked_at += len(found)
                alerts += [_alert(one, shard) for one in found if one.tenant == tenant]
                if looked_at >= AT_ONCE:
                    looked_at = 0
                    await asyncio.sleep(0)
    return api.Standing(
        shards=offsets, of=of, rules=list(rules.values()), alerts=alerts, steps=steps
    )


def _within(state: RuleState, held: api.Judged) -> bool:
    """Say whether a shard adds nothing to what is known: most do not."""
    return (
        state.health == held.health
        and (state.at_ms or 0) <= held.at_ms
        and state.seconds <= held.seconds
    )


def _judged(identity: str, state: RuleState) -> api.Judged:
    return api.Judged(identity, state.health, state.error, state.at_ms or 0, state.seconds)


def _alert(alert: ActiveAlert, shard: int) -> api.RuleAlertView:
    return api.RuleAlertView(
        rule_id=alert.rule_id,
        state="firing" if alert.state == "firing" else "pending",
        labels=alert.labels,
        annotations=alert.annotations,
        active_at_ms=alert.active_at_ms,
        values={"value": to_value(alert.value)},
        shard=shard,
        keep_firing_since_ms=alert.kept_since_ms or 0,
    )
