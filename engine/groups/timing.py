"""How long evaluations took: told to people, never to a decision.

Whoever makes an owner may hand it a stopwatch; without one nothing is measured.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from engine import metrics

if TYPE_CHECKING:
    from engine.groups.evaluator import GroupEvaluator
    from engine.groups.rule import JudgedGroup

Stopwatch = Callable[[], float]
"""Returns seconds since some moment; they never run backwards."""

EVALUATIONS = metrics.counter(
    "tocsin_rule_evaluations_total", "Evaluations of Prometheus rules, one for each shard."
)
FAILURES = metrics.counter("tocsin_rule_evaluation_failures_total", "Those that failed.")

_timed: "WeakSet[GroupEvaluator]" = WeakSet()


class Laps:
    """Seconds between one call and the next."""

    def __init__(self, stopwatch: Stopwatch | None) -> None:
        self._stopwatch = stopwatch
        self._last_s = 0.0
        self()

    def __call__(self) -> float:
        """Return the seconds since the last call; 0 without a stopwatch."""
        if self._stopwatch is None:
            return 0.0
        last_s, self._last_s = self._last_s, self._stopwatch()
        return self._last_s - last_s


def timed(evaluator: "GroupEvaluator") -> None:
    """Tell in the metrics how long the groups of this evaluator take, while it lives."""
    _timed.add(evaluator)


def _by_group(
    read: "Callable[[JudgedGroup], float]", fold: Callable[[Iterable[float]], float]
) -> Iterator[tuple[tuple[str], float]]:
    """Yield a number of each group among the evaluators that have ticked.

    A group may be in parts, judged by shards and by an owner: of the same part in several shards
    the highest number counts, and `fold` makes those of parts one.
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    for evaluator in list(_timed):
        for judged in evaluator.groups:
            if judged.ticked_ms is not None and judged.rules:
                parts = found.setdefault((judged.group.file, judged.group.name), {})
                part, number = judged.rules[0].rule.identity, read(judged)
                parts[part] = max(number, parts.get(part, number))
    for (file, name), parts in found.items():
        yield (f"{file};{name}",), fold(parts.values())


metrics.asked_gauge(
    "tocsin_rule_group_last_duration_seconds",
    "How long the last evaluation of a group took, of the slowest shard here.",
    ["rule_group"],
    lambda: _by_group(lambda judged: judged.seconds, sum),
)
metrics.asked_gauge(
    "tocsin_rule_group_last_evaluation_timestamp_seconds",
    "The tick that a group was evaluated at last, of the foremost shard here.",
    ["rule_group"],
    lambda: _by_group(lambda judged: (judged.ticked_ms or 0) / 1_000, max),
)
metrics.asked_gauge(
    "tocsin_rule_group_interval_seconds",
    "The interval of a group.",
    ["rule_group"],
    lambda: _by_group(lambda judged: judged.group.interval_ms / 1_000, max),
)
