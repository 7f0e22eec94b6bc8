"""The sender: what this shard evaluates at a tick for the owners of components.

One vector a tick and owner, an empty one too: it says that the shard has come that far. Rows are
numbered by exchange and owner; labels go with a row's first value, and all numbers begin anew
every ten minutes, so that an owner without a past knows them soon and rows that are gone cost
nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from engine import metrics
from engine.checkpoint import pack, unpack
from engine.groups.barren import Idleness
from engine.groups.row_table import RowTable
from engine.groups.wire import announced, packed, samples_block, steps_block, told
from engine.limits import Limits
from engine.owner import Chunk, Output
from engine.plan import Component, Exchange
from engine.series import BATCH_VERSION, NEVER_MS, Block, Selector, Vector, encode
from engine.vector import (
    Annotations,
    EvaluationError,
    Evaluator,
    Floats,
    LabelSet,
    Matrix,
    Source,
    Times,
    memo_of,
    partial,
)

ANNOUNCE_EVERY_MS: Final = 600_000


@dataclass(slots=True)
class _Sent:
    """What one owner was sent of one exchange."""

    born: int = NEVER_MS  # the tick at which rows were numbered from 0
    sent_ms: int | None = None  # the last time sent that no later tick can change
    table: RowTable = field(default_factory=RowTable)


class _Evaluated:
    """An exchange's evaluator, with what it keeps between ticks."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.idle = Idleness(exchange.expr)
        self._evaluator: Evaluator | None = None  # compiled when there is something to read
        self.memo = memo_of(exchange.partial) if exchange.partial is not None else None

    def block(self, source: Source, times: Times, tick_ms: int, sent: _Sent) -> Block:
        """Return what there is at some times; an error of evaluation becomes the block's."""
        notes = Annotations()
        at_ms = tick_ms - self.exchange.query_offset_ms
        try:
            if self._evaluator is None:
                self._evaluator = Evaluator(self.exchange.expr, text=self.exchange.text)
            value = self._evaluator.evaluate(source, times, notes, start_ms=at_ms, end_ms=at_ms)
            assert isinstance(value, Matrix), f"{self.exchange.id} gives no rows"
            columns: tuple[Floats, ...] = (value.values,)
            labels, mask = value.labels, value.mask
            if self.memo is not None and self.exchange.partial is not None:
                labels, columns, mask = partial(self.exchange.partial, value, self.memo)
            block = steps_block(
                self.exchange.id, sent.born, sent.table, labels, columns, mask, times
            )
        except EvaluationError as error:
            raw = times.astype(np.int64).tobytes()
            return Block(self.exchange.id, sent.born, times=raw, error=str(error))
        return msgspec.structs.replace(
            block, warnings=tuple(notes.warnings), infos=tuple(notes.infos)
        )


@dataclass(slots=True)
class _Mirror:
    """Samples of a selector's series that came since the last tick."""

    selector: Selector
    held: list[tuple[list[LabelSet], Times, Floats]] = field(default_factory=list)
    rows: int = 0


