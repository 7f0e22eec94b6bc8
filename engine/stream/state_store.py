"""Write checkpoints and claims where they survive: changelog, then the offset, then the disk here.

Order of one checkpoint, each step possibly the last before a crash: tombstones of what the
manifest before had made obsolete -> chunks, acknowledged -> manifest, acknowledged -> commit of
the input offset -> only if the broker accepted it: the local table and its changelog offset. (The
local table earlier would let a paused owner mark as persisted what lies beyond its successor's
snapshot.)

On Kafka the tables are RocksDB. On the embedded log they are in memory, filled from the changelog
at start and emptied once read: the log itself is RocksDB, and a second store beside it could be
ahead of it after a power cut.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from faust.types import TP

from engine import faults
from engine.errors import StreamError
from engine.stream import checkpoints, faust_private
from engine.stream.broker import Acknowledged, Broker
from engine.stream.checkpoints import Claim, Entries, Plan
from engine.stream.embedded_log import Append
from engine.stream.hosted import Hosted

STEP_TIMEOUT_S = 20.0


class Cut(NamedTuple):
    """One owner's checkpoint, planned; `hosted` is cut when it is planned."""

    hosted: Hosted
    plan: Plan


class StateStore:
    """The changelog tables of the evaluate app."""

    def __init__(self, app: Any, tables: dict[str, Any], broker: Broker) -> None:
        self._app, self._tables, self._broker = app, tables, broker
        self._lock = asyncio.Lock()

    def restored(self, role: str) -> list[int]:
        """Return the partitions whose changelog the running recovery has read."""
        return faust_private.recovering_partitions(self._app, self._tables[role])

    def entries(self, role: str, partition: int) -> Entries:
        """Return what the changelog of a partition holds."""
        prefix = checkpoints.prefix(partition)
        return faust_private.table_entries(self._tables[role], partition, prefix)

    def forget(self, role: str, partition: int) -> None:
        """Free what is in memory and has been read."""
        faust_private.table_forget(self._tables[role], checkpoints.prefix(partition))

    async def claim(self, role: str, partitions: Sequence[int], claim: Claim) -> dict[int, int]:
        """Claim partitions; return their new epochs, unique and rising by the log itself."""
        records = [(p, [checkpoints.claim_entry(p, claim)]) for p in partitions]
        offsets = await self._write(role, records)
        faults.point("claim.after")
        return {partition: last + 1 for partition, last in offsets.items()}

    async def commit(self, offsets: dict[TP, int]) -> bool:
        """Commit input offsets; False if any of them is not ours."""
        wanted = {tp: offset for tp, offset in offsets.items() if offset > 0}
        if not wanted.keys() <= self._app.consumer.assignment():
            return False
        if not wanted:
            return True
        async with asyncio.timeout(STEP_TIMEOUT_S):
            return await faust_private.commit(self._app, wanted)

    async def save(self, cuts: Sequence[Cut]) -> bool:
        """Write checkpoints whose outputs are acknowledged. False: they are not ours any more."""
        async with self._lock:
            return not cuts or await self._save(cuts)

    async def _save(self, cuts: Sequence[Cut]) -> bool:
        faults.point("checkpoint.before_chunks")
        by_role: dict[str, list[Cut]] = {}
        for cut in cuts:
            by_role.setdefault(cut.hosted.role, []).append(cut)
        for role, some in by_role.items():
            await self._write(role, [(c.hosted.partition, c.plan.chunks) for c in some])
        faults.point("checkpoint.after_chunks")
        last: dict[TP, int] = {}
        for role, some in by_role.items():
            manifests = [(c.hosted.partition, [c.plan.manifest_entry]) for c in some]
            written = await self._write(role, manifests)
            last.update({TP(role, partition): offset for partition, offset in written.items()})
        faults.point("checkpoint.after_manifest")
        if not await self.commit({c.hosted.tp: c.plan.manifest.next_offset for c in cuts}):
            return False
        faults.point("checkpoint.after_commit")
        for hosted, plan in cuts:
            entries = [*plan.chunks, plan.manifest_entry]
            offset = last[TP(hosted.role, hosted.partition)]
            faust_private.table_put(self._tables[hosted.role], hosted.partition, entries, offset)
            hosted.manifest, hosted.garbage = plan.manifest, plan.obsolete
            hosted.saved_s = asyncio.get_running_loop().time()
        return True

    async def _write(
        self, role: str, work: Sequence[tuple[int, Sequence[tuple[bytes, bytes | None]]]]
    ) -> dict[int, int]:
        """Append entries to the changelog; return each partition's last offset when all are in."""
        topic = self._tables[role].changelog_topic_name
        sent: list[tuple[int, Acknowledged]] = []
        for partition, entries in work:
            records = [Append(topic, partition, key, value) for key, value in entries]
            if records:
                sent.append((partition, await self._broker.append(records)))
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                return {partition: (await ack)[-1] for partition, ack in sent}
        except TimeoutError as error:
            raise StreamError(f"no answer to writes of {topic} in {STEP_TIMEOUT_S} s") from error
