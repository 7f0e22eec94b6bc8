"""histogram_quantile and histogram_fraction over classic histograms."""

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.grouping import by_group, solid
from engine.vector.histogram_kernels import histogram_fractions, histogram_quantiles
from engine.vector.labelling import Numbers, Rows, Unique, label
from engine.vector.labels import Labels
from engine.vector.matrix import Floats, Matrix
from engine.vector.partial import solid_mask
from engine.vector.wording import bad_bucket, forced_monotonicity, invalid_quantile, metric_name

_BOUND: Final = "le"
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)[pP][+-]?\d+", re.ASCII
)
_WORD: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)


def parsed_bound(text: str) -> float | None:
    """Return the number in an `le` label, or None; the forms are those of Go's ParseFloat."""
    if _DECIMAL.fullmatch(text) or _WORD.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        return float.fromhex(text)
    return None


class Buckets:
    """Which histogram and bound each row is of, kept between evaluations."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._forget(None)

    def _forget(self, source: Labels | None) -> None:
        self._source = source
        self._out = Unique()
        self._groups = Numbers()
        self._bounds: list[float] = []
        self._bad: dict[int, str] = {}  # row to its warning
        self._layout: tuple[Rows, Rows, Floats] | None = None

    @property
    def labels(self) -> Labels:
        """Return the histograms: a row each."""
        return self._out.labels

    def layout(self, matrix: Matrix) -> tuple[Rows, Rows, Floats]:
        """Return order i64[k] of good rows, starts i64[g + 1], bounds f64[n]."""
        count = matrix.values.shape[0]
        if matrix.labels is not self._source:
            self._forget(matrix.labels)
        done = self._groups.array.size
        if count > done:
            self._groups.extend([self._enter(matrix.labels, at) for at in range(done, count)])
            self._layout = None
        if self._layout is None or self._layout[2].size != count:
            groups = self._groups.array[:count]
            bounds = np.array(self._bounds[:count])
            order = np.lexsort((bounds, groups))
            order = order[groups[order] >= 0]
            _, starts = by_group(groups[groups >= 0], len(self.labels))
            self._layout = order, starts, bounds
        return self._layout

    def _enter(self, labels: Labels, row: int) -> int:
        have = labels.sets[row]
        text = label(have, _BOUND)
        bound = parsed_bound(text)
        self._bounds.append(np.nan if bound is None else bound)
        if bound is None:
            self._bad[row] = bad_bucket(metric_name(have), text, self._where)
            return -1
        return self._out.row(tuple(pair for pair in have if pair[0] != _BOUND), True)

    def warn(self, frame: Frame, matrix: Matrix) -> None:
        """Warn of rows that are present and have no bound."""
        for row, text in self._bad.items():
            if row < matrix.mask.shape[0] and matrix.mask[row].any():
                frame.annotations.warn(text)


class HistogramQuantile:
    """histogram_quantile(q, buckets)."""

    def __init__(self, wanted: ScalarNode, node: VectorNode, where_wanted: str, where: str) -> None:
        self._wanted = wanted
        self._node = node
        self._where_wanted = where_wanted
        self._where = where
        self._buckets = Buckets(where)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per histogram."""
        wanted = solid(self._wanted.column(frame))
        for value in wanted[~((wanted >= 0) & (wanted <= 1))]:
            frame.annotations.warn(invalid_quantile(float(value), self._where_wanted))
        matrix = self._node.matrix(frame)
        order, starts, bounds = self._buckets.layout(matrix)
        self._buckets.warn(frame, matrix)
        values, mask, forced = histogram_quantiles(
            order, starts, bounds, solid(matrix.values), solid_mask(matrix.mask), wanted
        )
        if forced[:, :, 0].any():
            self._inform(frame, forced)
        return Matrix(self._buckets.labels, values, mask)

    def _inform(self, frame: Frame, forced: npt.NDArray[np.float64]) -> None:
        """Say once for each metric name where counts were raised."""
        names: dict[str, list[int]] = {}
        for row in np.nonzero(forced[:, :, 0].any(axis=1))[0].tolist():
            names.setdefault(metric_name(self._buckets.labels.sets[row]), []).append(row)
        for name, rows in names.items():
            cells = forced[rows]
            times = frame.times[np.nonzero(cells[:, :, 0].any(axis=0))[0]]
            text = forced_monotonicity(
                name, float(cells[:, :, 1].min()), float(cells[:, :, 2].max()),
                float(cells[:, :, 3].max()), int(cells[:, :, 0].sum()),
                int(times[0]), int(times[-1]),
            )  # fmt: skip
            frame.annotations.info(text + self._where)


class HistogramFraction:
    """histogram_fraction(lower, upper, buckets)."""

    def __init__(self, low: ScalarNode, high: ScalarNode, node: VectorNode, where: str) -> None:
        self._low = low
        self._high = high
        self._node = node
        self._buckets = Buckets(where)

    def matrix(self, frame: Frame) -> Matrix:
        """Return a row per histogram."""
        low, high = solid(self._low.column(frame)), solid(self._high.column(frame))
        matrix = self._node.matrix(frame)
        order, starts, bounds = self._buckets.layout(matrix)
        self._buckets.warn(frame, matrix)
        values, mask = histogram_fractions(
            order, starts, bounds, solid(matrix.values), solid_mask(matrix.mask), low, high
        )
        return Matrix(self._buckets.labels, values, mask)


class NoFloats:
    """A function of native histograms: floats have none."""

    def __init__(self, node: VectorNode) -> None:
        self._node = node

    def matrix(self, frame: Frame) -> Matrix:
        """Return the rows, none of them present."""
        matrix = self._node.matrix(frame)
        return Matrix(matrix.labels, matrix.values, np.zeros_like(matrix.mask))
