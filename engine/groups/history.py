"""The steps of one exchange at its owner: rows of all shards, for as long as somebody reads them.

Rows are numbered by label set and steps are columns over those numbers. What no kept step holds
is left out when numbers begin anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from engine import metrics
from engine.checkpoint import pack, unpack
from engine.groups.row_table import Ints, RowTable
from engine.groups.wire import announced, cells_of, samples_of, told
from engine.owner import Chunk
from engine.plan import Exchange
from engine.series import Block
from engine.vector import Floats, LabelSet, Matrix, PartialMerge, Times

BORN_MAX: Final = 3
"""Numberings of one sender that are known at once: its own, and those of who took over."""
STEPS_PER_CHUNK_MS: Final = 1_800_000
UNTOLD: Final = -1


@dataclass(slots=True)
class Step:
    """What there was at one time: rows i64[k] rising, values f64[k], and what went wrong."""

    rows: Ints
    values: Floats
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    error: str = ""


@dataclass(slots=True)
class _Numbers:
    """The rows of one sender under one numbering: its number -> ours."""

    born: int
    of: Ints = field(default_factory=lambda: np.full(16, UNTOLD, np.int64))

    def learn(self, row: int, number: int) -> None:
        if row >= self.of.size:
            more = np.full(max(row + 1, 2 * self.of.size), UNTOLD, np.int64)
            more[: self.of.size] = self.of
            self.of = more
        self.of[row] = number

    def known(self, rows: Ints) -> Ints:
        inside = np.minimum(rows, self.of.size - 1)
        return np.where(rows < self.of.size, self.of[inside], UNTOLD)


class History:
    """Steps of one exchange, by time; of a mirror only the numbers of rows."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.steps: dict[int, Step] = {}
        self.table = RowTable()
        self.version = 0
        self._numbers: dict[int, list[_Numbers]] = {}  # by sender, newest numbering last
        self._changed: dict[int, int] = {}  # part of time -> version of its last change
        self._merge: PartialMerge | None = None

    # -- what senders say -----------------------------------------------------------------------

    def learn(self, sender: int, block: Block) -> None:
        """Take the labels that a block tells, a repeated one too."""
        if not block.announced:
            return
        numbers = self._of(sender, block.born, make=True)
        assert numbers is not None
        for row, labels, dropped in told(block.announced):
            numbers.learn(row, self.table.number(labels, dropped))
        self.version += 1

    def fold(self, blocks: list[tuple[int, Block]]) -> None:
        """Add the steps that blocks of all senders have, in the order of senders."""
        found: dict[int, list[tuple[Ints, tuple[Floats, ...]]]] = {}
        notes: dict[int, list[Block]] = {}
        for sender, block in blocks:
            numbers = self._of(sender, block.born)
            for cells in cells_of(block):
                if block.warnings or block.infos or block.error:
                    notes.setdefault(cells.at_ms, []).append(block)
                rows, columns = _resolved(numbers, cells.rows, cells.columns)
                found.setdefault(cells.at_ms, []).append((rows, columns))
        for at_ms, parts in found.items():
            whole = [part for part in parts if part[0].size]
            rows, values = self._merged(whole) if self.exchange.partial else _joined(whole)
            said = notes.get(at_ms, [])
            self.steps[at_ms] = Step(
                rows,
                values,
                tuple(dict.fromkeys(text for one in said for text in one.warnings)),
                tuple(dict.fromkeys(text for one in said for text in one.infos)),
                next((one.error for one in said if one.error), ""),
            )
            self._touch(at_ms)

    def samples(self, sender: int, block: Block) -> tuple[list[LabelSet], Times, Floats]:
        """Return the samples of a mirror's block, those of rows that were told."""
        rows, times, values = samples_of(block)
        numbers = self._of(sender, block.born)
        ours = np.full(rows.size, UNTOLD) if numbers is None else numbers.known(rows)
        kept = ours >= 0
        metrics.dropped("row_unknown", int(rows.size - kept.sum()))
        sets = self.table.labels.sets
        return [sets[row] for row in ours[kept].tolist()], times[kept], values[kept]

    def _of(self, sender: int, born: int, *, make: bool = False) -> _Numbers | None:
        known = self._numbers.setdefault(sender, [])
        for numbers in known:
            if numbers.born == born:
                return numbers
        if not make:
            return None
        known.append(_Numbers(born))
        del known[:-BORN_MAX]
        return known[-1]

    def _merged(self, parts: list[tuple[Ints, tuple[Floats, ...]]]) -> tuple[Ints, Floats]:
        assert self.exchange.partial is not None
        if not parts:
            return np.empty(0, np.int64), np.empty(0)
        if self._merge is None:
            self._merge = PartialMerge(self.exchange.partial)
        size = len(self.table)
        spread = []
        for rows, columns in parts:
            mask = np.zeros((size, 1), np.bool_)
            mask[rows, 0] = True
            dense = []
            for column in columns:
                whole = np.zeros((size, 1))
                whole[rows, 0] = column
                dense.append(whole)
            spread.append((self.table.labels, tuple(dense), mask))
        result = self._merge(spread)
        live = np.flatnonzero(result.mask[:, 0])
        return _ordered(self.table.place(result.labels, live), result.values[live, 0])

    # -- what evaluators ask --------------------------------------------------------------------

    def matrix(self, times: Times) -> Matrix:
        """Return the rows at some times, no rows at times that are not known."""
        size = len(self.table)
        values = np.zeros((size, times.size))
        mask = np.zeros(values.shape, np.bool_)
        for column, at_ms in enumerate(times.tolist()):
            step = self.steps.get(at_ms)
            if step is not None:
                values[step.rows, column] = step.values
                mask[step.rows, column] = True
        return Matrix(self.table.labels, values, mask)

    # -- time -----------------------------------------------------------------------------------

    def passed(self, tick_ms: int) -> None:
        """Forget the steps that no later tick reads, and rows that nothing holds any more."""
        keep_ms = self.exchange.keep_ms
        if keep_ms is not None:
            for at_ms in [at for at in self.steps if at <= tick_ms - keep_ms]:
                del self.steps[at_ms]
                self._touch(at_ms)
        if len(self.table) > 256:
            self._compact()

    def _compact(self) -> None:
        held = [step.rows for step in self.steps.values()]
        held += [one.of[one.of >= 0] for known in self._numbers.values() for one in known]
        live = np.unique(np.concatenate([np.empty(0, np.int64), *held]))
        if 2 * live.size > len(self.table):
            return
        old, self.table, self._merge = self.table, RowTable(), None
        moved = np.full(len(old) + 1, UNTOLD, np.int64)  # the last for what was untold
        for row in live.tolist():
            moved[row] = self.table.number(old.labels.sets[row], old.labels.dropped[row])
        for at_ms, step in self.steps.items():
            step.rows = moved[step.rows]
            self._touch(at_ms)
        for known in self._numbers.values():
            for numbers in known:
                numbers.of = moved[numbers.of]

    def _touch(self, at_ms: int) -> None:
        self.version += 1
        self._changed[at_ms // STEPS_PER_CHUNK_MS] = self.version

    # -- state ----------------------------------------------------------------------------------

    def chunks(self, known: Mapping[str, int]) -> Iterator[Chunk]:
        """Yield the chunks: rows and numbers, and the steps of every half hour."""
        place = f"history/{self.exchange.id}"
        yield self._rows_chunk(f"{place}/rows", known)
        parts: dict[int, list[int]] = {}
        for at_ms in self.steps:
            parts.setdefault(at_ms // STEPS_PER_CHUNK_MS, []).append(at_ms)
        for part, times in sorted(parts.items()):
            version = self._changed[part]
            if known.get(f"{place}/{part}") == version:
                yield Chunk(f"{place}/{part}", version, b"")
                continue
            steps = [(at_ms, self.steps[at_ms]) for at_ms in sorted(times)]
            notes = [[step.warnings, step.infos, step.error] for _, step in steps]
            arrays = {
                "times": np.array([at_ms for at_ms, _ in steps], np.int64),
                "sizes": np.array([step.rows.size for _, step in steps], np.int64),
                "rows": np.concatenate([step.rows for _, step in steps]),
                "values": np.concatenate([step.values for _, step in steps]),
            }
            yield Chunk(
                f"{place}/{part}", version, pack({"notes": notes, "version": version}, arrays)
            )

    def _rows_chunk(self, name: str, known: Mapping[str, int]) -> Chunk:
        if known.get(name) == self.version:
            return Chunk(name, self.version, b"")
        arrays: dict[str, Any] = {"rows": np.frombuffer(announced(self.table, 0), np.uint8)}
        borns = [
            [sender, numbers.born] for sender, all_ in self._numbers.items() for numbers in all_
        ]
        for sender, all_ in self._numbers.items():
            for numbers in all_:
                arrays[f"{sender}@{numbers.born}"] = numbers.of
        return Chunk(name, self.version, pack({"version": self.version, "borns": borns}, arrays))

    def restore(self, part: str, payload: bytes) -> None:
        """Take back a chunk by the last piece of its name."""
        meta, arrays = unpack(payload)
        self.version = max(self.version, meta["version"])
        if part == "rows":
            for _, labels, dropped in told(arrays["rows"].tobytes()):
                self.table.number(labels, dropped)
            for sender, born in meta["borns"]:
                numbers = _Numbers(born, arrays[f"{sender}@{born}"])
                self._numbers.setdefault(sender, []).append(numbers)
            return
        self._changed[int(part)] = meta["version"]
        ends = np.cumsum(arrays["sizes"])
        starts = ends - arrays["sizes"]
        for index, at_ms in enumerate(arrays["times"].tolist()):
            cut = slice(int(starts[index]), int(ends[index]))
            warnings, infos, error = meta["notes"][index]
            self.steps[at_ms] = Step(
                arrays["rows"][cut], arrays["values"][cut], tuple(warnings), tuple(infos), error
            )


def _resolved(
    numbers: _Numbers | None, rows: Ints, columns: tuple[Floats, ...]
) -> tuple[Ints, tuple[Floats, ...]]:
    """Return rows by our numbers, without those that nobody gave labels to."""
    if numbers is None:
        metrics.dropped("row_unknown", int(rows.size))
        return np.empty(0, np.int64), tuple(column[:0] for column in columns)
    ours = numbers.known(rows)
    if (ours >= 0).all():
        return ours, columns
    kept = ours >= 0
    metrics.dropped("row_unknown", int(rows.size - kept.sum()))
    return ours[kept], tuple(column[kept] for column in columns)


def _joined(parts: list[tuple[Ints, tuple[Floats, ...]]]) -> tuple[Ints, Floats]:
    if not parts:
        return np.empty(0, np.int64), np.empty(0)
    return _ordered(
        np.concatenate([rows for rows, _ in parts]),
        np.concatenate([columns[0] for _, columns in parts]),
    )


def _ordered(rows: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Return rows in rising order; of one that came twice, the first."""
    rows, first = np.unique(rows, return_index=True)
    return rows, values[first]
