"""The fence against a second live notifier: who may send notification n of a group.

A key goes from nothing to "claimed" (for a while, by one owner) to "sent" (kept for a day). The
notification log is the memory; this store only guards the time in which two notifiers may live.
A claim that has lapsed is not forgotten for a day either: its owner may have sent, and who takes
it over late must know that, to say that it may come twice, and to tell the end of what was told.
So a store that cannot be reached is an answer, `unavailable`, and never an exception or a wait:
a doubled page is better than a lost one.

Two implementations with one conformance test (tests/notifiers/test_store.py): RedisFence here and
the embedded one of engine.stream. The keys' times are the store's own.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine import metrics

FENCE_KEEP_MS = 86_400_000
"""How long "sent" is kept, and a claim after it has lapsed: longer than any owner can be paused
and come back."""

OPERATION_TIMEOUT_MS = 1_000
"""What one operation may take; a page does not wait longer for the store."""

RETRY_AFTER_MS = 5_000
"""A store that failed is not asked again for that long, so an outage costs one time-out, not one
for each notification."""

PEEK_BATCH = 500

STORE_FAILURES = metrics.counter(
    "tocsin_fence_failures_total", "Fence operations that failed or timed out.", ["operation"]
)

_log = logging.getLogger("tocsin.notifiers")

ClaimState = Literal["won", "claimed", "sent", "free", "unavailable"]


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a notification tells: enough for a successor to write its log record."""

    hash: str = ""
    firing: list[str] = []  # fingerprints, sorted
    resolved: list[str] = []
    at_ms: int = 0  # when it was decided
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a key says."""

    state: ClaimState
    owner: str = ""  # who claimed or sent it
    told: Told = field(default_factory=Told)
    far_id: Mapping[str, str] = field(default_factory=dict)
    remaining_ms: int = 0  # until a claim of somebody else lapses
    lapsed: bool = False  # won, after somebody else's claim lapsed without a word: it may be sent


class FenceStore(Protocol):
    """What the delivery asks. No method raises for an unreachable store."""

    async def claim(self, key: str, owner: str, px_ms: int, told: Told) -> Claim:
        """Take the key for `px_ms`.

        "won": it was free, or already ours (then it is ours for `px_ms` from now), or somebody
        else's and has `lapsed`; "claimed": by somebody else, with their `told` and the remaining
        time; "sent": with `told` and far_id.
        """
        ...

    async def confirm(
        self, key: str, owner: str, told: Told, far_id: Mapping[str, str], keep_ms: int
    ) -> bool:
        """Say that it was sent, whatever the key says now. False: the store is unavailable."""
        ...

    async def release(self, key: str, owner: str) -> None:
        """Give up our own claim; "sent" and other owners' claims stay."""
        ...

    async def peek(self, keys: Sequence[str]) -> list[Claim]:
        """Read keys without taking them: "free", "claimed", "sent" or all "unavailable".

        A claim that has lapsed is "claimed", with nothing remaining.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a key, as JSON; cjson reads `s` and `o` in the scripts below."""

    s: Literal["claimed", "sent"]
    o: str
    t: Told = Told()
    f: dict[str, str] = {}


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(_Entry).decode


def encode_entry(
    state: Literal["claimed", "sent"], owner: str, told: Told, far_id: Mapping[str, str]
) -> bytes:
    """Return a key's value; other implementations store the same bytes."""
    return _encode(_Entry(s=state, o=owner, t=told, f=dict(far_id)))


def decode_entry(value: bytes, remaining_ms: int) -> Claim:
    """Read a key's value. Raises msgspec.MsgspecError on what no version wrote."""
    entry = _decode(value)
    left_ms = max(remaining_ms, 0) if entry.s == "claimed" else 0
    return Claim(entry.s, entry.o, entry.t, entry.f, left_ms)


