"""What rules would read of a running Tocsin, and what is odd about it: findings and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine.api import LiveExpression, LiveSelector, is_costly
from engine.document import (
    Finding,
    ListNode,
    MapNode,
    ScalarNode,
    Span,
    format_duration,
    load_documents,
)
from engine.limits import DEFAULT_LIMITS
from engine.plan import LOOKBACK_MS, PromGroup, PromRule, long_of, ring_reaches
from engine.promql import (
    Call,
    Expr,
    MatrixSelector,
    VectorSelector,
    children,
    to_text,
    type_of,
    walk,
)
from engine.rules import RuleSet
from engine.series import METRIC_NAME, Matcher, Selector

AGAINST_CODES: Mapping[str, str] = {
    "live-metric": "No series of the metric has come.",
    "live-label": "No series of the metric has the label.",
    "live-value": "No series of the metric has the value, or one that the pattern matches.",
    "live-series": "Each matcher passes some series of the metric, all together pass none.",
    "live-interval": "Samples come too rarely for the range or the look-back.",
    "live-alerts": "The expression gives more than 100 alerts now.",
}
"""Every finding of `check rules --against`; all are warnings."""

FLOOD: Final = 100
SAMPLE_BYTES: Final = 12
RING_BYTES: Final = 48
PANE_BYTES: Final = 48
PANES_MAX: Final = 1_500
_TWO_SAMPLES: Final = frozenset({"rate", "increase", "irate", "idelta", "delta", "deriv",
                                 "predict_linear"})  # fmt: skip
_ALERTS: Final = ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(frozen=True, slots=True)
class Reading:
    """One selector in one rule, and how it is read."""

    group: PromGroup
    rule: PromRule
    node: VectorSelector
    function: str = ""  # over its range; "" where its newest sample is read
    range_ms: int = 0
    absence: bool = False  # that there is none is what is looked for

    @property
    def text(self) -> str:
        """Return the selector as it is asked about."""
        return selector_text(self.node.selector)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a running Tocsin said, by tenant and text."""

    selectors: dict[tuple[str, str], LiveSelector]
    expressions: dict[tuple[str, str], LiveExpression]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one rule reads and gives; None: not known."""

    group: PromGroup
    rule: PromRule
    series: int
    gap_ms: int | None
    alerts: int | None
    why: str  # alerts are not known
    state_bytes: int | None


def selector_text(selector: Selector) -> str:
    """Return a selector as text."""
    return to_text(VectorSelector(selector))


def readings(rules: RuleSet) -> Iterator[Reading]:
    """Yield every selector of every Prometheus rule that series from outside may answer."""
    own = _own(rules)
    for group in rules.prom:
        for rule in group.rules:
            for node, function, range_ms, absence in _reads(rule.expr):
                if node.name not in own and not is_costly(node.selector):
                    yield Reading(group, rule, node, function, range_ms, absence)


def _reads(
    expr: Expr, function: str = "", absence: bool = False
) -> Iterator[tuple[VectorSelector, str, int, bool]]:
    match expr:
        case VectorSelector():
            yield expr, "", 0, absence
        case MatrixSelector():
            yield expr.vector, function, expr.range_ms, absence
        case _:
            if isinstance(expr, Call):
                function = expr.function
                absence = absence or function in ("absent", "absent_over_time")
            for child in children(expr):
                yield from _reads(child, function, absence)


def asked_expressions(rules: RuleSet) -> Iterator[tuple[PromGroup, PromRule, str]]:
    """Yield the expressions of alerts whose rows can be asked for."""
    own = _own(rules)
    for group in rules.prom:
        for rule in group.rules:
            if rule.kind == "alert" and not _unasked(rule, own):
                yield group, rule, to_text(rule.expr)


def _own(rules: RuleSet) -> set[str]:
    """Return the names of series that rules write themselves."""
    recorded = {rule.name for group in rules.prom for rule in group.rules if rule.kind == "record"}
    return {*recorded, *_ALERTS}


def _unasked(rule: PromRule, own: set[str]) -> str:
    """Say why an expression cannot be asked for, "" where it can."""
    nodes = [node for node in walk(rule.expr) if isinstance(node, VectorSelector)]
    if any(node.name in own for node in nodes):
        return "it reads what rules record"
    if type_of(rule.expr) != "vector" or any(is_costly(node.selector) for node in nodes):
        return "it cannot be asked for"
    return ""


class Places:
    """Where expressions stand in their files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._nodes: dict[str, dict[int, list[ScalarNode]]] = {}

    def of(self, rule: PromRule, offsets: tuple[int, int]) -> Span:
        """Return the place of a part of a rule's expression."""
        if rule.file not in self._nodes:
            self._nodes[rule.file] = self._read(rule.file)
        for node in self._nodes[rule.file].get(rule.line, ()):
            if node.text == rule.text:
                return node.at(offsets[0], max(offsets[1] - offsets[0], 1))
        return Span(rule.line, 1, 1)

    def _read(self, file: str) -> dict[int, list[ScalarNode]]:
        bytes_max = DEFAULT_LIMITS.rule_file_bytes_max * 16
        roots, _ = load_documents(self._files.get(file, ""), file, bytes_max, lambda _: True)
        found: dict[int, list[ScalarNode]] = {}
        left = list(roots)
        while left:
            node = left.pop()
            if isinstance(node, ListNode):
                left += node.elements
            elif isinstance(node, MapNode):
                left += [entry.value for entry in node]
                expr = node.get("expr")
                if isinstance(expr, ScalarNode):
                    found.setdefault(node.span.line, []).append(expr)
        return found


