"""The collector: vectors of all shards, put together tick by tick at the owner of components.

A tick is whole when every shard has sent its vector of that tick or of a later one. Repeats are
dropped by (tick, part) of their sender; the labels in them are learnt all the same. A tick that
shards judged by different rule sets is judged by none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from engine import metrics
from engine.checkpoint import pack, unpack
from engine.groups.history import History
from engine.groups.wire import size_of
from engine.limits import Limits
from engine.owner import Chunk
from engine.plan import Exchange
from engine.series import NEVER_MS, Block, Vector, decode, encode

VECTORS: Final = metrics.counter(
    "tocsin_vectors_total", "Vectors read by owners of components, by verdict.", ["verdict"]
)


@dataclass(slots=True)
class _Position:
    """How far one sender has come."""

    tick_ms: int = NEVER_MS
    part: int = 0  # the part wanted next
    whole: bool = True  # of tick_ms


@dataclass(frozen=True, slots=True)
class Whole:
    """A tick that every shard has spoken of: the intervals that are due for all of them."""

    at_ms: int
    digest: str
    due: frozenset[int]
    vectors: Sequence[Vector]  # in the order of senders and parts


@dataclass(slots=True)
class Collector:
    """Positions of senders, vectors that wait for others, histories by exchange."""

    shards: int
    limits: Limits
    positions: dict[int, _Position] = field(default_factory=dict)
    waiting: dict[int, dict[int, list[Vector]]] = field(default_factory=dict)  # tick, sender
    histories: dict[str, History] = field(default_factory=dict)
    tenants: dict[str, str] = field(default_factory=dict)  # by exchange
    held_bytes: int = 0  # of what waits

    def use(self, exchanges: Mapping[str, tuple[str, Exchange]]) -> None:
        """Keep these (tenant, exchange) by id; equal ones keep their steps."""
        kept = {}
        for name, (_, exchange) in exchanges.items():
            history = kept[name] = self.histories.get(name) or History(exchange)
            history.exchange = exchange
        # In place: the sources of owners look into it.
        self.histories.clear()
        self.histories.update(kept)
        self.tenants = {name: tenant for name, (tenant, _) in exchanges.items()}

    def take(self, vector: Vector) -> None:
        """Keep a vector until its tick is whole."""
        verdict = self._place(vector)
        VECTORS.labels(verdict).inc()
        if verdict == "new":
            senders = self.waiting.setdefault(vector.tick_ms, {})
            senders.setdefault(vector.sender, []).append(vector)
            self.held_bytes += _size(vector)
            while self.held_bytes > self.limits.worker_buffer_bytes_max and len(self.waiting) > 1:
                # A shard lags far behind the others: their oldest tick is judged by nobody.
                self._forget(min(self.waiting))
                metrics.dropped("vector_limit")
        elif verdict == "seen":
            self._learn(vector)  # of a successor without a past, who numbers rows in another way

    def _place(self, vector: Vector) -> str:
        if not 0 <= vector.sender < self.shards:
            return "stranger"
        position = self.positions.setdefault(vector.sender, _Position())
        if vector.tick_ms < position.tick_ms:
            return "seen"
        if vector.tick_ms > position.tick_ms:
            if vector.part:
                return "hole"
            if not position.whole:  # its end was lost with its sender, whose successor went on
                lost = self.waiting.get(position.tick_ms, {}).pop(vector.sender, [])
                self.held_bytes -= sum(map(_size, lost))
        elif position.whole or vector.part < position.part:
            return "seen"
        elif vector.part > position.part:
            return "hole"
        position.tick_ms, position.part = vector.tick_ms, vector.part + 1
        position.whole = position.part == vector.parts
        return "new"

    def _forget(self, tick_ms: int) -> dict[int, list[Vector]]:
        sent = self.waiting.pop(tick_ms)
        self.held_bytes -= sum(_size(one) for parts in sent.values() for one in parts)
        return sent

    def _learn(self, vector: Vector) -> None:
        for block in vector.blocks:
            history = self.histories.get(block.exchange)
            if history is not None:
                history.learn(vector.sender, block)

    def whole(self) -> Iterator[Whole]:
        """Yield the ticks that are whole, in order, and forget them."""
        while self.waiting and len(self.positions) == self.shards:
            at_ms = min(self.waiting)
            if any(
                at_ms > one.tick_ms or (at_ms == one.tick_ms and not one.whole)
                for one in self.positions.values()
            ):
                return
            sent = self._forget(at_ms)
            vectors = [one for sender in sorted(sent) for one in sent[sender]]
            digests = {one.digest for one in vectors}
            if len(sent) < self.shards:
                continue  # the first ticks of shards that began earlier than others
            if len(digests) > 1:
                VECTORS.labels("mixed").inc()
                continue
            due = frozenset.intersection(*(frozenset(one.due) for one in vectors))
            yield Whole(at_ms, digests.pop(), due, vectors)

    def fold(self, whole: Whole) -> list[tuple[int, Block]]:
        """Add the steps of a tick to histories; returns the blocks of mirrors, senders in order."""
        by_exchange: dict[str, list[tuple[int, Block]]] = {}
        for vector in whole.vectors:
            self._learn(vector)
            for block in vector.blocks:
                by_exchange.setdefault(block.exchange, []).append((vector.sender, block))
        mirrored = []
        for name, history in self.histories.items():
            blocks = by_exchange.get(name, [])
            if history.exchange.mirror:
                mirrored += [one for one in blocks if one[1].samples]
            elif blocks:
                history.fold(blocks)
        return mirrored

    def digests(self) -> set[str]:
        """Return the digests of the plans that waiting vectors were judged by."""
        return {
            one.digest
            for senders in self.waiting.values()
            for parts in senders.values()
            for one in parts
        }

    def passed(self, tick_ms: int) -> None:
        """Forget what no later tick reads."""
        for history in self.histories.values():
            history.passed(tick_ms)

    # -- state ----------------------------------------------------------------------------------

    def chunks(self, known: Mapping[str, int], version: int) -> Iterator[Chunk]:
        """Yield the state: positions and what waits, then histories."""
        positions = [
            [sender, one.tick_ms, one.part, one.whole] for sender, one in self.positions.items()
        ]
        raw = [
            encode(vector)
            for _, senders in sorted(self.waiting.items())
            for sender in sorted(senders)
            for vector in senders[sender]
        ]
        arrays: dict[str, Any] = {
            "sizes": np.array([len(one) for one in raw], np.int64),
            "waiting": np.frombuffer(b"".join(raw), np.uint8),
        }
        yield Chunk("collector", version, pack({"positions": positions}, arrays))
        for history in self.histories.values():
            yield from history.chunks(known)

    def restore(self, name: str, payload: bytes) -> None:
        """Take back a chunk; use() was called with the exchanges of then."""
        if name != "collector":
            _, exchange, part = name.split("/")
            if exchange in self.histories:
                self.histories[exchange].restore(part, payload)
            return
        meta, arrays = unpack(payload)
        for sender, tick_ms, part, whole in meta["positions"]:
            self.positions[sender] = _Position(tick_ms, part, whole)
        raw, start = arrays["waiting"].tobytes(), 0
        for size in arrays["sizes"].tolist():
            vector = decode(raw[start : start + size])
            if not isinstance(vector, Vector):
                raise msgspec.ValidationError("what waits at an owner is no vector")
            senders = self.waiting.setdefault(vector.tick_ms, {})
            senders.setdefault(vector.sender, []).append(vector)
            self.held_bytes += _size(vector)
            start += size


def _size(vector: Vector) -> int:
    return sum(map(size_of, vector.blocks)) + 64
