"""label_replace and label_join; absent's labels; sort and its relatives."""

import re

import numpy as np

from engine.promql import MatrixSelector, VectorSelector
from engine.series import METRIC_NAME, Matched, Selector, compiled
from engine.vector.frame import Frame, VectorNode
from engine.vector.invariance import Tree, bare
from engine.vector.labelling import Relabel, Relabelled, label, with_label
from engine.vector.labels import LabelSet
from engine.vector.matrix import EvaluationError, Matrix
from engine.vector.wording import ineffective_sort

_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


class LabelFunction:
    """A function of label sets; values stay."""

    def __init__(self, make: Relabel, node: VectorNode) -> None:
        self._node = node
        self._relabelled = Relabelled(make)

    def matrix(self, frame: Frame) -> Matrix:
        """Return rows with other labels. Raises EvaluationError where two become one."""
        return self._relabelled(self._node.matrix(frame))


class Failing:
    """A call that Prometheus refuses whenever it evaluates it, whatever the data."""

    def __init__(self, error: EvaluationError) -> None:
        self._message = str(error)

    def matrix(self, frame: Frame) -> Matrix:
        """Raise EvaluationError."""
        del frame
        raise EvaluationError(self._message)


def checked_label(name: str, message: str) -> str:
    """Return a label name. Raises EvaluationError where it is empty or no UTF-8.

    Bytes that are no UTF-8 were read as U+FFFD, which is in no name that anybody uses.
    """
    if not name or "\ufffd" in name:
        raise EvaluationError(message)
    return name


def expanded(template: str, match: Matched) -> str:
    """Return a template with $1, ${name} and $$ filled in; unknown groups are empty."""

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        try:
            return match[int(name) if name.isdecimal() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(fill, template)


def replacing(target: str, template: str, source: str, pattern: str) -> Relabel:
    """Return label_replace's work on one row. Raises EvaluationError for a bad argument."""
    try:
        regex = compiled(pattern)
    except Exception as error:  # the pattern's own errors and the translation's
        raise EvaluationError(
            f"invalid regular expression in label_replace(): {pattern}"
        ) from error
    checked_label(target, f"invalid destination label name in label_replace(): {target}")

    def make(labels: LabelSet, dropped: bool) -> tuple[LabelSet, bool]:
        match = regex.match(label(labels, source))
        if match is None:
            return labels, dropped
        labels = with_label(labels, target, expanded(template, match))
        return labels, dropped and target != METRIC_NAME

    return make


def joining(target: str, separator: str, sources: tuple[str, ...]) -> Relabel:
    """Return label_join's work on one row. Raises EvaluationError for a bad argument."""
    for source in sources:
        checked_label(source, f"invalid source label name in label_join(): {source}")
    checked_label(target, f"invalid destination label name in label_join(): {target}")

    def make(labels: LabelSet, dropped: bool) -> tuple[LabelSet, bool]:
        joined = separator.join(label(labels, source) for source in sources)
        return with_label(labels, target, joined), dropped and target != METRIC_NAME

    return make


def absent_labels(argument: Tree) -> LabelSet:
    """Return the labels of absent()'s row: what equality matchers fix, each label's only one."""
    argument = bare(argument)
    selector: Selector = ()
    if isinstance(argument, VectorSelector):
        selector = argument.selector
    elif isinstance(argument, MatrixSelector):
        selector = argument.vector.selector
    seen: set[str] = set()
    fixed: dict[str, str] = {}
    for matcher in selector:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.operator == "=" and matcher.name not in seen:
            fixed[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            fixed.pop(matcher.name, None)
    return tuple(sorted((name, value) for name, value in fixed.items() if value))


class Sorted:
    """sort, sort_desc: an order for one-step results; NaN last in both directions."""

    def __init__(self, node: VectorNode, descending: bool, where: str) -> None:
        self._node = node
        self._descending = descending
        self._where = where

    def matrix(self, frame: Frame) -> Matrix:
        """Return the rows, and the order in which they are wanted."""
        if frame.start_ms != frame.end_ms:
            frame.annotations.warn(ineffective_sort(self._where))
        matrix = self._node.matrix(frame)
        if frame.times.size != 1:
            return matrix
        rows = np.nonzero(matrix.mask[:, 0])[0]
        values = matrix.values[rows, 0]
        order = np.argsort(-values if self._descending else values, kind="stable")
        return Matrix(matrix.labels, matrix.values, matrix.mask, rows[order])
