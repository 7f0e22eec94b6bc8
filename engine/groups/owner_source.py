"""What the owner of components evaluates over: recorded series, and what the shards sent."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from engine.groups.history import History
from engine.groups.recorded import Recorded
from engine.promql import MatrixSelector, VectorSelector
from engine.vector import (
    Annotations,
    EvaluationError,
    Exchanged,
    Floats,
    LabelSet,
    Matrix,
    Source,
    Times,
)


class OwnerSource:
    """engine.vector.Source of an owner: selectors that were not cut are recorded ones' (and
    mirrored ones', which are kept with them); cut subtrees are read from their histories."""

    def __init__(self, recorded: Source, histories: Mapping[str, History]) -> None:
        self.recorded, self.histories = recorded, histories
        self.annotations: Annotations | None = None
        self._kept: dict[tuple[str, bytes], Matrix] = {}

    def forget(self) -> None:
        """Forget what was put together: steps have come."""
        self._kept.clear()

    def instant(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return the newest samples of recorded and mirrored series."""
        return self.recorded.instant(selector, times)

    def instant_times(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return those samples' own times, in seconds."""
        return self.recorded.instant_times(selector, times)

    def over(
        self, function: str, selector: MatrixSelector, times: Times, parameters: tuple[Floats, ...]
    ) -> Matrix:
        """Return a range function over recorded and mirrored series."""
        return self.recorded.over(function, selector, times, parameters)

    def exchanged(self, node: Exchanged, times: Times) -> Matrix:
        """Return what the shards sent for some times, and say what they said of it.

        Raises EvaluationError where a shard could not evaluate one of those times.
        """
        history = self.histories.get(node.id)
        if history is None:
            raise EvaluationError(f"nothing is known of the exchange {node.id}")
        times = np.asarray(times - history.exchange.delay_ms, np.int64)
        for at_ms in times.tolist():
            step = history.steps.get(at_ms)
            if step is None:
                continue
            if step.error:
                raise EvaluationError(step.error)
            if self.annotations is not None:
                for text in step.warnings:
                    self.annotations.warn(text)
                for text in step.infos:
                    self.annotations.info(text)
        key = node.id, times.tobytes()
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = history.matrix(times)
        return kept


class RecordedOnly:
    """Recorded series without the mirrored ones beside them, which their own shards have too."""

    def __init__(self, recorded: Source, mirrors: Iterable[History]) -> None:
        self.recorded = recorded
        self.mirrors = [history for history in mirrors if history.exchange.mirror]

    def instant(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return the newest samples of recorded series."""
        return self._without(self.recorded.instant(selector, times))

    def instant_times(self, selector: VectorSelector, times: Times) -> Matrix:
        """Return those samples' own times, in seconds."""
        return self._without(self.recorded.instant_times(selector, times))

    def over(
        self, function: str, selector: MatrixSelector, times: Times, parameters: tuple[Floats, ...]
    ) -> Matrix:
        """Return a range function over recorded series."""
        return self._without(self.recorded.over(function, selector, times, parameters))

    def exchanged(self, node: Exchanged, times: Times) -> Matrix:
        """Refuse, as every source of a shard does."""
        return self.recorded.exchanged(node, times)

    def _without(self, matrix: Matrix) -> Matrix:
        if not any(len(one.table) for one in self.mirrors):
            return matrix
        sets = matrix.labels.sets[: matrix.mask.shape[0]]
        mirrored = {labels for one in self.mirrors for labels in one.table.labels.sets}
        kept = [labels not in mirrored for labels in sets]
        if all(kept):
            return matrix
        return replace(matrix, mask=matrix.mask & np.array(kept, np.bool_)[:, None])


def mirror(recorded: Recorded, sets: list[LabelSet], times: Times, values: Floats) -> None:
    """Add samples of series that live on shards to the recorded ones: both are read as one."""
    series = np.array([recorded.series(labels) for labels in sets], np.int64)
    recorded.add(series, times, values)