# A claim must be taken, or read with what is left of it, in one step: between a GET and a SET
# another owner could come in. A key lives on after its claim has lapsed: what is left of the claim
# is what is left of the key beyond that time.
_CLAIM = """
local value = redis.call('GET', KEYS[1])
local lapsed = ''
if value then
  local entry = cjson.decode(value)
  local left = redis.call('PTTL', KEYS[1]) - ARGV[4]
  if entry.s ~= 'claimed' or (entry.o ~= ARGV[3] and left > 0) then
    return {value, left}
  end
  if entry.o ~= ARGV[3] then lapsed = 'lapsed' end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2] + ARGV[4])
return {lapsed}
"""
_RELEASE = """
local value = redis.call('GET', KEYS[1])
if value then
  local entry = cjson.decode(value)
  if entry.s == 'claimed' and entry.o == ARGV[1] then redis.call('DEL', KEYS[1]) end
end
return 0
"""

_FAILURES = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)


class RedisFence:
    """The fence in Redis, shared by all workers. `prefix` keeps applications apart."""

    def __init__(self, url: str, prefix: str) -> None:
        timeout_s = OPERATION_TIMEOUT_MS / 1000
        # Once more at once: connections from before a restart of Redis fail at their next use, and
        # every operation here may be done twice.
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1),
        )  # fmt: skip
        self._prefix = f"{prefix}:fence:"
        self._claim = self._redis.register_script(_CLAIM)
        self._release = self._redis.register_script(_RELEASE)
        self._closed_until_s = 0.0

    async def claim(self, key: str, owner: str, px_ms: int, told: Told) -> Claim:
        """Take the key, or read who has it."""
        if self._resting():
            return Claim("unavailable")
        value = encode_entry("claimed", owner, told, {})
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_MS / 1000):
                args: list[bytes | str | int] = [value, px_ms, owner, FENCE_KEEP_MS]
                found = await self._claim(keys=[self._prefix + key], args=args)
            if len(found) == 1:
                return Claim("won", owner, told, lapsed=bool(found[0]))
            return decode_entry(found[0], int(found[1]))
        except _FAILURES as error:
            return self._failed("claim", error)

    async def confirm(
        self, key: str, owner: str, told: Told, far_id: Mapping[str, str], keep_ms: int
    ) -> bool:
        """Say that it was sent."""
        if self._resting():
            return False
        value = encode_entry("sent", owner, told, far_id)
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_MS / 1000):
                await self._redis.set(self._prefix + key, value, px=keep_ms)
        except _FAILURES as error:
            self._failed("confirm", error)
            return False
        return True

    async def release(self, key: str, owner: str) -> None:
        """Give up our own claim."""
        if self._resting():
            return
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_MS / 1000):
                await self._release(keys=[self._prefix + key], args=[owner])
        except _FAILURES as error:
            self._failed("release", error)

    async def peek(self, keys: Sequence[str]) -> list[Claim]:
        """Read keys without taking them."""
        claims: list[Claim] = []
        for start in range(0, len(keys), PEEK_BATCH):
            batch = keys[start : start + PEEK_BATCH]
            claims.extend(await self._peek([self._prefix + key for key in batch]))
        return claims

    async def _peek(self, keys: list[str]) -> list[Claim]:
        if self._resting():
            return [Claim("unavailable")] * len(keys)
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_MS / 1000):
                pipeline = self._redis.pipeline(transaction=True)
                pipeline.mget(keys)
                for key in keys:
                    pipeline.pttl(key)
                values, *remaining = await pipeline.execute()
            return [
                Claim("free")
                if value is None
                else decode_entry(value, int(left_ms) - FENCE_KEEP_MS)
                for value, left_ms in zip(values, remaining, strict=True)
            ]
        except _FAILURES as error:
            return [self._failed("peek", error)] * len(keys)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._closed_until_s

    def _failed(self, operation: str, error: Exception) -> Claim:
        _log.warning("the fence did not answer (%s): %s", operation, type(error).__name__)
        STORE_FAILURES.labels(operation).inc()
        now_s = asyncio.get_running_loop().time()
        self._closed_until_s = now_s + RETRY_AFTER_MS / 1000
        return Claim("unavailable")
