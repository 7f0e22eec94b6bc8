"""Watching: alerting rules `leaf compared with a number`, judged together as columns.

At a tick all their leaves are evaluated in a few kernel calls, a row finds the thresholds it passes
by bisection, and a rule for which the same rows pass as at its last tick is not touched: its alerts
stay as they are, only their values are newer. Those are handed over when somebody asks (`settle`),
or when the rule has news and is evaluated by itself, which is what every other rule is.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.groups import watch_kernels as kernels
from engine.groups.alerting import Alerting
from engine.groups.barren import Idleness
from engine.groups.expression import Vector
from engine.groups.leaf_columns import NEWEST, Leaf, LeafColumns
from engine.groups.ring_source import RingSource
from engine.groups.rule import JudgedRule
from engine.groups.series_index import fixed_name
from engine.plan import PromGroup
from engine.promql import Binary, Call, Expr, MatrixSelector, Number, Paren, Unary, VectorSelector
from engine.vector import (
    COUNTER_FUNCTIONS,
    COUNTER_SUFFIXES,
    NAME_KEEPING,
    SAME_LABELSET,
    EvaluationError,
    Floats,
    Labels,
    LabelSet,
    Source,
    without_metadata,
)
from engine.window import PARAMETERS, RANGE_FUNCTIONS

Ints = npt.NDArray[np.int64]
_FLIPPED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_FOREVER_MS: Final = 2**62


@dataclass(slots=True)
class Watched:
    """One rule, and the rows of its leaf that have passed so far, as rows of its own labels."""

    rule: JudgedRule
    alerting: Alerting
    leaf: int
    operator: int
    threshold: float
    labels: Labels = field(default_factory=Labels)
    numbers: dict[int, int] = field(default_factory=dict)  # row of the leaf -> of labels
    known: dict[LabelSet, int] = field(default_factory=dict)


class Due(NamedTuple):
    """A rule that is to be evaluated at a tick."""

    group: PromGroup
    rule: JudgedRule
    board: "Board | None"
    number: int

    def result(self) -> Callable[[], Vector] | None:
        """Return what gives its expression's result, where watching has it."""
        return None if self.board is None else partial(self.board.vector, self.number)

    def done(self) -> None:
        """Say that it was evaluated."""
        if self.board is not None:
            self.board.judged(self.number)


