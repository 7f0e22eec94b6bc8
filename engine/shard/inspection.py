"""What a shard can say of series and expressions that somebody only asks about.

It changes nothing: no selector is added to an index, no window is opened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.groups import RingSource, SeriesIndex
from engine.promql import Expr
from engine.series import NEVER_MS, Selector, parse
from engine.shard.owner import ShardOwner
from engine.vector import Annotations, Evaluator, Matrix, label_set

LOOKED_AT: Final = 50  # series whose samples are looked at
_SAMPLES: Final = 32  # of each
_AT_ONCE: Final = 5_000  # series that an expression is evaluated over without a pause


@dataclass(frozen=True, slots=True)
class Held:
    """The rings of some series."""

    series: int  # that have one with samples in it
    gaps_ms: tuple[int, ...]  # between samples, the middle one of each series looked at


def held(owner: ShardOwner, series: Sequence[int]) -> Held:
    """Look at the rings of series, given by number."""
    rings = owner.groups.feeds.rings
    ids = np.array(series, np.int64)
    ids = ids[rings.holding(ids)]
    table, times, _, _ = rings.arrays()
    gaps = []
    for ring in table[ids[:: max(1, ids.size // LOOKED_AT)][:LOOKED_AT]]:
        end = int(ring["offset"] + ring["start"] + ring["count"])
        shown = times[end - min(int(ring["count"]), _SAMPLES) : end].astype(np.int64)
        if shown.size > 1:
            gaps.append(int(np.median(np.diff(shown))))
    return Held(ids.size, tuple(gaps))


def covers(owner: ShardOwner, tenant: str, selector: Selector, reach_ms: int) -> bool:
    """Say whether rings hold all samples that a selector reads, that far back.

    They do where a rule in force reads all of its series: its matchers are among the selector's.
    """
    asked = set(selector)
    return any(
        feed.tenant == tenant and need_ms >= reach_ms and asked.issuperset(feed.selector)
        for feed, need_ms in (
            (owner.plan.feeds[number], need_ms) for number, need_ms in owner.plan.ring_ms.items()
        )
    )


def rows_now(owner: ShardOwner, expr: Expr, series: Sequence[int]) -> Iterator[int]:
    """Yield how many rows an expression gives as of the shard's watermark, some series at a time.

    It must keep series apart (engine.plan.place calls it local). Raises: EvaluationError.
    """
    at_ms = owner.watermark.watermark_ms
    if at_ms == NEVER_MS:
        return
    times = np.array([at_ms], np.int64)
    for first in range(0, len(series), _AT_ONCE):
        index = SeriesIndex()
        for number in series[first : first + _AT_ONCE]:
            index.add(number, label_set(parse(owner.series.raw[number])[1]))
        source = RingSource(index, owner.groups.feeds.rings)
        evaluator = Evaluator(expr)
        value = evaluator.evaluate(source, times, Annotations(), start_ms=at_ms, end_ms=at_ms)
        assert isinstance(value, Matrix), value
        yield int(np.count_nonzero(evaluator.finish(value).mask))