def findings(rules: RuleSet, answers: Answers) -> Iterator[Finding]:
    """Yield what is odd, in the order of rules."""
    places = Places(rules.files)
    for reading in readings(rules):
        live = answers.selectors.get((reading.group.tenant, reading.text))
        if live is not None:
            at = places.of(reading.rule, reading.node.span)
            yield from (_finding(reading.rule, at, *said) for said in _said(reading, live))
    for group, rule, text in asked_expressions(rules):
        found = answers.expressions.get((group.tenant, text))
        if found is not None and found.rows is not None and found.rows > FLOOD:
            at = places.of(rule, (0, len(rule.text)))
            yield _finding(rule, at, "live-alerts", f"{found.rows:,} alerts would be up now",
                           "raise the threshold, or sum over what they share")  # fmt: skip


def _finding(rule: PromRule, at: Span, code: str, message: str, help_text: str) -> Finding:
    return Finding(rule.file, at.line, at.column, at.length, code, message, help_text, "warning")


Said = tuple[str, str, str]
"""Code, message, help."""


def _said(reading: Reading, live: LiveSelector) -> Iterator[Said]:
    if live.metric is not None and not live.metric.number:
        if not reading.absence:
            near = f"did you mean {_listed(live.near)}?" if live.near else ""
            yield ("live-metric", f"no series of {reading.node.name} has come",
                   near or "send it, or correct the name")  # fmt: skip
        return
    if live.series.number:
        yield from _interval(reading, live)
    elif not reading.absence:
        yield from _matchers(reading, live)


def _matchers(reading: Reading, live: LiveSelector) -> Iterator[Said]:
    name = reading.node.name
    of = f"of {name}" if name else "here"
    found = False
    others = [m for m in reading.node.selector if m.name != METRIC_NAME or m.operator != "="]
    for matcher, met in zip(others, live.matchers, strict=True):
        if not met.labelled and not _matches_none(matcher):
            found = True
            yield ("live-label", f"no series {of} has the label {matcher.name}",
                   "correct the label, or remove the matcher")  # fmt: skip
        elif not met.passed:
            found = True
            seen = f"values that are there: {', '.join(met.near)}" if met.near else ""
            yield "live-value", f"no series {of} passes {matcher}", seen or "correct the value"
    if not found:
        yield ("live-series", f"no series passes all of {reading.text}",
               "each matcher alone passes some: look at two of them together")  # fmt: skip


def _matches_none(matcher: Matcher) -> bool:
    return matcher.matches({})


