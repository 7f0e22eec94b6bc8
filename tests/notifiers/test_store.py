"""The fence: one conformance for Redis, the embedded store and the tests' own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import system_clock
from engine.stream import EmbeddedFence
from notifiers import Claim, FenceStore, RedisFence, Told, decode_entry, encode_entry
from notifiers import store as store_module
from tests.acceptance import services
from tests.notifiers.fences import MemoryFence
from tests.waiting import until_async

TOLD = Told("abc", ["f1", "f2"], ["r1"], 1_700_000_000_000, "first notification")
OTHER = Told("xyz", ["f3"], [], 1_700_000_000_001, "new alerts added")
LONG_MS = 60_000


@pytest.fixture(
    params=["memory", "embedded", pytest.param("redis", marks=pytest.mark.real("redis"))]
)
async def fence(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FenceStore]:
    if request.param == "redis":
        made: Any = RedisFence(request.getfixturevalue("redis").url, "tocsin")
    elif request.param == "embedded":
        made = EmbeddedFence(
            tmp_path / "fence", system_clock, encode_entry, decode_entry, Claim("free")
        )
    else:
        made = MemoryFence(system_clock)
    yield made
    await made.close()


async def test_the_first_wins_and_others_see_whose_it_is(fence: FenceStore) -> None:
    assert (await fence.claim("k", "a", LONG_MS, TOLD)).state == "won"
    other = await fence.claim("k", "b", LONG_MS, OTHER)
    assert (other.state, other.owner, other.told) == ("claimed", "a", TOLD)
    assert 0 < other.remaining_ms <= LONG_MS
    assert (await fence.claim("other", "b", LONG_MS, OTHER)).state == "won"


async def test_an_owner_may_claim_again_what_it_claimed(fence: FenceStore) -> None:
    await fence.claim("k", "a", LONG_MS, TOLD)
    assert (await fence.claim("k", "a", LONG_MS * 2, TOLD)).state == "won"
    assert (await fence.claim("k", "b", LONG_MS, OTHER)).remaining_ms > LONG_MS


async def test_what_is_sent_stays_sent(fence: FenceStore) -> None:
    await fence.claim("k", "a", LONG_MS, TOLD)
    assert await fence.confirm("k", "a", TOLD, {"ts": "12.5"}, LONG_MS)
    for owner in ("a", "b"):
        found = await fence.claim("k", owner, LONG_MS, OTHER)
        assert (found.state, found.told, dict(found.far_id)) == ("sent", TOLD, {"ts": "12.5"})
    await fence.release("k", "a")
    assert (await fence.peek(["k"]))[0].state == "sent"


async def test_sent_is_said_whoever_holds_the_claim(fence: FenceStore) -> None:
    await fence.claim("k", "b", LONG_MS, OTHER)
    assert await fence.confirm("k", "a", TOLD, {}, LONG_MS)
    (found,) = await fence.peek(["k"])
    assert (found.state, found.owner, found.told) == ("sent", "a", TOLD)


async def test_only_its_owner_gives_a_claim_up(fence: FenceStore) -> None:
    await fence.claim("k", "a", LONG_MS, TOLD)
    await fence.release("k", "b")
    assert (await fence.peek(["k"]))[0].state == "claimed"
    await fence.release("k", "a")
    assert (await fence.peek(["k", "never"])) == [Claim("free"), Claim("free")]
    assert (await fence.claim("k", "b", LONG_MS, OTHER)).state == "won"


async def test_a_claim_lapses(fence: FenceStore) -> None:
    await fence.claim("k", "a", 30, TOLD)

    async def lapsed() -> bool:
        return (await fence.claim("k", "b", LONG_MS, OTHER)).state == "won"

    await until_async(lapsed, what="the claim has not lapsed")


async def test_who_takes_over_a_claim_that_lapsed_learns_of_it(fence: FenceStore) -> None:
    assert not (await fence.claim("k", "a", 30, TOLD)).lapsed

    async def lapsed() -> bool:
        (found,) = await fence.peek(["k"])
        assert (found.state, found.owner, found.told) == ("claimed", "a", TOLD)
        return found.remaining_ms == 0

    await until_async(lapsed, what="the claim has not lapsed")
    won = await fence.claim("k", "b", LONG_MS, OTHER)
    assert (won.state, won.told, won.lapsed) == ("won", OTHER, True)
    again = await fence.claim("k", "b", LONG_MS, OTHER)
    assert (again.state, again.lapsed) == ("won", False), "it is ours now"
    assert (await fence.claim("k", "c", LONG_MS, TOLD)).owner == "b"


async def test_our_own_claim_is_ours_after_it_lapsed(fence: FenceStore) -> None:
    await fence.claim("k", "a", 0, TOLD)
    won = await fence.claim("k", "a", LONG_MS, TOLD)
    assert (won.state, won.lapsed) == ("won", False)


async def test_only_one_of_many_wins(fence: FenceStore) -> None:
    claims = await asyncio.gather(*(fence.claim("k", f"o{i}", LONG_MS, TOLD) for i in range(20)))
    assert sum(claim.state == "won" for claim in claims) == 1


async def test_many_keys_are_read_at_once(fence: FenceStore) -> None:
    for i in range(0, 1_200, 100):
        await fence.claim(f"k{i}", "a", LONG_MS, TOLD)
    claims = await fence.peek([f"k{i}" for i in range(1_200)])
    assert [i for i, claim in enumerate(claims) if claim.state == "claimed"] == list(
        range(0, 1_200, 100)
    )
    assert await fence.peek([]) == []


@pytest.mark.real("redis")
async def test_a_redis_that_is_gone_is_an_answer_and_comes_back(
    redis: services.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RETRY_AFTER_MS", 0)
    fence = RedisFence(redis.url, "tocsin")
    assert (await fence.claim("k", "a", LONG_MS, TOLD)).state == "won"
    redis.kill()
    assert (await fence.claim("k", "a", LONG_MS, TOLD)).state == "unavailable"
    assert not await fence.confirm("k", "a", TOLD, {}, LONG_MS)
    assert [claim.state for claim in await fence.peek(["k", "l"])] == ["unavailable"] * 2
    await fence.release("k", "a")
    redis.start()
    assert (await fence.claim("k", "b", LONG_MS, OTHER)).state == "won", "it came back empty"
    await fence.close()


@pytest.mark.real("redis")
async def test_a_redis_that_hangs_costs_one_time_out(
    redis: services.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "OPERATION_TIMEOUT_MS", 50)
    fence = RedisFence(redis.url, "tocsin")
    await fence.claim("warm", "a", LONG_MS, TOLD)
    redis.pause()
    try:
        start_s = asyncio.get_running_loop().time()
        states = [(await fence.claim(f"k{i}", "a", LONG_MS, TOLD)).state for i in range(1_000)]
        took_s = asyncio.get_running_loop().time() - start_s
    finally:
        redis.resume()
    assert states == ["unavailable"] * 1_000
    assert took_s < 5, "only the first one waited"
    await fence.close()


@pytest.mark.real("redis")
async def test_a_key_that_no_version_wrote_is_unavailable(redis: services.Redis) -> None:
    redis.command("SET", "tocsin:fence:k", "rubbish")
    fence = RedisFence(redis.url, "tocsin")
    assert (await fence.claim("k", "a", LONG_MS, TOLD)).state == "unavailable"
    await fence.close()


def test_the_password_is_not_shown() -> None:
    fence = RedisFence("redis://user:hunter2@localhost:1/0", "tocsin")
    assert "hunter2" not in repr(fence)
