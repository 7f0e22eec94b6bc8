"""One rule in evaluation: its expression, what becomes of its results, how it went."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.alerts import STATES, Change, State, to_value
from engine.errors import TocsinError
from engine.groups.alerting import Alerting
from engine.groups.announce import External, QueryResult, result_output
from engine.groups.expression import Expression, Queries, Vector
from engine.groups.health import RuleState
from engine.groups.listing import RuleStatus
from engine.groups.recorded import Recorded, Series
from engine.groups.recording import Recording
from engine.groups.texts import Texts
from engine.limits import Limits
from engine.owner import Output
from engine.plan import PromGroup, PromRule, RuleKind
from engine.vector import Annotations, Matrix, Scalar, Source, Text, rows


def _key_of(tenant: str, identity: str) -> str:
    raw = f"{tenant}\x1f{identity}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


@dataclass(slots=True)
class JudgedRule:
    """A rule and what it holds: `alerting` or `recording`, neither for a query."""

    key: str  # its name in chunks, 16 hex
    rule: PromRule
    expression: Expression
    state: RuleState
    alerting: Alerting | None = None
    recording: Recording | None = None

    @classmethod
    def make(
        cls,
        group: PromGroup,
        rule: PromRule,
        recorded: Recorded,
        external: External,
        limits: Limits,
        before: "JudgedRule | None",
    ) -> "JudgedRule":
        """Make a rule ready; `before` is the rule of that identity in the plan before.

        Alerts are not taken from it here: see `carried`.
        """
        # Health stays through an edit: an end of failing is told only to who knew of it.
        state = RuleState() if before is None else before.state
        key = before.key if before is not None else _key_of(group.tenant, rule.identity)
        if before is not None and before.rule.expr == rule.expr:
            made = cls(key, rule, before.expression, state)
        else:
            made = cls(key, rule, Expression(rule.expr, rule.text), state)
        if rule.kind == "alert":
            texts = Texts(rule, external, limits)
            made.alerting = Alerting(group, rule, texts, recorded, limits.groups_per_rule_max)
        elif rule.kind == "record":
            made.recording = Recording(rule, recorded)
        if before is not None and before.kind == rule.kind:
            made.wrote(before.written)
        return made

    @property
    def kind(self) -> RuleKind:
        """What the rule is."""
        return self.rule.kind

    @property
    def written(self) -> Series:
        """The recorded series that its last evaluation wrote."""
        writer = self.alerting or self.recording
        return np.empty(0, np.int64) if writer is None else writer.written.series

    def wrote(self, series: Series) -> None:
        """Say what its last evaluation wrote: what the next one does not is stale."""
        writer = self.alerting or self.recording
        if writer is not None:
            writer.written.series = series

    def status(self, group: PromGroup) -> RuleStatus:
        """Return what a listing says of it."""
        state: State | None = None
        if self.alerting is not None and self.state.at_ms is not None:
            state = self.alerting.state()
        return RuleStatus(
            group, self.rule, self.state.health, self.state.error, self.state.warnings,
            self.state.infos, self.state.at_ms, self.state.seconds, state,
        )  # fmt: skip


@dataclass(slots=True)
class JudgedGroup:
    """A group and its rules, in order."""

    group: PromGroup
    rules: list[JudgedRule]
    ticked_ms: int | None = None  # its last tick
    seconds: float = 0.0  # that it took


def judge(
    group: PromGroup, rule: JudgedRule, at_ms: int, source: Source, queries: Queries,
    given: Callable[[], Vector] | None = None,
) -> tuple[list[Change], Output | None]:  # fmt: skip
    """Evaluate one rule at a tick: its alerts' changes, and what a query gave.

    `given`: its expression's result, where it is evaluated already.

    What goes wrong is in the rule's state; its alerts and series stay as they are then.
    """
    annotations = Annotations()
    when_ms = at_ms - group.query_offset_ms
    try:
        if rule.alerting is not None:
            vector = given() if given else rule.expression.vector(source, when_ms, annotations)
            changes, error = rule.alerting.judge(at_ms, vector, queries)
            if error:
                rule.state.failed(at_ms, error, annotations)
            else:
                rule.alerting.write(when_ms)
                rule.state.succeeded(at_ms, annotations)
            return changes, None
        if rule.recording is not None:
            vector = rule.expression.vector(source, when_ms, annotations)
            rule.recording.record(when_ms, vector, group.limit)
            rule.state.succeeded(at_ms, annotations)
            return [], None
        return [], _query(rule, at_ms, when_ms, source, annotations)
    except TocsinError as error:
        rule.state.failed(at_ms, str(error), annotations)
        failed = QueryResult(query=rule.rule.name, at_ms=at_ms, type="", error=str(error))
        return [], result_output(failed) if rule.kind == "query" else None


def _query(
    rule: JudgedRule, at_ms: int, when_ms: int, source: Source, annotations: Annotations
) -> Output:
    value = rule.expression.value(source, when_ms, annotations)
    kind, found, text = "vector", [], ""
    match value:
        case Matrix():
            present = rows(value, 0)
            if value.order is None:  # how an evaluator orders its rows is nobody's matter
                present.sort(key=lambda row: row[0])
            found = [(dict(labels), to_value(number)) for labels, number in present]
        case Scalar():
            kind, found = "scalar", [({}, to_value(float(value.values[0])))]
        case Text():
            kind, text = "string", value.value
    rule.state.succeeded(at_ms, annotations)
    return result_output(
        QueryResult(
            query=rule.rule.name, at_ms=at_ms, type=kind, rows=found, text=text,
            warnings=list(annotations.warnings), infos=list(annotations.infos),
        )
    )  # fmt: skip


def carried(old: Alerting, new: Alerting, queries: Queries) -> tuple[list[Change], list[Change]]:
    """Give a rule's alerts to the rule that it was edited into.

    An alert's labels are made anew from the result that it came from: an edit of the rule's name
    or labels changes them, and its episode goes on. Returns the ends under the old labels and the
    beginnings under the new ones.
    """
    ended, begun = [], []
    for kept in old.kept():
        labels = new.texts.labels(kept.metric, kept.value, queries)
        taken = new.take(kept._replace(labels=labels))
        if labels == kept.labels:
            continue
        fires = STATES[kept.state] == "firing"
        slot = old.slots.slot(kept.labels)
        ended.append(Change(slot, "resolved" if fires else "inactive", "relabelled", 0))
        if taken:
            place = new.slots.slot(labels)
            begun.append(Change(place, STATES[kept.state], "relabelled", 0))
    return ended, begun
