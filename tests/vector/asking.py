"""Ask an expression of a few series: the shortest way from text to rows."""

import numpy as np

from engine.promql import parse
from engine.vector import Annotations, Evaluator, Matrix, rows
from tests.vector.naive_source import NaiveSource


def add(source, text, values, step_ms=30_000):
    """Add a series written as a selector."""
    matchers = parse(text).selector
    labels = {matcher.name: matcher.value for matcher in matchers}
    source.add(labels, [(i * step_ms, float(v)) for i, v in enumerate(values) if v is not None])


def store(series, step_ms=30_000):
    """Return a source of {selector text: values}."""
    source = NaiveSource()
    for text, values in series.items():
        add(source, text, values, step_ms)
    return source


def ask(text, source, t_ms=0, *, end_ms=None, annotations=None):
    """Return {labels: value} of an instant, or the scalar's or text's value."""
    evaluator = Evaluator(parse(text), text=text)
    notes = Annotations() if annotations is None else annotations
    value = evaluator.evaluate(
        source, np.array([t_ms], np.int64), notes, start_ms=t_ms,
        end_ms=t_ms if end_ms is None else end_ms,
    )  # fmt: skip
    if isinstance(value, Matrix):
        return dict(rows(evaluator.finish(value)))
    return value


def noted(text, source, t_ms=0, **more):
    """Return the warnings and infos of an instant evaluation."""
    annotations = Annotations()
    ask(text, source, t_ms, annotations=annotations, **more)
    return list(annotations.warnings), list(annotations.infos)
