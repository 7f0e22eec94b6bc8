"""Groups: alerts that are notified together, and when they are due next."""

import bisect
import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from notifiers.route import Route

GROUP_ALERTS_MAX = 20_000
"""Alerts of one group: a notification record names each, and must fit into a message."""


RESORT_SHARE = 8
"""Where more than one alert in so many is new, sorting all costs less than placing each."""


class GroupId(NamedTuple):
    """One group: the group key alone may be shared by routes with equal matchers."""

    tenant: str
    route_id: str
    group_key: str


@dataclass(slots=True)
class Settled:
    """Which integrations know that an alert has ended, as of one version of it."""

    version: int
    integrations: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Group:
    """A group while it has alerts. All times are absolute, so a restart changes none of them."""

    id: GroupId
    route: Route
    labels: Mapping[str, str]
    created_ms: int
    next_flush_ms: int
    alerts: set[str] = field(default_factory=set)  # fingerprints
    lagging: set[str] = field(default_factory=set)
    """Integrations that were still busy with the last flush when this one came: they are asked
    again as soon as their answer is in the log, so that a slow one delays no other."""
    settled: dict[str, Settled] = field(default_factory=dict)
    """By fingerprint. An ended alert leaves the group when every integration knows of it."""
    _order: list[str] | None = None  # of the alerts when it was last asked for; None: asked anew
    _added: list[str] = field(default_factory=list)  # since then

    def add(self, fingerprint: str) -> None:
        """Take an alert in."""
        if fingerprint not in self.alerts:
            self.alerts.add(fingerprint)
            if self._order is not None:
                self._added.append(fingerprint)

    def discard(self, fingerprint: str) -> None:
        """Take an alert out."""
        self.alerts.discard(fingerprint)
        self.settled.pop(fingerprint, None)
        self._order, self._added = None, []

    def in_order(self, key: Callable[[str], Any]) -> list[str]:
        """Return the alerts sorted by a key, which must be the same each time."""
        order, added = self._order, self._added
        if order is None or len(added) * RESORT_SHARE > len(order):
            order = self._order = sorted(self.alerts, key=key)
        else:
            for fingerprint in added:
                bisect.insort(order, fingerprint, key=key)
        if added:
            self._added = []
        return order

    def settle(self, integration: str, ended: Mapping[str, int]) -> None:
        """Note that an integration needs nothing more about these (fingerprint -> version)."""
        for fingerprint, version in ended.items():
            if fingerprint not in self.alerts:
                continue
            known = self.settled.get(fingerprint)
            if known is None or known.version < version:
                known = self.settled[fingerprint] = Settled(version)
            if known.version == version:
                known.integrations.add(integration)


class Groups:
    """All groups, with the earliest due one at hand."""

    def __init__(self, groups_max: int) -> None:
        self._groups_max = groups_max
        self._by_id: dict[GroupId, Group] = {}
        # Entries are not removed when a group changes but checked when popped. Ordered by id too:
        # a restored notifier flushes in the same order.
        self._due: list[tuple[int, GroupId]] = []
        self._holders: dict[tuple[str, str], tuple[GroupId, ...]] = {}
        self._by_text: dict[tuple[str, str], set[GroupId]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._by_id.values())

    def get(self, group_id: GroupId) -> Group | None:
        """Return a group, or None."""
        return self._by_id.get(group_id)

    def holders(self, tenant: str, fingerprint: str) -> tuple[GroupId, ...]:
        """Return the groups that hold an alert."""
        return self._holders.get((tenant, fingerprint), ())

    def hold(
        self, key: tuple[str, str], route: Route, labels: Mapping[str, str],
        starts_at_ms: int, at_ms: int,
    ) -> Group | None:  # fmt: skip
        """Put an alert into its group under a route. None: too many groups, or alerts in it.

        `key` is tenant and fingerprint; this very object is kept, and the caller should keep it.

        A new group waits; but an alert that has waited for that long elsewhere (a restart, a late
        record) does not wait again (Alertmanager, dispatch.groupAlert).
        """
        tenant, fingerprint = key
        group_id = self.id_of(tenant, route, labels)
        group = self._by_id.get(group_id)
        if group is None:
            if len(self._by_id) >= self._groups_max:
                return None
            waited = starts_at_ms + route.group_wait_ms < at_ms
            due_ms = at_ms if waited else at_ms + route.group_wait_ms
            group = Group(group_id, route, route.group_labels(labels), at_ms, due_ms)
            self.add(group)
        if len(group.alerts) >= GROUP_ALERTS_MAX and fingerprint not in group.alerts:
            return None
        group.add(fingerprint)
        self._held_by(key, group.id)
        return group

    def _held_by(self, key: tuple[str, str], group_id: GroupId) -> None:
        holders = self._holders.get(key, ())
        if group_id not in holders:
            self._holders[key] = (*holders, group_id)

    @staticmethod
    def id_of(tenant: str, route: Route, labels: Mapping[str, str]) -> GroupId:
        """Return which group of a route an alert with these labels is in."""
        return GroupId(tenant, route.id, route.group_key(route.group_labels(labels)))

    def by_text(self, tenant: str, group_key: str) -> list[Group]:
        """Return the groups with a group key; routes with equal matchers share one."""
        found = (self._by_id.get(i) for i in sorted(self._by_text.get((tenant, group_key), ())))
        return [group for group in found if group is not None]

    def add(self, group: Group) -> None:
        """Take a group with what it holds."""
        self._by_id[group.id] = group
        for fingerprint in group.alerts:
            self._held_by((group.id.tenant, fingerprint), group.id)
        self._by_text.setdefault((group.id.tenant, group.id.group_key), set()).add(group.id)
        self._push(group.next_flush_ms, group.id)

    def remove(self, group: Group) -> None:
        """Drop a group with what it holds."""
        for fingerprint in tuple(group.alerts):
            self.drop(group, fingerprint)
        self._by_id.pop(group.id, None)
        text = (group.id.tenant, group.id.group_key)
        named = self._by_text.get(text, set())
        named.discard(group.id)
        if not named:
            self._by_text.pop(text, None)

    def drop(self, group: Group, fingerprint: str) -> None:
        """Take an alert out of a group."""
        group.discard(fingerprint)
        key = (group.id.tenant, fingerprint)
        left = tuple(each for each in self._holders.pop(key, ()) if each != group.id)
        if left:
            self._holders[key] = left

    def reschedule(self, group: Group, next_flush_ms: int) -> None:
        """Set when a group is due next."""
        group.next_flush_ms = next_flush_ms
        self._push(next_flush_ms, group.id)

    def pop_due(self, now_ms: int, alerts_max: int) -> list[Group]:
        """Return groups that are due, earliest first; the caller reschedules each.

        At least one, and no more than hold `alerts_max` alerts: the others stay due.
        """
        due: dict[GroupId, Group] = {}
        alerts = 0
        while self._due and self._due[0][0] <= now_ms and alerts < alerts_max:
            due_ms, group_id = heapq.heappop(self._due)
            group = self._by_id.get(group_id)
            if group is not None and group.next_flush_ms == due_ms:
                due[group_id] = group
                alerts += len(group.alerts)
        return list(due.values())

    def next_due_ms(self) -> int | None:
        """Return when the next group is due."""
        while self._due:
            due_ms, group_id = self._due[0]
            group = self._by_id.get(group_id)
            if group is not None and group.next_flush_ms == due_ms:
                return due_ms
            heapq.heappop(self._due)
        return None

    def _push(self, due_ms: int, group_id: GroupId) -> None:
        heapq.heappush(self._due, (due_ms, group_id))