def _interval(reading: Reading, live: LiveSelector) -> Iterator[Said]:
    if not live.gaps_ms:
        return
    gap_ms, range_ms, function = live.gaps_ms[0], reading.range_ms, reading.function
    every = f"samples come every {format_duration(gap_ms)}"
    over = f"{function}() over {format_duration(range_ms)}"
    longer = f"write [{format_duration(4 * gap_ms)}] or more"
    if not range_ms:
        if gap_ms > LOOKBACK_MS:
            yield ("live-interval", f"{every}, an expression looks back for "
                   f"{format_duration(LOOKBACK_MS)}: most of the time it sees nothing",
                   f"read last_over_time(…[{format_duration(2 * gap_ms)}])")  # fmt: skip
    elif function in _TWO_SAMPLES and range_ms < 2 * gap_ms:
        yield "live-interval", f"{over} needs two samples, {every}: it gives nothing", longer
    elif function in _TWO_SAMPLES and range_ms < 4 * gap_ms:
        yield "live-interval", f"{over}, {every}: one that is late leaves a hole", longer
    elif range_ms < gap_ms:
        yield "live-interval", f"{over}, {every}: most windows are empty", longer


def _listed(names: list[str]) -> str:
    return " or ".join(names)


def costs(rules: RuleSet, answers: Answers) -> list[Cost]:
    """Return what each Prometheus rule reads and gives, in order."""
    found, own = [], _own(rules)
    for group in rules.prom:
        for rule in group.rules:
            read = {
                reading.text: answers.selectors[group.tenant, reading.text]
                for reading in readings_of(group, rule)
                if (group.tenant, reading.text) in answers.selectors
            }
            why, alert = _unasked(rule, own), rule.kind == "alert"
            rows = None if why else answers.expressions.get((group.tenant, to_text(rule.expr)))
            found.append(
                Cost(
                    group, rule,
                    series=sum(live.series.number for live in read.values()),
                    gap_ms=min((live.gaps_ms[0] for live in read.values() if live.gaps_ms),
                               default=None),
                    alerts=rows.rows if alert and rows is not None else None,
                    why=(why if rows is None else rows.why) if alert else "",
                    state_bytes=_sum(_bytes(group, rule, read)),
                )
            )  # fmt: skip
    return found


def readings_of(group: PromGroup, rule: PromRule) -> Iterator[Reading]:
    """Yield the selectors of one rule."""
    for node, function, range_ms, absence in _reads(rule.expr):
        yield Reading(group, rule, node, function, range_ms, absence)


def state_bytes(rules: RuleSet, answers: Answers) -> int:
    """Return what all rules need together: a selector of several has one ring a series."""
    most: dict[tuple[str, str, str], int] = {}
    for group in rules.prom:
        for rule in group.rules:
            read = {text: live for (tenant, text), live in answers.selectors.items()
                    if tenant == group.tenant}  # fmt: skip
            for (text, kind), size in _bytes(group, rule, read).items():
                key = group.tenant, text, kind
                most[key] = max(most.get(key, 0), size or 0)
    return sum(most.values())


def _bytes(
    group: PromGroup, rule: PromRule, read: Mapping[str, LiveSelector]
) -> dict[tuple[str, str], int | None]:
    """Return the bytes of each selector: of its rings, and of the panes of long ranges."""
    limit_ms = DEFAULT_LIMITS.ring_ms_max
    found: dict[tuple[str, str], int | None] = {}
    slack_ms = group.interval_ms + group.query_offset_ms
    for node, keep_ms in ring_reaches(rule.expr, limit_ms, slack_ms):
        text = selector_text(node.selector)
        if (live := read.get(text)) is None:
            continue
        each = RING_BYTES + SAMPLE_BYTES * keep_ms // live.gaps_ms[0] if live.gaps_ms else None
        number = live.series.number
        size = 0 if not number else None if each is None else each * number
        before = found.get((text, "ring"))
        found[text, "ring"] = size if before is None or size is None else max(size, before)
    for call in walk(rule.expr):
        long = long_of(call, limit_ms)
        if long is not None and (live := read.get(selector_text(long.vector.selector))):
            text = selector_text(long.vector.selector)
            panes = min(PANES_MAX, long.range_ms // group.interval_ms)
            found[text, f"{long.range_ms}"] = panes * PANE_BYTES * live.series.number
    return found


def _sum(sizes: Mapping[tuple[str, str], int | None]) -> int | None:
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if len(known) == len(sizes) else None
