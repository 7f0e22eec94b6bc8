"""A source over lists of samples: every question is answered by looking at every sample."""

import math
import struct

import numpy as np

from engine.series import selects
from engine.vector import EvaluationError, Labels, Matrix, label_set
from tests.vector.naive_functions import range_value

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
LOOKBACK_MS = 300_000


def is_stale(value):
    return math.isnan(value) and struct.pack("<d", value) == struct.pack("<d", STALE)


class NaiveSource:
    """engine.vector.Source over {label set: [(time_ms, value)]}. Series may be added."""

    def __init__(self, series=(), lookback_ms=LOOKBACK_MS, exchanged=None):
        self.series = {}
        self.lookback_ms = lookback_ms
        self.sent = exchanged or {}
        self._labels = {}
        self._sorted = {}
        for labels, samples in series:
            self.add(labels, samples)

    def add(self, labels, samples):
        """Add samples of a series; of equal times the later one is taken."""
        have = self.series.setdefault(label_set(labels), {})
        have.update(samples)
        self._sorted.pop(label_set(labels), None)

    def samples(self, labels):
        if labels not in self._sorted:
            self._sorted[labels] = sorted(self.series[labels].items())
        return self._sorted[labels]

    def _rows(self, selector):
        """Return the Labels of a selector with what came since appended."""
        labels = self._labels.setdefault(selector, Labels())
        known = set(labels.sets)
        for series in self.series:
            if series not in known and selects(selector, dict(series)):
                labels.add(series)
        return labels

    def _matrix(self, selector, times, value_at):
        labels = self._rows(selector)
        shape = len(labels), len(times)
        values, mask = np.full(shape, 1e99), np.zeros(shape, bool)
        for row, series in enumerate(labels.sets):
            samples = self.samples(series)
            for step, t in enumerate(times.tolist()):
                found = value_at(samples, t, step)
                if found is not None:
                    values[row, step], mask[row, step] = found, True
        return Matrix(labels, values, mask)

    def _newest(self, samples, t):
        inside = [s for s in samples if t - self.lookback_ms < s[0] <= t]
        return None if not inside or is_stale(inside[-1][1]) else inside[-1]

    def instant(self, selector, times):
        def value(samples, t, step):
            found = self._newest(samples, t)
            return None if found is None else found[1]

        return self._matrix(selector.selector, times, value)

    def instant_times(self, selector, times):
        def value(samples, t, step):
            found = self._newest(samples, t)
            return None if found is None else found[0] / 1000

        return self._matrix(selector.selector, times, value)

    def over(self, function, selector, times, parameters):
        def value(samples, t, step):
            inside = [
                s for s in samples if t - selector.range_ms < s[0] <= t and not is_stale(s[1])
            ]
            given = tuple(float(column[step]) for column in parameters)
            return range_value(function, inside, t, selector.range_ms, given)

        return self._matrix(selector.vector.selector, times, value)

    def exchanged(self, node, times):
        if node.id not in self.sent:
            raise EvaluationError(f"nothing was sent of {node.id}")
        return self.sent[node.id](times)
