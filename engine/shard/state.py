"""The snapshot of a shard: one core chunk, series in segments, groups by feed, panes by leaf."""

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError
from engine.owner import Chunk, Snapshot
from engine.plan import EMPTY_PLAN
from engine.shard.switch import Pending, collect, switch

if TYPE_CHECKING:
    from engine.shard.owner import ShardOwner

SERIES_PER_CHUNK: Final = 4_096


def freeze(owner: "ShardOwner", known: Mapping[str, int]) -> Iterator[Chunk]:
    """Yield the chunks of a shard. Series never change once interned: full segments stay."""
    yield Chunk("core", owner.next_offset, pack(_core(owner), _tables(owner)))
    series = owner.series
    for first in range(0, len(series.raw), SERIES_PER_CHUNK):
        name = f"series/{first // SERIES_PER_CHUNK}"
        keys = series.keys[first : first + SERIES_PER_CHUNK]
        if known.get(name) == len(keys):
            yield Chunk(name, len(keys), b"")
            continue
        raw = series.raw[first : first + SERIES_PER_CHUNK]
        arrays: dict[str, Any] = {
            "keys": np.frombuffer(b"".join(keys), np.uint8),
            "labels": np.frombuffer(b"".join(raw), np.uint8),
            "ends": np.cumsum([len(one) for one in raw], dtype=np.int64),
        }
        yield Chunk(name, len(keys), pack({}, arrays))
    for state in series.feeds:
        if state.feed.by is None:
            continue  # found again from the series
        name = f"feed/{state.feed.id}@{state.born}"
        version = state.size + len(state.member_group)
        if known.get(name) == version:
            yield Chunk(name, version, b"")
            continue
        arrays = {
            "member_group": state.member_group.view(),
            "member_series": state.member_series.view(),
        }
        yield Chunk(name, version, pack({"values": state.values}, arrays))
    yield from owner.leaves.chunks(known)
    yield from owner.groups.chunks(known, owner.next_offset)


def _core(owner: "ShardOwner") -> dict[str, Any]:
    return {
        "digest": owner.plan.digest,
        "sequence": owner.sequence,
        "ticked_ms": list(owner.ticked_ms.items()),
        "closed": list(owner.leaves.closed.items()),
        "pending": None
        if (pending := owner.pending) is None
        else [pending.plan.digest, pending.from_ms, pending.since_ms, dict(pending.kept_ms)],
        "owned": owner.groups.owned_digest,
        "group_ticks": list(owner.groups.ticks.ticked_ms.items()),
        "watermark": owner.watermark.freeze().decode(),
        "parked": [
            (base64.b64encode(raw).decode(), first, rows)
            for raw, first, rows in owner.parked.freeze()
        ],
        "alerts": {
            state.rule.identity: {
                "fired": list(state.fired_values.items()),
                "told": list(state.told_values.items()),
                "labels": list(state.labels.items()),
            }
            for state in owner.rules
        },
    }


def _tables(owner: "ShardOwner") -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for state in owner.rules:
        arrays[f"alerts/{state.rule.identity}"] = state.table.rows
    return arrays


def thaw(owner: "ShardOwner", snapshot: Snapshot) -> None:
    """Fill a fresh owner from a snapshot. Raises SnapshotError or MissingPlanError."""
    chunks = {chunk.name: chunk.payload for chunk in snapshot.chunks}
    if "core" not in chunks:
        raise SnapshotError("a shard's snapshot has no core")
    core, tables = unpack(chunks["core"])
    plan = owner.plan_of(core["digest"]) if core["digest"] else EMPTY_PLAN
    switch(owner, plan)
    if core["pending"] is not None:
        digest, from_ms, since_ms, kept_ms = core["pending"]
        collect(owner, owner.plan_of(digest), from_ms)
        owner.pending = Pending(owner.plan_of(digest), from_ms, since_ms, kept_ms)
    _series(owner, chunks)
    _feeds(owner, chunks)
    # Memberships are made again from labels, groups and members, not stored.
    owner.series.use(owner.plan, {state.feed.id: state for state in owner.series.feeds})
    groups = owner.groups
    groups.restore_plans(plan, core["owned"], owner.moment(0, 0))
    groups.restore(chunks)
    groups.ticks.ticked_ms = {int(every): at for every, at in core["group_ticks"]}
    for name, payload in chunks.items():
        if name.startswith("leaf/"):
            owner.leaves.restore(name, payload)
    owner.next_offset = snapshot.next_offset
    owner.sequence = core["sequence"]
    owner.ticked_ms = {int(every): int(at) for every, at in core["ticked_ms"]}
    owner.leaves.closed = {int(width): int(pane) for width, pane in core["closed"]}
    owner.watermark.thaw(core["watermark"].encode())
    owner.parked.thaw([(base64.b64decode(raw), a, b) for raw, a, b in core["parked"]])
    _alerts(owner, core["alerts"], tables)


def _series(owner: "ShardOwner", chunks: Mapping[str, bytes]) -> None:
    series = owner.series
    for number in range(sum(name.startswith("series/") for name in chunks)):
        _, arrays = unpack(chunks[f"series/{number}"])
        keys, labels = arrays["keys"].tobytes(), arrays["labels"].tobytes()
        start = 0
        for index, end in enumerate(arrays["ends"].tolist()):
            key = keys[index * 16 : index * 16 + 16]
            series.ids[key] = len(series.raw)
            series.keys.append(key)
            series.raw.append(labels[start:end])
            start = end


def _feeds(owner: "ShardOwner", chunks: Mapping[str, bytes]) -> None:
    stored = {name.partition("@")[0]: name for name in chunks if name.startswith("feed/")}
    for state in owner.series.feeds:
        name = stored.get(f"feed/{state.feed.id}")
        if name is None:
            continue
        payload = chunks[name]
        state.born = int(name.partition("@")[2])
        meta, arrays = unpack(payload)
        for values in meta["values"]:
            state.group(tuple(values))
        for group, member in zip(
            arrays["member_group"].tolist(), arrays["member_series"].tolist(), strict=True
        ):
            state.member_group.append(group)
            state.member_series.append(member)


def _alerts(owner: "ShardOwner", kept: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
    for state in owner.rules:
        rows = tables.get(f"alerts/{state.rule.identity}")
        if rows is None:
            continue
        state.table.rows = rows
        one = kept[state.rule.identity]
        state.fired_values = {int(group): dict(values) for group, values in one["fired"]}
        state.told_values = {int(group): dict(values) for group, values in one["told"]}
        state.labels = {int(group): dict(labels) for group, labels in one["labels"]}
