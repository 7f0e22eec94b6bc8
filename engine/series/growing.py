"""A growing array: rows are appended, and what is there never moves for its reader."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Column:
    """A growing array of one dtype."""

    __slots__ = ("_array", "_size")

    def __init__(self, dtype: npt.DTypeLike, array: npt.NDArray[Any] | None = None) -> None:
        self._array = np.zeros(16, dtype) if array is None else array
        self._size = 0 if array is None else array.size

    def append(self, value: int) -> None:
        """Add one value."""
        if self._size == self._array.size:
            more = np.zeros(max(16, 2 * self._size), self._array.dtype)
            more[: self._size] = self._array
            self._array = more
        self._array[self._size] = value
        self._size += 1

    def clear(self) -> None:
        """Have no values."""
        self._size = 0

    def view(self) -> npt.NDArray[Any]:
        """Return the values; valid until the next append."""
        return self._array[: self._size]

    def __len__(self) -> int:
        return self._size
