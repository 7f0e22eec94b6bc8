"""What a group has to say by now: for a notification that has waited, and for one given up.

Both are decided anew by the pipeline against the notification log, as any other: nothing is sent
because it once was decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine import metrics
from engine.alerts import RetryDelivery
from notifiers import pipeline
from notifiers.config import Integration
from notifiers.dead_letters import DeadLetter
from notifiers.group import Group, GroupId
from notifiers.holding import Holding
from notifiers.notification_log import LogKey
from notifiers.outbox import Flush, Waiting

COALESCED = metrics.counter(
    "tocsin_notifications_coalesced_total",
    "Notifications that waited for their turn and were replaced by newer ones, or by nothing.",
    ["channel", "by"],
)

LetterState = Literal["on its way", "waiting", "over"]


@dataclass(frozen=True, slots=True)
class LetterView:
    """A dead letter and what will become of it by itself."""

    letter: DeadLetter
    state: LetterState  # "waiting": its group is looked at again, at `next_ms`
    next_ms: int = 0


def renewed(
    held: Holding, stages: Sequence[pipeline.Stage], flush: Flush, now_ms: int
) -> Flush | None:
    """Return what is to be sent under the number of a flush that nobody has tried to send.

    That is the flush itself, unless its group came due again while it waited: then what the group
    has to say now, under the same number. None: nothing any more, or nobody is to be told of that
    group there since a reload; the number is free again.
    """
    waiting, group = held.outbox.get(flush.key), held.groups.get(flush.group_id)
    integration = flush.key.integration
    ours = waiting is not None and waiting.n == flush.notification.n
    if not ours:
        return flush
    if not _routed(held, flush):
        held.outbox.pop(flush.key)
        return None
    if group is None or integration not in group.lagging:
        return flush
    found = next((each for each in held.integrations_of(group) if each.name == integration), None)
    if found is None:
        return flush  # whose receiver is gone: delivery says so
    group.lagging.discard(integration)
    held.outbox.pop(flush.key)
    fresh, ended = _decide(held, stages, group, found, now_ms)
    kind = integration.partition("/")[0]
    if fresh is None:
        COALESCED.labels(kind, "nothing").inc()
        group.settle(integration, ended)
        held.drop_settled(group)
        return None
    COALESCED.labels(kind, "newer").inc()
    held.outbox.put(flush.key, Waiting(fresh.notification.n, group.id, ended))
    return fresh


def letters(held: Holding, tenant: str) -> list[LetterView]:
    """Return the dead letters of a tenant, newest first."""
    views: list[LetterView] = []
    for letter in held.letters.of(tenant):
        if not held.configured(letter.receiver, letter.integration):
            continue
        due = [group.next_flush_ms for group, _ in _groups_of(held, letter)]
        if LogKey(*letter.key) in held.outbox:
            views.append(LetterView(letter, "on its way"))
        elif due:
            views.append(LetterView(letter, "waiting", min(due)))
        else:
            views.append(LetterView(letter, "over"))
    return views


def outlook(
    held: Holding, stages: Sequence[pipeline.Stage], letter: DeadLetter, now_ms: int
) -> LetterState:
    """Say what sending a letter again would do now: "over" where there is nothing to tell."""
    if LogKey(*letter.key) in held.outbox:
        return "on its way"
    for group, integration in _groups_of(held, letter):
        if _decide(held, stages, group, integration, now_ms)[0] is not None:
            return "waiting"
    return "over"


def asked_again(held: Holding, record: RetryDelivery) -> list[GroupId]:
    """Take the wish to send a letter again; return the groups to be asked at once."""
    letter = held.letters.get(record.letter_id, record.tenant)
    if letter is None:
        return []
    if record.over:
        held.letters.remove(letter.key)
        held.touched.note("letters", letter.group_key)
        return []
    found = [group for group, _ in _groups_of(held, letter)]
    for group in found:
        group.lagging.add(letter.integration)
    return [group.id for group in found]


def _routed(held: Holding, flush: Flush) -> bool:
    """Say whether the route that a flush came by still leads to its receiver."""
    return any(
        route.id == flush.group_id.route_id and route.receiver == flush.key.receiver
        for route in held.config.route.walk()
    )


def reconsider(held: Holding) -> None:
    """Let all be asked again that something was given up for: their receivers may be mended."""
    for letter in held.letters.items():
        for group, _ in _groups_of(held, letter):
            group.lagging.add(letter.integration)


def _groups_of(held: Holding, letter: DeadLetter) -> list[tuple[Group, Integration]]:
    """Return the groups that a letter is about, with who was to be told."""
    return [
        (group, integration)
        for group in held.groups.by_text(letter.tenant, letter.group_key)
        if group.route.receiver == letter.receiver
        for integration in held.integrations_of(group)
        if integration.name == letter.integration
    ]


def _decide(
    held: Holding,
    stages: Sequence[pipeline.Stage],
    group: Group,
    integration: Integration,
    now_ms: int,
) -> tuple[Flush | None, dict[str, int]]:
    alerts = held.alerts_of(group)
    ended = {a.fingerprint: a.version for a in alerts if a.resolved_at(now_ms)}
    due = pipeline.Due(group, now_ms)
    told = pipeline.run(stages, due, alerts)
    entry = held.log.get(held.log_key(group, integration))
    return pipeline.flush_of(held.config, due, integration, told, entry, ended), ended
