"""A source of vectors that is obviously right: samples in dicts, a loop a series and time."""

import numpy as np

from engine.alerts import decode
from engine.groups import GroupEvaluator, Moment, decode_result
from engine.limits import DEFAULT_LIMITS
from engine.plan import PromGroup, PromRule
from engine.promql import parse
from engine.series import selects
from engine.vector import EvaluationError, Labels, Matrix, label_set

LOOKBACK_MS = 300_000
STALE = np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0]


def is_stale(value):
    return np.array([value]).view(np.uint64)[0] == 0x7FF0000000000002


class Memory:
    """Samples by label set: `put` before a tick reads them."""

    def __init__(self):
        self.series = {}
        self.found = {}  # selector -> Labels, rows in the order in which series came

    def put(self, labels, at_ms, value):
        self.series.setdefault(label_set(labels), {})[at_ms] = value

    def _matched(self, selector):
        labels = self.found.setdefault(selector, Labels())
        for known in self.series:
            if known not in labels.sets and selects(selector, dict(known)):
                labels.add(known)
        return labels

    def _newest(self, known, at_ms):
        samples = [t for t in self.series[known] if at_ms - LOOKBACK_MS < t <= at_ms]
        if not samples or is_stale(self.series[known][max(samples)]):
            return None
        return max(samples), self.series[known][max(samples)]

    def instant(self, selector, times):
        labels = self._matched(selector.selector)
        found = [[self._newest(known, at) for at in times.tolist()] for known in labels.sets]
        values = [[0.0 if one is None else one[1] for one in row] for row in found]
        mask = [[one is not None for one in row] for row in found]
        shape = (len(found), times.size)
        return Matrix(
            labels, np.array(values, float).reshape(shape), np.array(mask, bool).reshape(shape)
        )

    def instant_times(self, selector, times):
        raise NotImplementedError

    def over(self, function, selector, times, parameters):
        assert (function, parameters) == ("sum_over_time", ())
        labels = self._matched(selector.vector.selector)
        shape = (len(labels), times.size)
        values, mask = np.zeros(shape), np.zeros(shape, bool)
        for row, known in enumerate(labels.sets):
            for step, at in enumerate(times.tolist()):
                inside = [
                    value
                    for t, value in self.series[known].items()
                    if at - selector.range_ms < t <= at and not is_stale(value)
                ]
                values[row, step], mask[row, step] = sum(inside), bool(inside)
        return Matrix(labels, values, mask)

    def exchanged(self, node, times):
        raise EvaluationError("nothing is exchanged here")


class Both:
    """Raw series and those that the groups record, as an owner sees them."""

    def __init__(self, raw, recorded):
        self.raw, self.recorded = raw, recorded

    def _joined(self, name, *asked):
        parts = [getattr(self.raw, name)(*asked), getattr(self.recorded, name)(*asked)]
        if not len(parts[1].labels):
            return parts[0]
        labels = Labels()
        for part in parts:
            for known in part.labels.sets[: part.values.shape[0]]:
                labels.add(known)
        return Matrix(
            labels,
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.mask for part in parts]),
        )

    def instant(self, *asked):
        return self._joined("instant", *asked)

    def instant_times(self, *asked):
        return self._joined("instant_times", *asked)

    def over(self, *asked):
        return self._joined("over", *asked)

    def exchanged(self, node, times):
        raise EvaluationError("nothing is exchanged here")


def rule(kind, name, text, *, identity=None, **more):
    return PromRule(
        kind=kind, name=name, identity=identity or f"g/{name}", version="1", file="r.yaml", line=1,
        text=text, expr=parse(text), **more,
    )  # fmt: skip


def group(*rules, interval_ms=60_000, **more):
    return PromGroup(
        tenant="default", name="g", file="r.yaml", interval_ms=interval_ms, rules=rules, **more
    )


def reads(*texts, need_ms=3_600_000):
    return [(parse(text).selector, need_ms) for text in texts]


class World:
    """An evaluator, its series, and what it has said so far."""

    def __init__(self, *groups, read=(), limits=DEFAULT_LIMITS):
        self.groups, self.read, self.limits = groups, reads(*read), limits
        self.raw = Memory()
        self.evaluator = GroupEvaluator(groups, limits, reads=self.read)
        self.sequence = 0
        self.offset = 0
        self.saved = {}  # chunk name -> version, payload

    def moment(self):
        def count():
            self.sequence += 1
            return self.sequence

        self.offset += 1
        return Moment(3, 7, self.offset, 99, count)

    def tick(self, at_ms, intervals=(60_000,)):
        source = Both(self.raw, self.evaluator.recorded.source)
        outputs = self.evaluator.tick(at_ms, source, intervals, self.moment())
        return self.read_outputs(outputs)

    def switch(self, *groups, at_ms, read=()):
        self.groups, self.read = groups, reads(*read)
        outputs = self.evaluator.switch(groups, self.read, at_ms, self.moment())
        return self.read_outputs(outputs)

    @staticmethod
    def read_outputs(outputs):
        readers = {"alerts": decode, "results": decode_result}
        return [readers[output.topic](output.value) for output in outputs]

    def restart(self):
        """Go on with another evaluator that was restored from this one's chunks.

        Chunks that the snapshot before has, at the same version, are taken from there.
        """
        fresh = {}
        for chunk in self.evaluator.chunks(
            {name: version for name, (version, _) in self.saved.items()}, self.offset
        ):
            known = self.saved.get(chunk.name)
            payload = known[1] if known and known[0] == chunk.version else chunk.payload
            fresh[chunk.name] = chunk.version, payload
        self.saved = fresh
        self.evaluator = GroupEvaluator(self.groups, self.limits, reads=self.read)
        for name, (_, payload) in reversed(fresh.items()):  # any order will do
            self.evaluator.restore(name, payload)

    def recorded(self, text, at_ms):
        """Return what the recorded series of a selector are at a time: {labels: value}."""
        expr, times = parse(text), np.array([at_ms], np.int64)
        matrix = self.evaluator.recorded.source.instant(expr, times)
        return {
            matrix.labels.sets[row]: matrix.values[row, 0]
            for row in range(matrix.values.shape[0])
            if matrix.mask[row, 0]
        }
