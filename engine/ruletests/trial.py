"""A pipeline under a virtual clock, for a rule test: samples in, alerts and results out.

Nothing is evaluated here. Samples go to the source stage as senders write them, and what the
shard owners say is read from their topics and listings.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from engine.alerts import AlertRecord, RuleHealth, decode
from engine.groups import ActiveAlert, External, QueryResult, decode_result
from engine.limits import Limits
from engine.plan import PromGroup, PromRule
from engine.promql import Expr
from engine.replay import Pipeline
from engine.rules import RuleSet, compile_plan
from engine.ruletests.encode import STALE_BITS, Sample, metric_record, write_request
from engine.ruletests.model import ExpectedAlert
from engine.sources import SourceSpec

FOREVER_MS: Final = 1 << 60
METRICS: Final = "metrics"
LOGS: Final = "logs"
# A mark of t says that nothing older than t is to come; rows of t itself may. So ticks of t run
# at the mark of t + 1.
LATENESS_MS: Final = 1


def lifted(limits: Limits) -> Limits:
    """Return limits that let a test's time and ranges be what they are."""
    return replace(
        limits, ring_ms_max=FOREVER_MS, future_ms_max=FOREVER_MS, past_ms_max=FOREVER_MS,
        ring_rows_max=max(limits.ring_rows_max, 10_000_000),
    )  # fmt: skip


def query_group(number: int, text: str, expr: Expr, every_ms: int, offset_ms: int = 0) -> PromGroup:
    """Return a group that evaluates one expression at multiples of `every_ms`.

    `offset_ms`: evaluated as of so long before the tick, over what is known at the tick.
    """
    name = f"query {number}"
    rule = PromRule(
        kind="query", name=str(number), identity=name, version=f"{number} {text}", file="", line=0,
        text=text, expr=expr,
    )  # fmt: skip
    return PromGroup("default", name, "", max(every_ms, 1), (rule,), offset_ms)


class Trial:
    """Owners of a few shards, with rules and queries."""

    def __init__(
        self,
        rules: RuleSet,
        groups: Sequence[PromGroup],
        limits: Limits,
        shards: int = 3,
        external: External | None = None,
    ) -> None:
        """`groups` take the place of the set's own Prometheus groups."""
        mine, bounds = replace(rules, prom=tuple(groups)), lifted(limits)
        sources = [
            SourceSpec(METRICS, "metrics", LATENESS_MS, 1),
            SourceSpec(LOGS, "logs", LATENESS_MS, 1),
        ]
        plan = compile_plan(mine, bounds)
        # What names no metric sees recorded series where shards record them: tick by tick.
        self.at_once = not plan.prom.unnamed
        self.pipe = Pipeline(
            plan, sources, shards, bounds, external=external,
            http_lateness_ms={"@ingest": LATENESS_MS, "@write": LATENESS_MS},
        )  # fmt: skip
        self._identities = {rule.identity for rule in rules.rules}
        self._heard = self._marked_ms = 0
        self._failed: list[RuleHealth] = []
        self._native: dict[str, AlertRecord] = {}  # firing, by episode

    def feed(self, samples: Sequence[Sample], logs: Iterable[bytes], now_ms: int) -> None:
        """Send what arrives at a time: JSON records, and staleness markers by remote write."""
        plain = [metric_record(one) for one in samples if one.bits != STALE_BITS]
        stale = [one for one in samples if one.bits == STALE_BITS]
        if plain:
            self.pipe.feed(METRICS, 0, plain, now_ms)
        lines = list(logs)
        if lines:
            self.pipe.feed(LOGS, 0, lines, now_ms)
        if stale:
            self.pipe.post("write", write_request(stale), now_ms)

    def mark(self, at_ms: int) -> None:
        """Say that everything up to and with a time has come."""
        self.pipe.mark(at_ms + LATENESS_MS)
        self._marked_ms = at_ms + LATENESS_MS

    def judge(self) -> None:
        """Run every tick up to the last mark; what was fed and marked is read in its order."""
        self.pipe.run(self._marked_ms)

    def failures(self) -> list[RuleHealth]:
        """Return the rules that began to fail since this was asked last."""
        self._hear()
        failed, self._failed = self._failed, []
        return failed

    def firing(self) -> dict[str, list[ExpectedAlert]]:
        """Return all firing alerts by name, as they are now."""
        self._hear()
        found: dict[str, list[ExpectedAlert]] = {}
        alerts: list[ActiveAlert | AlertRecord] = list(self._native.values())
        alerts += [one for one in self.pipe.active_alerts() if one.state == "firing"]
        for alert in alerts:
            told = ExpectedAlert(
                tuple(sorted(alert.labels.items())), tuple(sorted(alert.annotations.items()))
            )
            found.setdefault(alert.rule, []).append(told)
        return found

    def _hear(self) -> None:
        """Read what is new on the topic of alerts: failing rules, alerts of native rules."""
        records = self.pipe.alerts.records
        for entry in (decode(record.value or b"") for record in records[self._heard :]):
            if isinstance(entry, RuleHealth) and entry.health == "err":
                self._failed.append(entry)
            elif isinstance(entry, AlertRecord) and entry.rule_id in self._identities:
                self._native.pop(entry.episode, None)
                if entry.state == "firing":
                    self._native[entry.episode] = entry
        self._heard = len(records)

    def results(self) -> list[QueryResult]:
        """Return every result of every query so far."""
        return [decode_result(record.value or b"") for record in self.pipe.results.records]


def number_of(value: object) -> float:
    """Return the number of a result's row."""
    return float(value) if isinstance(value, int | float | str) else math.nan
