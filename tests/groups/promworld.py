"""Prometheus rules in a pipeline beside a twin that evaluates whole expressions in one place."""

import json
import math

import numpy as np

from engine.groups import decode_result
from engine.limits import DEFAULT_LIMITS
from engine.plan import Plan, PromGroup, PromRule, place, plan_longs, ring_needs
from engine.promql import parse
from engine.replay import Pipeline
from engine.sources import SourceSpec
from engine.vector import Annotations, EvaluationError, Evaluator, Matrix, rows

EVERY_MS = 15_000


def rule(kind, name, expr, group="g", **more):
    identity = f"{group}/{name}"
    return PromRule(kind, name, identity, "1", "f.yml", 1, expr, parse(expr), **more)


def query(expr):
    return rule("query", expr, expr)


def group(*rules, name="g", interval_ms=EVERY_MS, **more):
    return PromGroup("default", name, "f.yml", interval_ms, tuple(rules), **more)


def plan(*groups, digest="d", limits=DEFAULT_LIMITS):
    prom = place(groups, limits.ring_ms_max)
    feeds, ring_ms = {}, {}
    for feed, need_ms in ring_needs(prom, limits.ring_ms_max).items():
        ring_ms[feeds.setdefault(feed, len(feeds))] = need_ms
    longs = plan_longs(prom, limits.ring_ms_max)
    return Plan(digest, tuple(feeds), (), (), prom, ring_ms, longs)


def pipeline(*groups, shards=3, limits=DEFAULT_LIMITS, partitions=1):
    source = SourceSpec("metrics", "metrics", 0, partitions)
    return Pipeline(plan(*groups, limits=limits), [source], shards, limits)


def record(name, labels, at_ms, value):
    given = value if math.isfinite(value) else str(value)
    return json.dumps({"timestamp": at_ms, "name": name, "labels": labels, "value": given}).encode()


def results(pipe):
    """(query, time) -> rows or error of every result so far."""
    found = {}
    for one in pipe.results.records:
        result = decode_result(one.value)
        key = result.query, result.at_ms
        assert key not in found, f"{key} twice"
        found[key] = result
    return found


def twin_rows(source, expr, at_ms):
    """Evaluate in one place: sorted rows, or the error's text; and what was said of it."""
    notes = Annotations()
    try:
        evaluator = Evaluator(parse(expr), text=expr)
        value = evaluator.evaluate(source, np.array([at_ms]), notes, start_ms=at_ms, end_ms=at_ms)
        if isinstance(value, Matrix):
            value = evaluator.finish(value)
            return sorted((labels, number(v)) for labels, v in rows(value, 0)), notes
        return [((), number(float(value.values[0])))], notes
    except EvaluationError as error:
        return str(error), notes


def number(value):
    """A float that can be compared: to twelve digits, not-a-number equal to itself."""
    if isinstance(value, str):
        value = float(value)
    return "nan" if math.isnan(value) else float(f"{value:.11g}")


def result_rows(result):
    if result.error:
        return result.error
    return sorted((tuple(sorted(labels.items())), number(value)) for labels, value in result.rows)