class Board:
    """The watched rules of one interval, over one source."""

    def __init__(self, rules: Iterable[tuple[PromGroup, JudgedRule]], source: RingSource) -> None:
        """`rules` in order: those that cannot be watched are in `others`, by their place."""
        leaves: dict[Leaf, int] = {}
        self.watched: list[Watched] = []
        self.sizes: Counter[int] = Counter()  # watched rules of each group, by id(group)
        places: list[int] = []
        self.others: list[int] = []
        for place, (group, rule) in enumerate(rules):
            one = _watched(group, rule, leaves, source)
            if one is None:
                self.others.append(place)
            else:
                places.append(place)
                self.watched.append(one)
                self.sizes[id(group)] += 1
        self.places: Ints = np.array(places, np.int64)
        self.columns = LeafColumns(list(leaves), source)
        size = len(self.watched)
        self._calm = np.array([_calm(one, 0) for one in self.watched], np.bool_)
        self._matures_ms = np.full(size, _FOREVER_MS, np.int64)
        self._edges = np.zeros(size + 1, np.int64)
        self._rows: Ints = np.empty(0, np.int64)
        self._values: Floats = np.empty(0)
        self._at_ms: int | None = None
        self.seconds = 0.0  # a rule's share of what the last tick took
        self._lay()

    def _lay(self) -> None:
        """Put rules of one leaf and operator side by side, thresholds rising."""
        keys = [(one.leaf, one.operator, one.threshold) for one in self.watched]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._rule = np.array(order, np.int64)
        self._thresholds = np.array([keys[at][2] for at in order])
        boards = [keys[at][:2] for at in order]
        first = [at for at in range(len(order)) if at == 0 or boards[at] != boards[at - 1]]
        self._leaf = np.array([boards[at][0] for at in first], np.int64)
        self._code = np.array([boards[at][1] for at in first], np.int64)
        self._board_edges = np.array([*first, len(order)], np.int64)

    def news(self, at_ms: int) -> dict[int, int]:
        """Return the rules that a tick has news for: place among the rules given -> watched."""
        if not self.watched:
            return {}
        values, mask = self.columns.at(at_ms)
        board = (
            self._leaf, self._code, self._board_edges, self._thresholds, self._rule,
            self.columns.starts, values, mask,
        )  # fmt: skip
        counts = np.zeros(len(self.watched), np.int64)
        kernels.counted(*board, counts)
        edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        rows, held = np.empty(edges[-1], np.int64), np.empty(edges[-1])
        kernels.filled(*board, edges[:-1].copy(), rows, held)
        other = np.empty(counts.size, np.bool_)
        kernels.changed(edges, rows, self._edges, self._rows, other)
        news = np.flatnonzero(other | ~self._calm | (at_ms >= self._matures_ms)).tolist()
        for number in news:  # what becomes of an alert may say what its value was
            self._hand_over(number)
        self._edges, self._rows, self._values, self._at_ms = edges, rows, held, at_ms
        return {int(self.places[number]): number for number in news}

    def vector(self, number: int) -> Vector:
        """Return the result of a rule at the last tick. Raises EvaluationError."""
        one = self.watched[number]
        run = slice(int(self._edges[number]), int(self._edges[number + 1]))
        leaf = self.columns.leaves[one.leaf]
        sets = self.columns.index.find(leaf.selector).labels.sets
        keeps = leaf.function == NEWEST or leaf.function in NAME_KEEPING
        rows = []
        for row in self._rows[run].tolist():
            at = one.numbers.get(row)
            if at is None:
                labels = sets[row] if keeps else without_metadata(sets[row])
                at = one.known.get(labels)
                if at is None:
                    at = one.known[labels] = one.labels.add(labels)
                one.numbers[row] = at
            rows.append(at)
        if len(one.known) < len(one.numbers) and len(set(rows)) < len(rows):
            raise EvaluationError(SAME_LABELSET)
        return Vector(one.labels, np.array(rows, np.int64), self._values[run].copy())

    def judged(self, number: int) -> None:
        """Take notice of a rule that was evaluated by itself."""
        one = self.watched[number]
        passing = int(self._edges[number + 1] - self._edges[number])
        self._calm[number] = _calm(one, passing)
        self._matures_ms[number] = one.alerting.matures_ms if passing else _FOREVER_MS

    def settle(self) -> None:
        """Bring the rules to where watching stands: values, and when they were evaluated last."""
        if self._at_ms is None:
            return
        for number in np.flatnonzero(self._calm).tolist():
            self._hand_over(number)
            self.watched[number].rule.state.stood(self._at_ms, self.seconds)

    def _hand_over(self, number: int) -> None:
        if self._calm[number] and self._edges[number] < self._edges[number + 1]:
            run = slice(int(self._edges[number]), int(self._edges[number + 1]))
            self.watched[number].alerting.stood(self._values[run])


def _calm(one: Watched, passing: int) -> bool:
    """Say whether the next tick changes nothing of a rule if the same rows pass."""
    state = one.rule.state
    if state.health == "err" or state.warnings or state.infos:
        return False
    return one.alerting.stands(passing)


def _watched(
    group: PromGroup, rule: JudgedRule, leaves: dict[Leaf, int], source: RingSource
) -> Watched | None:
    alerting = rule.alerting
    if alerting is None or group.limit or alerting.texts.by_value or alerting.is_written:
        return None
    compared = _compared(rule.rule.expr)
    if compared is None:
        return None
    expr, operator, threshold = compared
    leaf = _leaf(expr, group.query_offset_ms)
    if leaf is None or source.is_long(leaf.function, leaf.selector, leaf.range_ms):
        return None
    number = leaves.setdefault(leaf, len(leaves))
    return Watched(rule, alerting, number, kernels.OPERATORS[operator], threshold)


def _compared(expr: Expr) -> tuple[Expr, str, float] | None:
    """Return the vector side, the operator as if it stood on the left, and the number."""
    expr = _bare(expr)
    if not isinstance(expr, Binary) or expr.operator not in _FLIPPED or expr.bool_modifier:
        return None
    left, right = _number(expr.left), _number(expr.right)
    if left is None and right is not None and not math.isnan(right):
        return expr.left, expr.operator, right
    if right is None and left is not None and not math.isnan(left):
        return expr.right, _FLIPPED[expr.operator], left
    return None


