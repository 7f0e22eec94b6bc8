"""Evaluate rule groups at ticks: results to recorded series, alerts and the log.

One evaluator for the local groups of a shard, one for each component that the shard owns.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from engine.alerts import Change
from engine.errors import SnapshotError
from engine.groups.alerting import Alerting
from engine.groups.announce import External, Moment, alert_output, health_output
from engine.groups.expression import Queries
from engine.groups.health import RuleState
from engine.groups.listing import ActiveAlert, RuleStatus
from engine.groups.recorded import Recorded, Series
from engine.groups.rule import JudgedGroup, JudgedRule, carried, judge
from engine.groups.state import CORE, freeze, thaw
from engine.groups.timing import EVALUATIONS, FAILURES, Laps, Stopwatch, timed
from engine.groups.watching import Due, Watch
from engine.limits import Limits
from engine.owner import Chunk, Output
from engine.plan import PromGroup
from engine.series import Selector
from engine.vector import Source

Reads = Sequence[tuple[Selector, int]]
_ENDS = ("resolved", "inactive")


class GroupEvaluator:
    """Groups in order, rules in order, at the ticks that the owner says are due.

    State (alerts, health, recorded series) is a function of the ticks and of what the sources
    gave; `chunks` and `restore` keep it. Nothing raises because of a rule: it becomes its health.
    """

    def __init__(
        self,
        groups: Sequence[PromGroup],
        limits: Limits,
        *,
        reads: Reads = (),
        external: External | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        """`reads`: what is read of the series that these groups record, see Recorded.use.

        `stopwatch`: tells how long evaluations take; nothing is decided by it.
        ALERTS and ALERTS_FOR_STATE are written only where a selector of `reads` may match them.
        """
        self.limits = limits
        self.external = external or External()
        self.recorded = Recorded(limits)
        self.recorded.use(reads)
        self.queries = Queries()
        self.groups = [self._judged(group) for group in groups]
        self._by_key: dict[str, JudgedRule] | None = None
        self._watch: Watch | None = None  # made anew for other groups and sources
        self._settled = True  # no tick since the last `settle`
        self.ended: Series = np.empty(0, np.int64)  # of rules that are gone, stale at the next tick
        self.stopwatch = stopwatch
        if stopwatch is not None:
            timed(self)

    def _judged(
        self, group: PromGroup, before: Mapping[tuple[str, str], JudgedRule] | None = None
    ) -> JudgedGroup:
        held = before or {}
        rules = [
            JudgedRule.make(
                group, rule, self.recorded, self.external, self.limits,
                held.get((group.tenant, rule.identity)),
            )
            for rule in group.rules
        ]  # fmt: skip
        return JudgedGroup(group, rules)

    def tick(
        self, at_ms: int, source: Source, intervals: Collection[int], moment: Moment
    ) -> list[Output]:
        """Evaluate every group whose interval_ms is in `intervals`, at `at_ms`.

        Returns alert records and health records for `alerts`, query results for `results`.
        `source` gives raw series (rings, or what shards sent) and, for an owner, the rows of
        `self.recorded.source`, which change from rule to rule: it must not cache those.
        """
        self.queries.use(source, at_ms)
        outputs: list[Output] = []
        watch, lap = self._watched(source), Laps(self.stopwatch)
        self._settled = False
        due = watch.due(at_ms, intervals)
        took = watch.took(lap(), intervals)
        for one in due:
            outputs += self._evaluate(one, at_ms, source, moment)
            one.done()
            one.rule.state.seconds = seconds = lap()
            took[id(one.group)] = took.get(id(one.group), 0.0) + seconds
        ticked = [judged for judged in self.groups if judged.group.interval_ms in intervals]
        for judged in ticked:
            judged.ticked_ms, judged.seconds = at_ms, took.get(id(judged.group), 0.0)
        EVALUATIONS.inc(sum(len(judged.rules) for judged in ticked))
        if self.ended.size:
            self.recorded.end(self.ended, at_ms)
            self.ended = np.empty(0, np.int64)
        self.recorded.rings.tick_passed(at_ms)
        return outputs

    def _watched(self, source: Source) -> Watch:
        if self._watch is None or self._watch.source is not source:
            self.settle()
            rules = [(judged.group, rule) for judged in self.groups for rule in judged.rules]
            self._watch = Watch(rules, source)
        return self._watch

    def settle(self) -> None:
        """Bring every rule to the last tick: watching leaves alone what has no news."""
        if self._watch is not None and not self._settled:
            self._watch.settle()
            self._settled = True

    def _evaluate(self, one: Due, at_ms: int, source: Source, moment: Moment) -> list[Output]:
        group, rule = one.group, one.rule
        was = rule.state.health
        changes, said = judge(group, rule, at_ms, source, self.queries, one.result())
        outputs = self._announce(group, rule, changes, at_ms, moment)
        _stamp(rule, moment)
        if said is not None:
            outputs.append(said)
        now = rule.state.health
        FAILURES.inc(now == "err")
        if now != was and "err" in (now, was) and rule.kind != "query":
            outputs.append(
                health_output(group, rule.rule, now, rule.state.error, at_ms, moment.shard)
            )
        return outputs

    def _announce(
        self, group: PromGroup, rule: JudgedRule, changes: Sequence[Change], at_ms: int,
        moment: Moment,
    ) -> list[Output]:  # fmt: skip
        if not changes:
            return []
        assert rule.alerting is not None
        # Ends first: an alert that only changed a label ends as its successor begins.
        # Then by labels: the numbers of alerts that are over are not kept over a restart.
        sets = rule.alerting.slots.sets
        order = sorted(changes, key=lambda change: (change.state not in _ENDS, sets[change.group]))
        return [
            alert_output(
                group, rule.rule, rule.alerting.told(change, self.queries), change,
                at_ms, moment,
            )
            for change in order
        ]  # fmt: skip

    def switch(
        self, groups: Sequence[PromGroup], reads: Reads, at_ms: int, moment: Moment
    ) -> list[Output]:
        """Evaluate other groups from here on; returns the ends of alerts whose rules are gone.

        A rule is known by its identity: it keeps alerts, `for`, episodes and recorded series,
        whatever else was edited. `at_ms`: the last tick of the old plan (PlanSwitch.from_ms).
        """
        before = {
            (judged.group.tenant, rule.rule.identity): (judged.group, rule)
            for judged in self.groups
            for rule in judged.rules
        }
        self.settle()
        self._watch = None
        self.recorded.use(reads)
        self._by_key = None
        held = {key: rule for key, (_, rule) in before.items()}
        self.groups = [self._judged(group, held) for group in groups]
        outputs: list[Output] = []
        gone = dict(before)
        for judged in self.groups:
            for rule in judged.rules:
                old = before.get((judged.group.tenant, rule.rule.identity))
                if old is None or old[1].kind != rule.kind:
                    continue
                gone.pop((judged.group.tenant, rule.rule.identity), None)
                outputs += self._relabelled(old, (judged.group, rule), at_ms, moment)
        for group, rule in gone.values():
            self.ended = np.union1d(self.ended, rule.written)
            if rule.alerting is not None:
                ends = rule.alerting.close_all()
                outputs += self._announce(group, rule, ends, at_ms, moment)
            if rule.state.health == "err" and rule.kind != "query":
                # Whoever keeps a list of failing rules takes it off.
                outputs.append(health_output(group, rule.rule, "unknown", "", at_ms, moment.shard))
        return outputs

    def _relabelled(
        self,
        old: tuple[PromGroup, JudgedRule],
        new: tuple[PromGroup, JudgedRule],
        at_ms: int,
        moment: Moment,
    ) -> list[Output]:
        """Carry the alerts of a rule; those whose labels an edit changed end and begin."""
        if old[1].alerting is None or new[1].alerting is None:
            return []
        ended, begun = carried(old[1].alerting, new[1].alerting, self.queries)
        outputs = self._announce(*old, ended, at_ms, moment)
        outputs += self._announce(*new, begun, at_ms, moment)
        _stamp(new[1], moment)
        return outputs

    @property
    def by_key(self) -> Mapping[str, JudgedRule]:
        """The rules by their names in chunks."""
        if self._by_key is None:
            self._by_key = {rule.key: rule for one in self.groups for rule in one.rules}
        return self._by_key

    @property
    def busy(self) -> bool:
        """Whether any alert is pending or firing."""
        return any(alerting.active for alerting in self._alerting())

    def _alerting(self) -> Iterator[Alerting]:
        for judged in self.groups:
            for rule in judged.rules:
                if rule.alerting is not None:
                    yield rule.alerting

    def alerts(self, identity: str | None = None) -> list[ActiveAlert]:
        """Return the alerts that are pending or firing (of one rule), as they are now.

        Annotations are rendered now, by the value of the last evaluation.
        """
        self.settle()
        return [
            alert
            for alerting in self._alerting()
            if identity is None or alerting.rule.identity == identity
            for alert in alerting.alerts(self.queries)
        ]

    def alerts_by_rule(self) -> Iterator[list[ActiveAlert]]:
        """Yield the same, the alerts of one rule at a time; between two there may be ticks."""
        self.settle()
        for alerting in list(self._alerting()):
            if alerting.active:
                yield list(alerting.alerts(self.queries))

    def rules(self) -> list[RuleStatus]:
        """Return health, last error, warnings and last evaluation of every rule, in order."""
        self.settle()
        return [rule.status(judged.group) for judged in self.groups for rule in judged.rules]

    def health(self) -> list[tuple[str, RuleState]]:
        """Return the same in brief, by the identities of rules: quick where there are many."""
        self.settle()
        return [(rule.rule.identity, rule.state) for one in self.groups for rule in one.rules]

    def chunks(self, known: Mapping[str, int], version: int) -> Iterator[Chunk]:
        """Yield the state: `alerts` (version: the owner's next offset), `alerts/…`, `recorded/…`.

        Names are this evaluator's own; an owner of several puts its prefix before them (and takes
        it off `known`).
        """
        self.settle()
        yield from freeze(self, known, version)
        yield from self.recorded.chunks(known)

    def restore(self, name: str, payload: bytes) -> None:
        """Take back a chunk by the name that chunks() gave it. Raises SnapshotError.

        The evaluator must have been made with the groups and reads of then. Chunks come in any
        order, before the first tick.
        """
        try:
            if name == CORE or name.startswith(f"{CORE}/"):
                thaw(self, name, payload)
            elif name.startswith("recorded/"):
                self.recorded.restore(name, payload)
            else:
                raise SnapshotError(f"an evaluator has no chunk {name}")
        except (LookupError, TypeError, ValueError) as error:
            raise SnapshotError(f"{name} cannot be read: {error!r}") from error


def _stamp(rule: JudgedRule, moment: Moment) -> None:
    """Give the chunk of a rule's alerts a new version where they have changed."""
    if rule.alerting is not None and rule.alerting.changed:
        rule.alerting.changed, rule.alerting.version = False, moment.input_offset
