"""What the rules read: which shards want a series, which fields and filters of a log."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from engine.plan import Feed, Plan, Predicate
from engine.series import METRIC_NAME, group_hash, selects, series_hash

RESERVED = frozenset({"timestamp", "labels", "message"})


class Projection:
    """The union of what some plans read (the plan in use and the one that comes next)."""

    def __init__(self, plans: Sequence[Plan], shards: int) -> None:
        self.shards = shards
        feeds = {feed.id: feed for plan in plans for feed in plan.feeds}
        self.metrics: dict[str, list[Feed]] = {}
        self.unnamed: list[Feed] = []
        self.logs = [feed for feed in feeds.values() if feed.kind == "logs"]
        for feed in feeds.values():
            if feed.kind == "metrics":
                name = next(
                    (m.value for m in feed.selector if (m.name, m.operator) == (METRIC_NAME, "=")),
                    None,
                )
                (self.unnamed if name is None else self.metrics.setdefault(name, [])).append(feed)
        predicates = {feed.predicate for feed in self.logs if feed.predicate is not None}
        self.predicates = sorted(predicates, key=lambda predicate: predicate.id)
        self.tests = [compile_predicate(predicate) for predicate in self.predicates]
        log_leaves = [
            leaf for plan in plans for leaf in plan.leaves if plan.feeds[leaf.feed].kind == "logs"
        ]
        fields = {(leaf.store == "distinct", leaf.field) for leaf in log_leaves if leaf.field}
        self.hashes = sorted(name for distinct, name in fields if distinct)
        self.numbers = sorted(name for distinct, name in fields if not distinct)
        names = {name for feed in self.logs for name in feed.by or ()}
        names |= {matcher.name for feed in self.logs for matcher in feed.selector}
        self.promoted = sorted(names - RESERVED)  # fields that may stand in for labels
        self.fields = sorted({*self.hashes, *self.numbers, *self.promoted} - RESERVED)

    def targets(self, tenant: str, labels: Mapping[str, str]) -> list[int]:
        """Return the shards that want a series, sorted; none where no rule reads it."""
        name = labels.get(METRIC_NAME)
        feeds = self.logs if name is None else [*self.metrics.get(name, []), *self.unnamed]
        found = set()
        whole: int | None = None  # the shard of a series by itself
        for feed in feeds:
            if feed.by is None and whole is not None:
                continue
            if feed.tenant == tenant and selects(feed.selector, labels):
                if feed.by is None:
                    whole = series_hash(tenant, labels) % self.shards
                    found.add(whole)
                    continue
                values = [labels.get(by, "") for by in feed.by]
                found.add(group_hash(tenant, feed.by, values) % self.shards)
        return sorted(found)


@lru_cache(maxsize=1024)
def compile_predicate(predicate: Predicate) -> Callable[[str], bool]:
    """Return a test of one line: every filter must pass."""
    tests = [_test(operator, text) for operator, text in predicate.filters]
    if len(tests) == 1:
        return tests[0]
    return lambda line: all(test(line) for test in tests)


def _test(operator: str, text: str) -> Callable[[str], bool]:
    if operator == "|=":
        return lambda line: text in line
    if operator == "!=":
        return lambda line: text not in line
    search = re.compile(text).search
    if operator == "|~":
        return lambda line: search(line) is not None
    return lambda line: search(line) is None