def _number(expr: Expr) -> float | None:
    match _bare(expr):
        case Number(value=value):
            return value
        case Unary(operator=operator, expr=inner):
            number = _number(inner)
            return number if number is None or operator == "+" else -number
    return None


def _leaf(expr: Expr, query_offset_ms: int) -> Leaf | None:
    function, range_ms, expr = NEWEST, 0, _bare(expr)
    if isinstance(expr, Call):
        ranged = _bare(expr.args[0]) if len(expr.args) == 1 else None
        function = expr.function
        if not isinstance(ranged, MatrixSelector) or function not in RANGE_FUNCTIONS:
            return None
        if function in PARAMETERS:
            return None
        range_ms, expr = ranged.range_ms, ranged.vector
    if not isinstance(expr, VectorSelector) or expr.at is not None:
        return None
    name = fixed_name(expr.selector)
    # Of what is not named as a counter rate() says so: such a rule speaks at every tick.
    if name is None or (function in COUNTER_FUNCTIONS and not name.endswith(COUNTER_SUFFIXES)):
        return None
    return Leaf(function, expr.selector, range_ms, query_offset_ms + expr.offset_ms)


def _bare(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


class Watch:
    """All rules of an evaluator over one source: which of them are to be evaluated at a tick."""

    def __init__(self, rules: Sequence[tuple[PromGroup, JudgedRule]], source: Source) -> None:
        """`rules` in order."""
        self.rules, self.source = rules, source
        self._places: dict[int, list[int]] = {}  # by interval
        self._boards: dict[int, Board] = {}
        self._idle: dict[int, Idleness] = {}  # by place
        self._slept: dict[int, tuple[int, list[JudgedRule]]] = {}  # by interval: a tick, whom
        for place, (group, _) in enumerate(rules):
            self._places.setdefault(group.interval_ms, []).append(place)
        if isinstance(source, RingSource):
            for every_ms, places in self._places.items():
                board = Board([rules[place] for place in places], source)
                self._places[every_ms] = [places[at] for at in board.others]
                board.places = np.array(places, np.int64)[board.places]
                self._boards[every_ms] = board

    def due(self, at_ms: int, intervals: Collection[int]) -> Iterator[Due]:
        """Return the rules to be evaluated at a tick, in order; they are to be told (`done`).

        Each is to be evaluated before the next is asked for: it may read what this one records.
        """
        found: list[tuple[int, Board | None, int]] = []
        for every_ms in self._places:
            if every_ms not in intervals:
                continue
            found += [(place, None, 0) for place in self._places[every_ms]]
            board = self._boards.get(every_ms)
            if board is not None:
                news = board.news(at_ms)
                found += [(place, board, number) for place, number in news.items()]
            self._slept[every_ms] = at_ms, []
        found.sort(key=lambda one: one[0])
        return self._awake(found)

    def _awake(self, found: list[tuple[int, Board | None, int]]) -> Iterator[Due]:
        for place, board, number in found:
            group, rule = self.rules[place]
            if board is None and self._sleeps(place, rule):
                self._slept[group.interval_ms][1].append(rule)
            else:
                yield Due(group, rule, board, number)

    def _sleeps(self, place: int, rule: JudgedRule) -> bool:
        """Say whether a rule that has nothing to read would change nothing."""
        state = rule.state
        if state.health == "err" or state.warnings or state.infos or rule.kind == "query":
            return False
        if rule.written.size or (rule.alerting is not None and rule.alerting.active):
            return False
        idle = self._idle.get(place)
        if idle is None:
            idle = self._idle[place] = Idleness(rule.rule.expr)
        return idle(self.source)

    def took(self, seconds: float, intervals: Collection[int]) -> dict[int, float]:
        """Take how long `due` took: the rules watched then share it evenly.

        Returns the shares of groups, by id(group).
        """
        boards = [board for every_ms, board in self._boards.items() if every_ms in intervals]
        share = seconds / max(1, sum(len(board.watched) for board in boards))
        shares: dict[int, float] = {}
        for board in boards:
            board.seconds = share
            for key, number in board.sizes.items():
                shares[key] = number * share
        return shares

    def settle(self) -> None:
        """Bring all rules to where watching stands: before they are listed, kept or changed."""
        for board in self._boards.values():
            board.settle()
        for at_ms, rules in self._slept.values():
            for rule in rules:
                rule.state.stood(at_ms, 0.0)
