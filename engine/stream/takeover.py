"""Become the owner of partitions: claim, restore, prove membership, fence, and only then speak.

    replay of the changelog (Faust's recovery) -> claim, its offset is the epoch -> the snapshot of
    the highest epoch whose chunks check -> commit of its offset (rewinds, and proves that we are
    a member) -> manifest under the new epoch -> what the owner says first -> live

A revoke that comes in between (Faust lets this run on) ends it: `turn` has moved.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from engine.errors import PlanLoadingError, SnapshotError
from engine.owner import Owner
from engine.stream import checkpoints
from engine.stream.broker import Broker
from engine.stream.checkpoints import Claim, Entries, Loaded
from engine.stream.hosted import EndProcess, Hosted
from engine.stream.state_store import Cut, StateStore
from engine.stream.topics import Topics

PLAN_WAIT_S = 0.1

MakeOwner = Callable[[int], Owner]
Events = Callable[[str, dict[str, object]], None]


class Restored(NamedTuple):
    """An owner and where its state came from."""

    owner: Owner
    loaded: Loaded | None  # None: it begins empty
    kept: bool  # the live object of the generation before


class Takeover:
    """Takes partitions over, for one process."""

    def __init__(
        self,
        *,
        store: StateStore,
        broker: Broker,
        topics: Topics,
        claim: Claim,
        make: dict[str, MakeOwner],
        end_process: EndProcess,
        events: Events,
    ) -> None:
        self._store, self._broker, self._topics, self._claim = store, broker, topics, claim
        self._make, self._end_process, self._events = make, end_process, events
        self.steps = 0  # moves while it gets on, for the watchdog
        self.restored = self.fresh = 0

    async def run(
        self, role: str, kept: dict[int, Hosted], still: Callable[[], bool]
    ) -> list[Hosted]:
        """Take over what the running recovery has restored; [] if it is not ours any more."""
        partitions = self._store.restored(role)
        entries = {p: self._store.entries(role, p) for p in partitions}
        epochs = await self._store.claim(role, partitions, self._claim)
        self.steps += 1
        starts = await self._broker.starts([self._topics.tp(role, p) for p in partitions])
        cuts = []
        for p in partitions:
            start = starts[self._topics.tp(role, p)]
            found = await self._found(role, p, entries[p], kept.get(p), start)
            cuts.append(self._under(role, p, epochs[p], found))
            self._store.forget(role, p)
            self.steps += 1
            await asyncio.sleep(0)  # restoring is the longest synchronous work there is
        del entries
        rewound = {cut.hosted.tp: cut.plan.manifest.next_offset for cut in cuts}
        # The manifest comes before the first output: else a paused predecessor's later snapshot,
        # whose outputs are fenced, could be restored, and those outputs would never be sent.
        if not (still() and await self._store.commit(rewound) and still()):
            return []
        if not (await self._store.save(cuts) and still()):
            return []
        self.steps += 1
        taken = [cut.hosted for cut in cuts]
        await self._speak(taken)
        return taken if still() else []

    async def _found(
        self, role: str, p: int, entries: Entries, kept: Hosted | None, start: int
    ) -> Restored:
        while True:
            try:
                return self._restore(role, p, entries, kept, start)
            except PlanLoadingError:
                # Large rule sets take seconds to compile; until then the state means nothing.
                await asyncio.sleep(PLAN_WAIT_S)
                self.steps += 1

    def _restore(
        self, role: str, p: int, entries: Entries, kept: Hosted | None, start: int
    ) -> Restored:
        for loaded in checkpoints.candidates(entries, p):
            wanted = loaded.manifest
            if (
                kept is not None
                and kept.manifest == wanted
                and kept.owner.next_offset == wanted.next_offset
            ):
                return Restored(kept.owner, loaded, kept=True)
            owner = self._make[role](p)
            try:
                owner.restore(loaded.snapshot)
            except SnapshotError as error:
                self._events(
                    "snapshot_refused", {"role": role, "partition": p, "error": str(error)}
                )
                continue
            self.restored += 1
            return Restored(owner, loaded, kept=False)
        self.fresh += 1
        owner = self._make[role](p)
        # Nothing valid: all that the log still has is read again. Outputs repeat, and are dropped
        # by who reads them; nobody is told "resolved" by an empty state.
        owner.next_offset = start
        return Restored(owner, None, kept=False)

    def _under(self, role: str, p: int, epoch: int, found: Restored) -> Cut:
        hosted = Hosted(role, p, found.owner, epoch, self._broker, self._topics, self._end_process)
        hosted.fresh = found.loaded is None
        if found.loaded is not None:
            return Cut(hosted, checkpoints.adopt(p, found.loaded, epoch))
        snapshot = found.owner.snapshot({})
        return Cut(hosted, checkpoints.plan(p, snapshot, epoch, None, []))

    async def _speak(self, taken: list[Hosted]) -> None:
        """Say what fences the owner before, and learn how far each has to catch up."""
        for hosted in taken:
            hosted.say(hosted.owner.opened(hosted.epoch, hosted.fresh))
            await hosted.drain()
        for hosted in taken:
            await hosted.settled()
            self.steps += 1
        ends = await self._broker.ends([hosted.tp for hosted in taken])
        now_s = asyncio.get_running_loop().time()
        for hosted in taken:
            hosted.live_at = hosted.end = ends[hosted.tp]
            hosted.moved_s = now_s
