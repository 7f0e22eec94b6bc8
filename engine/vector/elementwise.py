"""Functions of each value by itself: arithmetic, trigonometry, clamps, calendar."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.vector.frame import Frame, ScalarNode, VectorNode
from engine.vector.labelling import NameLeaving
from engine.vector.labels import Labels
from engine.vector.matrix import Floats, Matrix

_DAY_S: Final = 86_400
_CALENDAR_S: Final = float(1 << 53)  # beyond this no date is exact, nor does it fit datetime64
_EPOCH_WEEKDAY: Final = 4  # 1970-01-01 was a Thursday
_EPOCH_YEAR: Final = 1970

Elementwise = Callable[[Floats], Floats]


def _sign(values: Floats) -> Floats:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def _seconds(values: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return whole seconds, cut towards 1970, and which of them a calendar has."""
    fits = np.abs(values) < _CALENDAR_S
    return np.where(fits, values, 0.0).astype(np.int64), fits


def _dated(part: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> Elementwise:
    def of(values: Floats) -> Floats:
        seconds, fits = _seconds(values)
        return np.where(fits, part(seconds).astype(np.float64), np.nan)

    return of


def _days(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    return (seconds // _DAY_S).astype("datetime64[D]")


def _month(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    months: npt.NDArray[np.int64] = _days(seconds).astype("datetime64[M]").view(np.int64)
    return months % 12 + 1


def _year(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    years: npt.NDArray[np.int64] = _days(seconds).astype("datetime64[Y]").view(np.int64)
    return years + _EPOCH_YEAR


def _since(seconds: npt.NDArray[np.int64], unit: str) -> npt.NDArray[np.int64]:
    days = _days(seconds)
    first = days.astype(f"datetime64[{unit}]").astype("datetime64[D]")
    passed: npt.NDArray[np.int64] = (days - first).astype(np.int64)
    return passed + 1


def _month_days(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    month = _days(seconds).astype("datetime64[M]")
    following = (month + np.timedelta64(1, "M")).astype("datetime64[D]")
    days: npt.NDArray[np.int64] = (following - month.astype("datetime64[D]")).astype(np.int64)
    return days


DATES: Final[Mapping[str, Elementwise]] = {
    "day_of_month": _dated(lambda s: _since(s, "M")),
    "day_of_week": _dated(lambda s: (s // _DAY_S + _EPOCH_WEEKDAY) % 7),
    "day_of_year": _dated(lambda s: _since(s, "Y")),
    "days_in_month": _dated(_month_days),
    "hour": _dated(lambda s: s % _DAY_S // 3600),
    "minute": _dated(lambda s: s % 3600 // 60),
    "month": _dated(_month),
    "year": _dated(_year),
}
ELEMENTWISE: Final[Mapping[str, Elementwise]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * np.pi / 180,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    **DATES,
}


class Each:
    """A function of each value."""

    def __init__(self, apply: Elementwise, node: VectorNode) -> None:
        self._apply = apply
        self._node = node
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return the function's values."""
        matrix = self._node.matrix(frame)
        return self._relabelled(matrix, self._apply(matrix.values))


class Negated(Each):
    """Unary minus of a vector."""

    def __init__(self, node: VectorNode) -> None:
        super().__init__(np.negative, node)


class NegatedScalar:
    """Unary minus of a scalar."""

    def __init__(self, node: ScalarNode) -> None:
        self._node = node

    def column(self, frame: Frame) -> Floats:
        """Return the numbers negated."""
        return -self._node.column(frame)


class Rounded:
    """round(v, to_nearest)."""

    def __init__(self, node: VectorNode, nearest: ScalarNode) -> None:
        self._node = node
        self._nearest = nearest
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return values rounded, ties up."""
        matrix = self._node.matrix(frame)
        inverse = 1.0 / self._nearest.column(frame)
        return self._relabelled(matrix, np.floor(matrix.values * inverse + 0.5) / inverse)


def _lesser(a: Floats, b: Floats) -> Floats:
    """Return the lesser of two; NaN stays NaN, but for -Inf, which nothing is less than."""
    return np.where(np.isneginf(a) | np.isneginf(b), -np.inf, np.minimum(a, b))


def _greater(a: Floats, b: Floats) -> Floats:
    return np.where(np.isposinf(a) | np.isposinf(b), np.inf, np.maximum(a, b))


class Clamped:
    """clamp, clamp_min, clamp_max."""

    def __init__(self, node: VectorNode, least: ScalarNode, most: ScalarNode) -> None:
        self._node = node
        self._least = least
        self._most = most
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return values within the limits; nothing at steps whose limits cross."""
        matrix = self._node.matrix(frame)
        least, most = self._least.column(frame), self._most.column(frame)
        held = self._relabelled(matrix, _greater(least, _lesser(most, matrix.values)))
        crossed = most < least
        if not crossed.any():
            return held
        return Matrix(held.labels, held.values, held.mask & ~crossed, held.order)


class StepTimes:
    """timestamp() of anything but a selector: the step's own time."""

    def __init__(self, node: VectorNode) -> None:
        self._node = node
        self._relabelled = NameLeaving()

    def matrix(self, frame: Frame) -> Matrix:
        """Return the evaluation times where there is a row."""
        matrix = self._node.matrix(frame)
        seconds = np.broadcast_to(frame.times / 1000.0, matrix.values.shape)
        return self._relabelled(matrix, seconds)


class Vector:
    """vector(s): one row without labels; also the date functions of no argument."""

    def __init__(self, node: ScalarNode) -> None:
        self._node = node
        self._labels = Labels()
        self._labels.add(())

    def matrix(self, frame: Frame) -> Matrix:
        """Return the scalar as a row."""
        values = self._node.column(frame)[np.newaxis]
        return Matrix(self._labels, values, np.ones(values.shape, np.bool_))


class OnlyValue:
    """scalar(v): the value of the only row, NaN where there is not exactly one."""

    def __init__(self, node: VectorNode) -> None:
        self._node = node

    def column(self, frame: Frame) -> Floats:
        """Return the numbers."""
        matrix = self._node.matrix(frame)
        if not matrix.values.shape[0]:
            return np.full(frame.times.size, np.nan)
        steps = np.arange(frame.times.size)
        first = matrix.values[matrix.mask.argmax(axis=0), steps]
        return np.where(np.count_nonzero(matrix.mask, axis=0) == 1, first, np.nan)


class Absent:
    """absent(v): a row of 1 where there is none. Labels: what the selector's matchers fix."""

    def __init__(self, node: VectorNode, labels: tuple[tuple[str, str], ...]) -> None:
        self._node = node
        self._labels = Labels()
        self._labels.add(labels)

    def matrix(self, frame: Frame) -> Matrix:
        """Return 1 at steps without a row."""
        absent = ~np.asarray(self._node.matrix(frame).mask.any(axis=0, keepdims=True))
        return Matrix(self._labels, np.ones(absent.shape), absent)
