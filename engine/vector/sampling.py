"""limitk and limit_ratio: some rows of each group, picked by their labels and never by arrival.

Equal rows are picked after a restart, in a replay and whatever the number of shards.
"""

from typing import Final

import numpy as np

from engine.kernels import jit
from engine.vector.aggregate_kernels import Array, ranked
from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.grouping import GroupKey, Groups, solid
from engine.vector.labelling import Rows
from engine.vector.labels import Labels, LabelSet
from engine.vector.matrix import EvaluationError, Floats, Matrix
from engine.vector.partial import solid_mask
from engine.vector.wording import go_float, invalid_ratio

_INT64_LEAST: Final = -9223372036854775808.0
_INT64_MOST: Final = 9223372036854774784.0
_HASHES: Final = 2.0**64
_LONG: Final = 255  # texts of this many bytes and more have four bytes of length
_SIZES: Final = 0xFFFFFF

_P1: Final = np.uint64(0x9E3779B185EBCA87)
_P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_P3: Final = np.uint64(0x165667B19E3779F9)
_P4: Final = np.uint64(0x85EBCA77C2B2AE63)
_P5: Final = np.uint64(0x27D4EB2F165667C5)


def whole_limits(wanted: Floats) -> Rows:
    """Return the number of rows that topk, bottomk and limitk keep at each step.

    Raises: EvaluationError where it is no number that int64 has, in Prometheus' words.
    """
    if np.isnan(wanted).any():
        raise EvaluationError("Parameter value is NaN")
    least, most = float(wanted.min(initial=1.0)), float(wanted.max(initial=-np.inf))
    if most < 1:
        return np.zeros(wanted.size, np.int64)
    if least <= _INT64_LEAST:
        raise EvaluationError(f"Scalar value {go_float(least)} underflows int64")
    if most >= _INT64_MOST:
        raise EvaluationError(f"Scalar value {go_float(most)} overflows int64")
    return wanted.astype(np.int64)


class Limited:
    """limitk(k, v): of each group the first k rows in the order of their labels."""

    def __init__(self, key: GroupKey, wanted: ScalarNode, node: VectorNode) -> None:
        self._wanted = wanted
        self._node = node
        self._groups = Groups(key)
        self._source: Labels | None = None
        self._order: list[int] = []
        self._places: Floats = np.zeros(0)

    def matrix(self, frame: Frame) -> Matrix:
        """Return the input with fewer rows present."""
        wanted = whole_limits(self._wanted.column(frame))
        matrix = self._node.matrix(frame)
        count, steps = matrix.mask.shape
        of = self._groups.of(matrix.labels, count)
        order, starts = self._groups.sorted(of.size)
        places = np.repeat(self._placed(matrix.labels, count)[:, None], steps, axis=1)
        kept = ranked(order, starts, places, solid_mask(matrix.mask), wanted, -1.0)
        return Matrix(matrix.labels, matrix.values, kept)

    def _placed(self, labels: Labels, count: int) -> Floats:
        """Return the place of each row among all, by label set: f64[n], exact below 2^53."""
        if labels is not self._source:
            self._source, self._order = labels, []
        if len(self._order) != count:
            known = [row for row in self._order if row < count]
            self._order = [*known, *range(len(known), count)]
            self._order.sort(key=labels.sets.__getitem__)  # nearly sorted: cheap for few new rows
            self._places = np.zeros(count)
            self._places[self._order] = np.arange(count)
        return self._places


class Sampled:
    """limit_ratio(r, v): the rows whose hash lies below r, for r < 0 those not below 1 + r.

    The hash is Prometheus' own of the label set, so that the same rows are picked.
    """

    def __init__(self, wanted: ScalarNode, node: VectorNode, where: str) -> None:
        self._wanted = wanted
        self._node = node
        self._where = where
        self._source: Labels | None = None
        self._offsets: Floats = np.zeros(0)

    def matrix(self, frame: Frame) -> Matrix:
        """Return the input with fewer rows present."""
        ratios = self._ratios(frame)
        matrix = self._node.matrix(frame)
        offsets = self._placed(matrix.labels, matrix.mask.shape[0])[:, None]
        picked = np.where(ratios >= 0, offsets < ratios, offsets >= 1.0 + ratios)
        return Matrix(matrix.labels, matrix.values, matrix.mask & picked)

    def _ratios(self, frame: Frame) -> Floats:
        wanted = solid(self._wanted.column(frame))
        if np.isnan(wanted).any():
            raise EvaluationError("Ratio value is NaN")
        most, least = wanted.max(initial=0.0), wanted.min(initial=0.0)
        if most > 1:
            frame.annotations.warn(invalid_ratio(float(most), 1.0, self._where))
        if least < -1:
            frame.annotations.warn(invalid_ratio(float(least), -1.0, self._where))
        return np.clip(wanted, -1.0, 1.0)

    def _placed(self, labels: Labels, count: int) -> Floats:
        if labels is not self._source:
            self._source, self._offsets = labels, np.zeros(0)
        done = self._offsets.size
        if count > done:
            fresh = [label_hash(labels.sets[row]) / _HASHES for row in range(done, count)]
            self._offsets = np.concatenate([self._offsets, np.array(fresh)])
        return self._offsets[:count]


def label_hash(labels: LabelSet) -> int:
    """Return the 64-bit hash that Prometheus 3 has of a label set.

    It is XXH64 of names and values, each after its length: a byte, or 255 and three bytes.
    """
    parts = bytearray()
    for pair in labels:
        for text in pair:
            data = text.encode("utf-8", "surrogatepass")
            size = len(data)
            if size < _LONG:
                parts.append(size)
            else:
                parts += b"\xff" + (size & _SIZES).to_bytes(3, "little")
            parts += data
    return int(_xxh64(np.frombuffer(bytes(parts), np.uint8)))


@jit
def _turned(value: np.uint64, bits: int) -> np.uint64:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@jit
def _word(data: Array, at: int, size: int) -> np.uint64:
    """Return the little-endian number of `size` bytes."""
    word = np.uint64(0)
    for index in range(size):
        word |= np.uint64(data[at + index]) << np.uint64(8 * index)
    return word


@jit
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _turned(lane + word * _P2, 31) * _P1


@jit
def _xxh64(data: Array) -> np.uint64:
    """Return XXH64 with seed 0 of u8[n]."""
    at, size = 0, data.size
    total = _P5
    if size >= 32:
        lanes = np.empty(4, np.uint64)
        lanes[0], lanes[1], lanes[2], lanes[3] = _P1 + _P2, _P2, np.uint64(0), np.uint64(0) - _P1
        while at + 32 <= size:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _word(data, at + 8 * lane, 8))
            at += 32
        total = _turned(lanes[0], 1) + _turned(lanes[1], 7)
        total += _turned(lanes[2], 12) + _turned(lanes[3], 18)
        for lane in range(4):
            total = (total ^ _round(np.uint64(0), lanes[lane])) * _P1 + _P4
    total += np.uint64(size)
    while at + 8 <= size:
        total = _turned(total ^ _round(np.uint64(0), _word(data, at, 8)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= size:
        total = _turned(total ^ (_word(data, at, 4) * _P1), 23) * _P2 + _P3
        at += 4
    while at < size:
        total = _turned(total ^ (np.uint64(data[at]) * _P5), 11) * _P1
        at += 1
    total = (total ^ (total >> np.uint64(33))) * _P2
    total = (total ^ (total >> np.uint64(29))) * _P3
    return total ^ (total >> np.uint64(32))
