"""The embedded fence speaks the protocol and the bytes of the Redis one."""

from pathlib import Path

import pytest

from engine.stream.fence import EmbeddedFence
from notifiers.store import Claim, Told, decode_entry, encode_entry

TOLD = Told(hash="h", firing=["a"], at_ms=5)


class Clock:
    now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fence(tmp_path: Path, clock: Clock) -> EmbeddedFence[Claim, Told]:
    return EmbeddedFence(tmp_path / "fence", clock, encode_entry, decode_entry, Claim("free"))


async def test_one_wins_and_the_other_sees_it(
    fence: EmbeddedFence[Claim, Told], clock: Clock
) -> None:
    assert await fence.claim("k", "w0", 500, TOLD) == Claim("won", "w0", TOLD)
    clock.now_ms += 100
    assert await fence.claim("k", "w1", 500, Told()) == Claim("claimed", "w0", TOLD, {}, 400)
    assert (await fence.claim("k", "w0", 500, TOLD)).state == "won", "ours is ours again"
    clock.now_ms += 500
    taken = await fence.claim("k", "w1", 500, TOLD)
    assert (taken.state, taken.lapsed) == ("won", True), "a lapsed claim may be taken over"


async def test_sent_is_sent_for_everybody(fence: EmbeddedFence[Claim, Told], clock: Clock) -> None:
    await fence.claim("k", "w0", 500, TOLD)
    assert await fence.confirm("k", "w0", TOLD, {"ts": "1"}, 10_000)
    clock.now_ms += 9_000
    for owner in ("w0", "w1"):
        found = await fence.claim("k", owner, 500, Told())
        assert (found.state, found.far_id, found.told) == ("sent", {"ts": "1"}, TOLD)
    await fence.release("k", "w0")
    assert [claim.state for claim in await fence.peek(["k", "other"])] == ["sent", "free"]


async def test_a_released_claim_is_free(fence: EmbeddedFence[Claim, Told]) -> None:
    await fence.claim("k", "w0", 500, TOLD)
    await fence.release("k", "w1")
    assert [claim.state for claim in await fence.peek(["k"])] == ["claimed"]
    await fence.release("k", "w0")
    assert await fence.peek(["k"]) == [Claim("free")]


async def test_it_survives_a_restart_and_forgets_what_expired(
    fence: EmbeddedFence[Claim, Told], tmp_path: Path, clock: Clock
) -> None:
    await fence.confirm("short", "w0", TOLD, {}, 500)
    await fence.confirm("long", "w0", TOLD, {}, 10_000)
    await fence.close()
    clock.now_ms += 1_000
    again = EmbeddedFence(tmp_path / "fence", clock, encode_entry, decode_entry, Claim("free"))
    assert [claim.state for claim in await again.peek(["short", "long"])] == ["free", "sent"]
    assert len(list(again._db.items())) == 1


@pytest.mark.parametrize("down_ms", [10, 3_600_000])
async def test_a_claim_of_a_dead_process_is_known_and_not_waited_for(
    fence: EmbeddedFence[Claim, Told], tmp_path: Path, clock: Clock, down_ms: int
) -> None:
    await fence.claim("k", "w0/1", 500, TOLD)
    await fence.close()
    clock.now_ms += down_ms
    again = EmbeddedFence(tmp_path / "fence", clock, encode_entry, decode_entry, Claim("free"))
    left = Claim("claimed", "w0/1", TOLD, {}, 0)
    assert await again.peek(["k"]) == [left]
    await again.close()
    # Its successor died before it could claim: the next one sees it all the same.
    third = EmbeddedFence(tmp_path / "fence", clock, encode_entry, decode_entry, Claim("free"))
    assert await third.peek(["k"]) == [left]
    won = await third.claim("k", "w0/3", 500, TOLD)
    assert (won.state, won.lapsed) == ("won", True)
    assert (await third.claim("k", "w0/4", 500, TOLD)).owner == "w0/3", "a live one is waited for"
    await third.confirm("k", "w0/3", TOLD, {}, 10_000)
    assert (await third.peek(["k"]))[0].state == "sent"
