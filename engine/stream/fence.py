"""The embedded fence: who may send a notification, in a small RocksDB of this process.

The same protocol and bytes as the Redis one of notifiers/store.py, whose codec is handed in,
because this room knows nothing of notifiers. There is one process, so it guards against the one
that died: a claim that is there when the store is opened belongs to nobody alive. It has lapsed,
however long ago it was made: its successor does not wait for it, because nobody can still be
sending, and learns of it, because something may have been sent.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from rocksdict import Rdict, WriteOptions

from engine.clock import Clock
from engine.stream import rocks

LEFT_KEPT_MS = 86_400_000  # how long a claim is known after it has lapsed
SWEEP_EVERY = 1_000  # writes between two sweeps of what has expired

State = Literal["claimed", "sent"]


class ClaimLike(Protocol):
    """What the codec's claims look like: a dataclass with these fields among others."""

    @property
    def state(self) -> str:
        """What the key says."""
        ...

    @property
    def owner(self) -> str:
        """Who wrote it."""
        ...

    @property
    def remaining_ms(self) -> int:
        """Until it lapses."""
        ...


ClaimT = TypeVar("ClaimT", bound=ClaimLike)
ToldT = TypeVar("ToldT")

Encode = Callable[[State, str, Any, Mapping[str, str]], bytes]
Decode = Callable[[bytes, int], ClaimT]


class EmbeddedFence(Generic[ClaimT, ToldT]):
    """The fence store of one process.

    Whatever kills the process, its writes are kept. `synced`: a power cut too, for some
    milliseconds a write; of use only where the log itself is kept then.
    """

    def __init__(
        self, path: Path, clock: Clock, encode: Encode, decode: Decode[ClaimT], free: ClaimT,
        *, synced: bool = True,
    ) -> None:  # fmt: skip
        self._db: Rdict = rocks.open_small(str(path))
        self._synced = WriteOptions()
        self._synced.sync = synced
        self._clock, self._encode, self._decode, self._free = clock, encode, decode, free
        self._writes = 0
        self._left = self._left_behind()
        self._sweep()

    async def claim(self, key: str, owner: str, px_ms: int, told: ToldT) -> ClaimT:
        """Take the key for `px_ms`, or read who has it."""
        found = self._read(key)
        ours = found is not None and found.state == "claimed" and found.owner == owner
        if found is not None and not ours and (found.state == "sent" or found.remaining_ms > 0):
            return found
        value = self._encode("claimed", owner, told, {})
        self._write(key, value, px_ms + LEFT_KEPT_MS)
        lapsed = found is not None and not ours
        return dataclasses.replace(  # type: ignore[type-var]
            self._decode(value, 0), state="won", lapsed=lapsed
        )

    async def confirm(
        self, key: str, owner: str, told: ToldT, far_id: Mapping[str, str], keep_ms: int
    ) -> bool:
        """Say that it was sent, whatever the key says now."""
        self._write(key, self._encode("sent", owner, told, far_id), keep_ms)
        return True

    async def release(self, key: str, owner: str) -> None:
        """Give up our own claim; "sent" and other owners' claims stay."""
        found = self._read(key)
        if found is not None and found.state == "claimed" and found.owner == owner:
            self._db.delete(key.encode(), self._synced)

    async def peek(self, keys: Sequence[str]) -> list[ClaimT]:
        """Read keys without taking them."""
        found = ((self._read(key)) for key in keys)
        return [self._free if claim is None else claim for claim in found]

    async def close(self) -> None:
        """Close the store."""
        self._db.close()

    def _left_behind(self) -> dict[str, ClaimT]:
        """Return the claims of processes that ended between a claim and its confirmation."""
        now_ms, found = self._clock(), dict[str, ClaimT]()
        for key, raw in self._db.items():
            if int.from_bytes(raw[:8], "big") > now_ms:
                claim = self._decode(raw[8:], 0)
                if claim.state == "claimed":
                    found[key.decode()] = claim
        return found

    def _read(self, key: str) -> ClaimT | None:
        if key in self._left:
            return self._left[key]
        raw = self._db.get(key.encode())
        left_ms = int.from_bytes(raw[:8], "big") - self._clock() if raw else 0
        return self._decode(raw[8:], left_ms - LEFT_KEPT_MS) if left_ms > 0 else None

    def _write(self, key: str, value: bytes, keep_ms: int) -> None:
        expires_ms = self._clock() + keep_ms
        self._left.pop(key, None)
        self._db.put(key.encode(), expires_ms.to_bytes(8, "big") + value, self._synced)
        self._writes += 1
        if self._writes % SWEEP_EVERY == 0:
            self._sweep()

    def _sweep(self) -> None:
        now_ms = self._clock()
        for key in list(self._expired(now_ms)):
            self._db.delete(key)

    def _expired(self, now_ms: int) -> Iterator[bytes]:
        for key, raw in self._db.items():
            lapsed = int.from_bytes(raw[:8], "big") <= now_ms
            if lapsed and key.decode() not in self._left:
                yield key
