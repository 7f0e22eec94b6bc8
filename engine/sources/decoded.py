"""What every decoder returns: rows as columns, and the records it did not take."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.sources.fetch import Reject


@dataclass(slots=True)
class Decoded:
    """n rows in the order of their records.

    positions: offset in the partition or line of the request; entries: of the Dictionary;
    messages, numbers, hashes: logs only.
    """

    positions: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64] | None = None
    messages: list[str] | None = None
    numbers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    hashes: dict[str, npt.NDArray[np.uint64]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def take(self, keep: npt.NDArray[np.bool_]) -> "Decoded":
        """Return some of the rows, with all rejects."""
        messages = self.messages
        if messages is not None:
            messages = [messages[i] for i in np.flatnonzero(keep).tolist()]
        return Decoded(
            self.positions[keep],
            self.times_ms[keep],
            self.entries[keep],
            None if self.values is None else self.values[keep],
            messages,
            {name: column[keep] for name, column in self.numbers.items()},
            {name: column[keep] for name, column in self.hashes.items()},
            self.rejects,
        )
