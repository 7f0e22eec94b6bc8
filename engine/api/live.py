"""What is known of series that rules would read: the question, the answer, answers together."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from engine.promql import Expr
from engine.rules import may_explode
from engine.series import Selector, count_together, translate

_NEAR: Final = 3


class Inspect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked: selectors such as `up{job="web"}`, and whole expressions of rules."""

    tenant: str = "default"
    selectors: list[str] = []
    expressions: list[str] = []


class Asked(msgspec.Struct, frozen=True):
    """The same, read."""

    tenant: str
    selectors: list[tuple[str, Selector]]
    expressions: list[tuple[str, Expr]]


class Counted(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many series; `smallest` lets several workers' be counted together."""

    number: int
    exact: bool = True
    smallest: list[int] = []


class LiveMatcher(msgspec.Struct, frozen=True):
    """One matcher among the series of the metric; counts are of the worker that has most."""

    matcher: str
    labelled: int  # have the label
    passed: int
    near: list[str] = []  # values that it may have meant


class LiveSelector(msgspec.Struct, frozen=True, kw_only=True):
    """What one selector would read."""

    selector: str
    metric: Counted | None  # series of the metric; None: no equality fixes its name
    series: Counted  # that pass all matchers
    held: int = 0  # of them have samples in memory now
    gaps_ms: list[int] = []  # between samples, of some of these; the middle one once merged
    matchers: list[LiveMatcher] = []
    near: list[str] = []  # metrics that it may have meant


class LiveExpression(msgspec.Struct, frozen=True):
    """How many rows an expression gives now, before any `for`; None: not known, and why."""

    expression: str
    rows: int | None
    why: str = ""


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one worker, or of all."""

    shards: list[int]  # that were asked
    of: int  # shards that there are
    whole: bool = True  # False: not all series were looked at in time
    selectors: list[LiveSelector]
    expressions: list[LiveExpression]
    silent: list[str] = []  # workers that did not answer


def is_costly(selector: Selector) -> bool:
    """Say whether a pattern may take exponential time; such a selector is not asked about."""
    try:
        return any(m.operator in ("=~", "!~") and may_explode(translate(m.value)) for m in selector)
    except (re.error, RecursionError):
        return True


def merged(answers: Sequence[Inspected], silent: Sequence[str]) -> Inspected:
    """Return what workers say together; each was asked the same."""
    of = max(answer.of for answer in answers)
    shards = sorted({shard for answer in answers for shard in answer.shards})
    missing = sorted(set(range(of)) - set(shards))
    why = f"shards that nobody answered for: {', '.join(map(str, missing))}" if missing else ""
    return Inspected(
        shards=shards,
        of=of,
        whole=all(answer.whole for answer in answers) and not silent,
        selectors=[_selector(each) for each in zip(*(a.selectors for a in answers), strict=True)],
        expressions=[
            _expression(each, why) for each in zip(*(a.expressions for a in answers), strict=True)
        ],
        silent=sorted(silent),
    )


def _selector(each: Sequence[LiveSelector]) -> LiveSelector:
    metrics = [one.metric for one in each if one.metric is not None]
    metric = _counted(metrics) if metrics else None
    gaps = sorted(gap for one in each for gap in one.gaps_ms)
    return LiveSelector(
        selector=each[0].selector,
        metric=metric,
        series=_counted([one.series for one in each]),
        held=sum(one.held for one in each),
        gaps_ms=gaps[len(gaps) // 2 :][:1],
        matchers=[_matcher(m) for m in zip(*(one.matchers for one in each), strict=True)],
        near=[] if metric is None or metric.number else _first(one.near for one in each),
    )


def _counted(parts: Sequence[Counted]) -> Counted:
    return Counted(*count_together(part.smallest for part in parts))


def _matcher(each: Sequence[LiveMatcher]) -> LiveMatcher:
    passed = max(one.passed for one in each)
    return LiveMatcher(
        each[0].matcher,
        max(one.labelled for one in each),
        passed,
        [] if passed else _first(one.near for one in each),
    )


def _first(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(text for texts in lists for text in texts))[:_NEAR]


def _expression(each: Sequence[LiveExpression], why: str) -> LiveExpression:
    unknown = why or next((one.why for one in each if one.rows is None), "")
    rows = None if unknown else sum(one.rows or 0 for one in each)
    return LiveExpression(each[0].expression, rows, unknown)
