"""Prometheus groups of a shard: its local rules, what it sends, and the components it owns.

Two times meet here. Local rules and exchanges go by this shard's watermark. A component's tick is
judged when all shards have spoken of it, by the rule set that they judged it by.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.groups import (
    Collector,
    Exchanges,
    External,
    GroupEvaluator,
    Moment,
    OwnerSource,
    RecordedOnly,
    Stopwatch,
    Whole,
    mirror,
)
from engine.limits import Limits
from engine.owner import Chunk, Output
from engine.plan import EMPTY_PLAN, Component, Exchange, Plan, PromGroup
from engine.series import Selector, Vector
from engine.shard.ring_feeds import RingFeeds
from engine.shard.ticks import GroupTicks
from engine.vector import Source

LOCAL: Final = "local"
OWNED: Final = "owned"


class ShardGroups:
    """All that a shard does for Prometheus rules; the shard's owner says when."""

    def __init__(
        self,
        shard: int,
        shards: int,
        plan_of: Callable[[str], Plan],
        limits: Limits,
        external: External,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self.shard, self.shards, self.plan_of, self.limits = shard, shards, plan_of, limits
        self.external, self.stopwatch = external, stopwatch
        self.feeds = RingFeeds(shard, shards, limits)
        self.ticks = GroupTicks()
        self.local: dict[str, GroupEvaluator] = {}  # by tenant
        self.exchanges = Exchanges(shard, shards, limits)
        self.digest = ""  # of the plan of local ticks
        self.collector = Collector(shards, limits)
        self.owned: dict[str, GroupEvaluator] = {}  # by tenant
        self.owned_digest = ""
        self._plans: dict[str, Plan] = {}  # of vectors that wait: no plan may be missing then
        self.sources: dict[str, OwnerSource] = {}

    def add(
        self,
        series: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        values: npt.NDArray[Any],
    ) -> None:
        """Take samples of metrics. Shapes: series i64[n], -1 for none; times i64[n]; f64[n]."""
        mirrored = self.feeds.add(series, times, values)
        for (tenant, selector), (sets, at_ms, held) in mirrored.items():
            self.exchanges.mirror(tenant, selector, sets, at_ms, held)

    # -- this shard's ticks ---------------------------------------------------------------------

    def use(self, plan: Plan, from_ms: int | None, moment: Moment) -> list[Output]:
        """Judge by another plan the ticks after `from_ms`; returns the ends of alerts gone."""
        self.digest = plan.digest
        self.ticks.use({group.interval_ms for group in plan.prom.groups}, from_ms)
        self.exchanges.use(plan.prom.components)
        by_tenant = _by_tenant(plan.prom.local)
        reads = _reads((), plan)
        return self._switch(self.local, by_tenant, reads, from_ms or 0, moment)

    def tick(self, at_ms: int, due: Sequence[int], moment: Moment) -> Iterator[Output]:
        """Judge the local groups of a tick and yield what owners need of it."""
        for source in self.feeds.sources.values():
            source.forget()
        for tenant, evaluator in sorted(self.local.items()):
            yield from evaluator.tick(at_ms, self.feeds.sources[tenant], due, moment)
        yield from self.exchanges.tick(at_ms, due, self._read_by_tenant(), self.digest)
        self.feeds.rings.tick_passed(at_ms)
        self.ticks.made(at_ms, due)

    def _read_by_tenant(self) -> dict[str, list[Source]]:
        """Return the sources of each tenant: its series, then what is recorded here."""
        found: dict[str, list[Source]] = {}
        for tenant, source in self.feeds.sources.items():
            found[tenant] = [source]
            if tenant in self.local:
                found[tenant].append(self.local[tenant].recorded.source)
            if tenant in self.owned:
                mine = [
                    history
                    for name, history in self.collector.histories.items()
                    if self.collector.tenants[name] == tenant
                ]
                found[tenant].append(RecordedOnly(self.owned[tenant].recorded.source, mine))
        return found

    # -- components -----------------------------------------------------------------------------

    def take(self, vector: Vector, moment: Moment) -> Iterator[Output]:
        """Take a shard's vector and judge what is whole now."""
        if vector.digest not in self._plans:
            self._plans[vector.digest] = self.plan_of(vector.digest)
        self.collector.take(vector)
        for whole in self.collector.whole():
            if whole.digest != self.owned_digest:
                yield from self.own(self._plans[whole.digest], whole.at_ms, moment)
                awaited = self.collector.digests() | {whole.digest}
                self._plans = {key: self._plans[key] for key in sorted(awaited)}
            yield from self._judge(whole, moment)

    def own(self, plan: Plan, at_ms: int, moment: Moment) -> list[Output]:
        """Judge this shard's components by another plan from the tick at `at_ms` on."""
        mine = [one for one in plan.prom.components if one.owner % self.shards == self.shard]
        self.owned_digest = plan.digest
        self.collector.use(_exchanges(mine))
        groups = _by_tenant(group for one in mine for group in one.groups)
        outputs = self._switch(self.owned, groups, _reads(mine, plan), at_ms, moment)
        for tenant, evaluator in self.owned.items():
            longs = [long for one in mine for long in one.longs if long.tenant == tenant]
            evaluator.recorded.longs.use(replace(long, tenant="") for long in longs)
        self.sources = {
            tenant: OwnerSource(evaluator.recorded.source, self.collector.histories)
            for tenant, evaluator in self.owned.items()
        }
        return outputs

    def _judge(self, whole: Whole, moment: Moment) -> Iterator[Output]:
        for sender, block in self.collector.fold(whole):
            history = self.collector.histories[block.exchange]
            tenant = self.collector.tenants[block.exchange]
            mirror(self.owned[tenant].recorded, *history.samples(sender, block))
        for tenant, evaluator in sorted(self.owned.items()):
            self.sources[tenant].forget()
            yield from evaluator.tick(whole.at_ms, self.sources[tenant], whole.due, moment)
        self.collector.passed(whole.at_ms)

    def _switch(
        self,
        held: dict[str, GroupEvaluator],
        groups: Mapping[str, list[PromGroup]],
        reads: Mapping[str, list[tuple[Selector, int]]],
        at_ms: int,
        moment: Moment,
    ) -> list[Output]:
        outputs: list[Output] = []
        for tenant in sorted({*held, *groups}):
            wanted, read = groups.get(tenant, []), reads.get(tenant, [])
            if tenant in held:
                outputs += held[tenant].switch(wanted, read, at_ms, moment)
            else:
                held[tenant] = GroupEvaluator(
                    wanted, self.limits, reads=read, external=self.external,
                    stopwatch=self.stopwatch,
                )  # fmt: skip
            if not wanted:
                del held[tenant]
        return outputs

    # -- listings -------------------------------------------------------------------------------

    def evaluators(self) -> Iterator[GroupEvaluator]:
        """Yield what judges this shard's local groups and the components that it owns."""
        for held in (self.local, self.owned):
            for _, evaluator in sorted(held.items()):
                yield evaluator

    # -- state ----------------------------------------------------------------------------------

    def chunks(self, known: Mapping[str, int], version: int) -> Iterator[Chunk]:
        """Yield the state of rings, evaluators, what was sent and what has come."""
        if self.feeds.rings.rows:
            yield from self.feeds.rings.chunks(known)
        yield from self.feeds.longs.chunks(known)
        yield from _prefixed("exchanges/", known, lambda part: self.exchanges.chunks(part, version))
        yield from _prefixed("owner/", known, lambda part: self.collector.chunks(part, version))
        for kind, held in ((LOCAL, self.local), (OWNED, self.owned)):
            for tenant, evaluator in sorted(held.items()):
                yield from _prefixed(
                    f"{kind}/{tenant}/", known,
                    lambda part, evaluator=evaluator: evaluator.chunks(part, version),  # type: ignore[misc]
                )  # fmt: skip

    def restore(self, chunks: Mapping[str, bytes]) -> None:
        """Take back chunks; the plans of then are in use already. Raises MissingPlanError."""
        for name, payload in chunks.items():
            room, _, rest = name.partition("/")
            if room == "ring":
                self.feeds.rings.restore(name, payload)
            elif room == "long":
                self.feeds.longs.restore(name, payload)
            elif room == "exchanges":
                self.exchanges.restore(rest, payload)
            elif room == "owner":
                self.collector.restore(rest, payload)
            elif room in (LOCAL, OWNED):
                tenant, _, part = rest.partition("/")
                (self.local if room == LOCAL else self.owned)[tenant].restore(part, payload)
        self._plans = {digest: self.plan_of(digest) for digest in sorted(self.collector.digests())}

    def restore_plans(self, plan: Plan, owned_digest: str, moment: Moment) -> None:
        """Use the plans of a snapshot before its chunks are taken back."""
        self.use(plan, None, moment)
        owned = self.plan_of(owned_digest) if owned_digest else EMPTY_PLAN
        self.own(owned, 0, moment)


def _by_tenant(groups: Iterable[PromGroup]) -> dict[str, list[PromGroup]]:
    found: dict[str, list[PromGroup]] = {}
    for group in groups:
        found.setdefault(group.tenant, []).append(group)
    return found


def _reads(components: Iterable[Component], plan: Plan) -> dict[str, list[tuple[Selector, int]]]:
    """Return what is read of recorded series, by tenant: selectors and need_ms."""
    needs: dict[str, dict[Selector, int]] = {}
    for tenant, selector, need_ms in plan.prom.unnamed:
        needs.setdefault(tenant, {})[selector] = need_ms
    for component in components:
        mine = needs.setdefault(component.groups[0].tenant, {})
        for selector, need_ms in component.reads:
            mine[selector] = max(mine.get(selector, 0), need_ms)
    return {tenant: list(mine.items()) for tenant, mine in needs.items()}


def _exchanges(components: Iterable[Component]) -> dict[str, tuple[str, Exchange]]:
    found: dict[str, tuple[str, Exchange]] = {}
    for component in components:
        for exchange in component.exchanges:
            tenant = component.groups[0].tenant
            held = found.get(exchange.id)
            found[exchange.id] = tenant, exchange if held is None else held[1].joined(exchange)
    return found


def _prefixed(
    prefix: str, known: Mapping[str, int], chunks: Callable[[Mapping[str, int]], Iterable[Chunk]]
) -> Iterator[Chunk]:
    """Yield the chunks of a part under a prefix, which it does not know of."""
    mine = {
        name.removeprefix(prefix): version
        for name, version in known.items()
        if name.startswith(prefix)
    }
    for chunk in chunks(mine):
        yield chunk._replace(name=prefix + chunk.name)
