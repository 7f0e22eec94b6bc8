"""What this worker knows of the series that somebody asks about: its source stage and its shards.

Counting labels takes a while and runs in a thread, over lists that only grow; rings are looked at
in the event loop, a little at a time, because their owners write to them there.
"""

import asyncio
import difflib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine import api
from engine.errors import TocsinError
from engine.plan import PromGroup, PromRule, place, reach_ms
from engine.promql import Expr, VectorSelector, walk
from engine.series import Census, MatcherMet, Met, Selector, sketch_of
from engine.shard import ShardOwner, covers, held, rows_now

if TYPE_CHECKING:
    from engine.worker.worker import Worker

COUNT_S: Final = 4.0  # an answer may be incomplete, and says so, but it comes
EVALUATE_S: Final = 4.0
_NEAR: Final = 3
_NEAR_NAMES_MAX: Final = 5_000
_MISSING_MAX: Final = 20  # metrics whose neighbours are looked for
_SOURCES: Final = -1  # the holder that is no shard
_FAR_MS: Final = 1 << 40  # as if rings had no limit: `covers` says what they hold


class Inspecting:
    """Answers one question at a time."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._lock = asyncio.Lock()

    async def inspect(self, asked: api.Asked) -> api.Inspected:
        """Say what series, samples and rows there are here."""
        async with self._lock:
            return await self._inspect(asked)

    async def _inspect(self, asked: api.Asked) -> api.Inspected:
        expressions = [(text, expr, _selector(expr)) for text, expr in asked.expressions]
        selectors = [selector for _, selector in asked.selectors]
        read = [selector for _, _, selector in expressions if selector is not None]
        census = Census(asked.tenant, [*selectors, *read])
        owners = {
            shard: owner
            for shard, owner in self._worker.streams.shards.items()
            if isinstance(owner, ShardOwner)
        }
        book = self._worker.stage.dictionary
        series = {shard: (list(o.series.keys), list(o.series.raw)) for shard, o in owners.items()}
        series[_SOURCES] = (list(book.by_key), list(book.raw))
        near = await asyncio.to_thread(_count, census, series)
        found = []
        for (text, _), met in zip(asked.selectors, census.met, strict=False):
            found.append(self._selected(text, met, owners, near))
            await asyncio.sleep(0)
        rows = await self._rows(asked.tenant, expressions, census.met[len(selectors) :], owners)
        return api.Inspected(
            shards=sorted(owners), of=self._worker.config.shards, whole=census.whole,
            selectors=found, expressions=rows,
        )  # fmt: skip

    def _selected(
        self, text: str, met: Met, owners: dict[int, ShardOwner], near: dict[str, list[str]]
    ) -> api.LiveSelector:
        rings = [held(owners[s], places) for s, places in met.held.items() if s in owners]
        return api.LiveSelector(
            selector=text,
            metric=None if met.name is None else _counted(met.metric),
            series=_counted(met.series),
            held=sum(ring.series for ring in rings),
            gaps_ms=[gap for ring in rings for gap in ring.gaps_ms],
            matchers=[_matcher(one) for one in met.matchers],
            near=near.get(met.name or "", []),
        )

    async def _rows(
        self, tenant: str, expressions: Sequence[tuple[str, Expr, Selector | None]],
        met: Sequence[Met], owners: dict[int, ShardOwner],
    ) -> list[api.LiveExpression]:  # fmt: skip
        answers, left = [], iter(met)
        end_s = time.monotonic() + EVALUATE_S
        for text, expr, selector in expressions:
            why, total = self._unknown(tenant, expr, selector, owners), 0
            places = next(left).held if selector is not None else {}
            for shard, owner in owners.items():
                if why:
                    break
                try:
                    for rows in rows_now(owner, expr, places.get(shard, [])):
                        total += rows
                        await asyncio.sleep(0)
                except TocsinError as error:
                    why = str(error)
                if time.monotonic() > end_s:
                    why = why or "there was no time for it"
            answers.append(api.LiveExpression(text, None if why else total, why))
        return answers

    def _unknown(
        self, tenant: str, expr: Expr, selector: Selector | None, owners: dict[int, ShardOwner]
    ) -> str:
        """Say why an expression cannot be evaluated over what is held, "" where it can."""
        if selector is None:
            return "it joins or sums series of several shards"
        far_ms = reach_ms(expr, _FAR_MS)
        if not all(covers(owner, tenant, selector, far_ms) for owner in owners.values()):
            return "no rule in force reads all of these samples"
        return ""


def _selector(expr: Expr) -> Selector | None:
    """Return what an expression reads, if each shard can evaluate it by itself."""
    rule = PromRule("alert", "asked", "asked", "", "", 0, "", expr)
    group = PromGroup("default", "asked", "", 60_000, (rule,))
    if not place([group], _FAR_MS).local:
        return None
    return next(node.selector for node in walk(expr) if isinstance(node, VectorSelector))


def _count(
    census: Census, series: dict[int, tuple[list[bytes], list[bytes]]]
) -> dict[str, list[str]]:
    """Count in every holder; returns the metrics that missing ones may have meant."""
    end_s = time.monotonic() + COUNT_S
    for holder, (keys, raw) in series.items():
        census.take(holder, keys, raw, lambda: time.monotonic() > end_s)
    missing = {met.name for met in census.met if met.name and not met.metric}
    if len(census.names) > _NEAR_NAMES_MAX:
        return {}
    names = sorted(census.names)
    return {
        name: difflib.get_close_matches(name, names, _NEAR)
        for name in sorted(missing)[:_MISSING_MAX]
    }


def _counted(series: set[int]) -> api.Counted:
    return api.Counted(len(series), True, sketch_of(series))


def _matcher(met: MatcherMet) -> api.LiveMatcher:
    near: list[str] = []
    if not met.passed:
        values = sorted(met.values)
        near = difflib.get_close_matches(met.matcher.value, values, _NEAR) or values[:_NEAR]
    return api.LiveMatcher(str(met.matcher), met.labelled, met.passed, near)
