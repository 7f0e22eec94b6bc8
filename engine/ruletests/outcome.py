"""What became of each test, and the two sides of those that failed."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from engine.ruletests.model import ExpectedAlert, ExpectedSample
from engine.vector import LabelSet

Kind = Literal["alert", "expression", "rules"]
SIDE_ROWS_MAX = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of both sides: what was expected and what came, "" where there is nothing."""

    what: str
    expected: str
    got: str

    @property
    def same(self) -> bool:
        """Whether nothing is wrong with this line."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: `title` names it, `pairs` are both sides of a failed one."""

    file: str
    line: int
    column: int
    group: str
    kind: Kind
    title: str
    passed: bool
    message: str = ""
    pairs: tuple[Pair, ...] = ()


_METRIC = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def show_labels(labels: LabelSet) -> str:
    """Return labels as `name{a="b"}`, other UTF-8 names in quotes: a test may say it so."""
    name = dict(labels).get("__name__", "")
    parts = [
        f"{key if _LABEL.fullmatch(key) else _quoted(key)}={_quoted(value)}"
        for key, value in labels
        if key != "__name__"
    ]
    if name and not _METRIC.fullmatch(name):
        name, parts = "", [_quoted(name), *parts]
    return f"{name}{{{', '.join(parts)}}}" if parts or not name else name


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def show_number(value: float) -> str:
    """Return a number as people write it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def compare_alerts(
    expected: Sequence[ExpectedAlert], got: Sequence[ExpectedAlert]
) -> tuple[Pair, ...]:
    """Return both sides, or nothing where they are the same alerts in any order."""
    left, right = _without_equal(expected, got)
    if not left and not right:
        return ()
    pairs: list[Pair] = []
    for mine, theirs in _matched(left, right, _alert_words):
        pairs += _lines(_alert_words(mine), _alert_words(theirs))
    return tuple(pairs[:SIDE_ROWS_MAX])


def compare_samples(
    expected: Sequence[ExpectedSample], got: Sequence[ExpectedSample], fuzzy: bool
) -> tuple[Pair, ...]:
    """Return both sides, or nothing where they are the same rows in any order.

    Numbers must be equal, or neighbours where `fuzzy`; NaN equals nothing, as with promtool.
    """
    mine = sorted(expected, key=lambda row: row.labels)
    theirs = sorted(got, key=lambda row: row.labels)
    same = len(mine) == len(theirs) and all(
        a.labels == b.labels and _equal(a.value, b.value, fuzzy)
        for a, b in zip(mine, theirs, strict=True)
    )
    if same:
        return ()
    pairs: list[Pair] = []
    for left, right in _matched(mine, theirs, lambda row: {"": row.labels} if row else {}):
        row = left or right
        assert row is not None
        ours = show_number(left.value) if left else ""
        came = show_number(right.value) if right else ""
        if left and right and _equal(left.value, right.value, fuzzy):
            came = ours
        elif ours == came:
            came += " (NaN equals nothing)"
        pairs.append(Pair(show_labels(row.labels), ours, came))
    return tuple(pairs[:SIDE_ROWS_MAX])


def _equal(a: float, b: float, fuzzy: bool) -> bool:
    near = (math.nextafter(a, math.inf), math.nextafter(a, -math.inf)) if fuzzy else ()
    return a == b or b in near


def _without_equal(expected: Sequence[T], got: Sequence[T]) -> tuple[list[T], list[T]]:
    right = list(got)
    left = []
    for one in expected:
        if one in right:
            right.remove(one)
        else:
            left.append(one)
    return left, right


def _alert_words(alert: ExpectedAlert | None) -> dict[str, str]:
    """Return an alert as lines: its labels, then its annotations."""
    if alert is None:
        return {}
    words = dict(alert.labels)
    return words | {f"annotation {name}": text for name, text in alert.annotations}


def _matched(
    left: Sequence[T], right: Sequence[T], words: Callable[[T | None], Mapping[str, object]]
) -> list[tuple[T | None, T | None]]:
    """Pair those that are most alike; what is alone has None beside it."""
    rest = list(right)
    pairs: list[tuple[T | None, T | None]] = []
    for one in left:
        mine = words(one).items()
        best = max(rest, key=lambda other: len(mine & words(other).items()), default=None)
        if best is not None and mine & words(best).items():
            rest.remove(best)
        else:
            best = None
        pairs.append((one, best))
    return pairs + [(None, other) for other in rest]


def _lines(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[Pair]:
    return [Pair(name, mine.get(name, ""), theirs.get(name, "")) for name in {**mine, **theirs}]