class Exchanges:
    """All exchanges of a plan's components, by owner shard."""

    def __init__(self, shard: int, shards: int, limits: Limits) -> None:
        self.shard, self.shards, self.limits = shard, shards, limits
        self.owners: dict[int, dict[str, Exchange]] = {}
        self.intervals: dict[int, set[int]] = {}  # owner -> intervals of its groups
        self.mirrors: dict[tuple[int, str], _Mirror] = {}
        self.tenants: dict[str, str] = {}  # by exchange
        self._sent: dict[tuple[int, str], _Sent] = {}
        self._evaluated: dict[tuple[str, int], _Evaluated] = {}  # by exchange and source

    def use(self, components: Iterable[Component]) -> None:
        """Send for these components from here on; equal exchanges go on where they were."""
        self.owners, self.intervals, self.tenants = {}, {}, {}
        for component in components:
            owner = component.owner % self.shards
            wanted = self.owners.setdefault(owner, {})
            self.intervals.setdefault(owner, set()).update(
                group.interval_ms for group in component.groups
            )
            for exchange in component.exchanges:
                held = wanted.get(exchange.id)
                self.tenants[exchange.id] = component.groups[0].tenant
                wanted[exchange.id] = exchange if held is None else held.joined(exchange)
        keys = {(owner, one) for owner, wanted in self.owners.items() for one in wanted}
        self._sent = {key: self._sent.get(key) or _Sent() for key in sorted(keys)}
        exchanges = {one.id: one for wanted in self.owners.values() for one in wanted.values()}
        self._evaluated = {key: one for key, one in self._evaluated.items() if key[0] in exchanges}
        self.mirrors = {
            (owner, name): self.mirrors.get((owner, name)) or _Mirror(_selector(exchange))
            for owner, wanted in self.owners.items()
            for name, exchange in wanted.items()
            if exchange.mirror
        }

    # -- samples of mirrors ---------------------------------------------------------------------

    def mirror(
        self, tenant: str, selector: Selector, sets: list[LabelSet], times: Times, values: Floats
    ) -> None:
        """Keep samples of a mirrored selector until the next tick. Shapes: n of each."""
        for (_, name), one in self.mirrors.items():
            if one.selector != selector or self.tenants[name] != tenant:
                continue
            if one.rows + len(sets) > self.limits.parked_rows_max:
                metrics.dropped("mirror_limit", len(sets))
                continue
            one.held.append((sets, times, values))
            one.rows += len(sets)

    # -- ticks ----------------------------------------------------------------------------------

    def tick(
        self,
        at_ms: int,
        due: Collection[int],
        sources: Mapping[str, Sequence[Source]],
        digest: str,
    ) -> Iterator[Output]:
        """Yield the vectors of a tick: for every owner that has a group due.

        `due`: intervals; `sources` by tenant: the series, and then what this shard records;
        `digest` of the plan that judges the tick.
        """
        for owner in sorted(self.owners):
            now = sorted(self.intervals[owner].intersection(due))
            if not now:
                continue
            blocks = list(self._blocks(owner, at_ms, now, sources))
            parts = packed(blocks, self.limits.batch_bytes_max)
            for number, part in enumerate(parts):
                message = Vector(
                    BATCH_VERSION, self.shard, at_ms, number, len(parts), digest, tuple(now), part
                )
                yield Output("shards", owner, None, encode(message))

    def _blocks(
        self, owner: int, at_ms: int, now: list[int], sources: Mapping[str, Sequence[Source]]
    ) -> Iterator[Block]:
        for name, exchange in self.owners[owner].items():
            sent = self._sent[owner, name]
            if at_ms // ANNOUNCE_EVERY_MS != sent.born // ANNOUNCE_EVERY_MS:
                sent.born, sent.table = at_ms, RowTable()
            if exchange.mirror:
                mirror = self.mirrors[owner, name]
                if mirror.held:
                    yield _samples(name, sent, mirror.held)
                mirror.held, mirror.rows = [], 0
            elif not set(exchange.every_ms).isdisjoint(now):
                times = exchange.step_times(at_ms, sent.sent_ms)
                # What lies after the tick (a negative offset) may yet change: it is sent again.
                past = [time_ms for time_ms in times if time_ms <= at_ms]
                if past:
                    sent.sent_ms = past[-1]
                if times:
                    asked = np.array(times, np.int64)
                    read = sources[self.tenants[name]]
                    for number, source in enumerate(read if exchange.unnamed else read[:1]):
                        one = self._evaluated.get((name, number))
                        if one is None:
                            one = self._evaluated[name, number] = _Evaluated(exchange)
                        if not one.idle(source):
                            yield one.block(source, asked, at_ms, sent)

    # -- state ----------------------------------------------------------------------------------

    def chunks(self, known: Mapping[str, int], version: int) -> Iterator[Chunk]:
        """Yield the state: numbers by exchange, and what waits for a tick."""
        head = [
            [owner, name, sent.born, sent.sent_ms] for (owner, name), sent in self._sent.items()
        ]
        held = {
            f"{owner}/{name}": [
                [[list(one) for one in sets], times.tolist()] for sets, times, _ in mirror.held
            ]
            for (owner, name), mirror in self.mirrors.items()
            if mirror.held
        }
        values = {
            f"{owner}/{name}/{number}": values
            for (owner, name), mirror in self.mirrors.items()
            for number, (_, _, values) in enumerate(mirror.held)
        }
        yield Chunk("sent", version, pack({"sent": head, "held": held}, values))
        for (owner, name), sent in self._sent.items():
            place = f"rows/{owner}/{name}@{sent.born}"
            size = len(sent.table)
            if not size:
                continue
            if known.get(place) == size:
                yield Chunk(place, size, b"")
                continue
            raw = np.frombuffer(announced(sent.table, 0), np.uint8)
            yield Chunk(place, size, pack({}, {"rows": raw}))

    def restore(self, name: str, payload: bytes) -> None:
        """Take back a chunk of the same components; `sent` comes first."""
        meta, arrays = unpack(payload)
        if name == "sent":
            for owner, exchange, born, sent_ms in meta["sent"]:
                if (owner, exchange) in self._sent:
                    self._sent[owner, exchange] = _Sent(born, sent_ms)
            for (owner, exchange), mirror in self.mirrors.items():
                place = f"{owner}/{exchange}"
                for number, (sets, times) in enumerate(meta["held"].get(place, ())):
                    labels = [tuple((key, value) for key, value in one) for one in sets]
                    values = arrays[f"{place}/{number}"]
                    mirror.held.append((labels, np.array(times, np.int64), values))
                    mirror.rows += len(sets)
            return
        _, owner, place = name.split("/")
        sent = self._sent.get((int(owner), place.partition("@")[0]))
        if sent is not None:
            for _, labels_of, dropped in told(arrays["rows"].tobytes()):
                sent.table.number(labels_of, dropped)


def _selector(exchange: Exchange) -> Selector:
    selector: Selector = exchange.expr.selector  # type: ignore[union-attr]
    return selector


def _samples(name: str, sent: _Sent, held: list[tuple[list[LabelSet], Times, Floats]]) -> Block:
    first = len(sent.table)
    rows = [sent.table.number(labels, False) for sets, _, _ in held for labels in sets]
    return samples_block(
        name, sent.born, first, sent.table, np.array(rows, np.int64),
        np.concatenate([times for _, times, _ in held]),
        np.concatenate([values for _, _, values in held]),
    )  # fmt: skip
