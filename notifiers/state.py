"""The notifier's state as a snapshot: chunks of bounded size that change only with their content.

    alerts/<bucket>.<part>   StoredAlert, by fingerprint
    log/<bucket>.<part>      notification log, by group key
    letters/<bucket>.<part>  dead letters, by group key
    silences/<bucket>.<part>
    groups/<bucket>.<part>   groups with their timers and what lags
    shards/0.<part>          epochs and sequences; alerts that do not fire yet
    routing/0.0              digest of the route tree that the groups belong to

The version of a chunk is a digest of its bytes, so equal versions mean equal bytes whoever wrote
them. Buckets that were not touched are not even encoded.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.alerts import AlertRecord, RuleHealth, SilenceRecord
from engine.checkpoint import pack, unpack
from engine.errors import SnapshotError
from engine.owner import Chunk, Snapshot
from notifiers.alert import StoredAlert, identity
from notifiers.dead_letters import DeadLetter
from notifiers.group import Group, GroupId
from notifiers.holding import Holding, ShardSeen, Touched
from notifiers.notification_log import LogEntry, LogKey
from notifiers.route import Route

FORMAT = 1
CHUNK_BYTES_MAX = 400_000  # well below the limit of a message, one large alert over
BUCKETS: Mapping[str, int] = {
    "alerts": 64,
    "log": 16,
    "letters": 4,
    "silences": 4,
    "groups": 16,
    "shards": 1,
    "routing": 1,
}

Members = Callable[[], Iterable[tuple[str, Any, Any]]]
"""What a section holds: (key that says the bucket, place in the order, value)."""


class FrozenGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """A group as it is kept; the route is found by its id again."""

    tenant: str
    route_id: str
    group_key: str
    labels: dict[str, str]
    created_ms: int
    next_flush_ms: int
    alerts: list[str] = []
    lagging: list[str] = []


class FrozenLog(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of the notification log with its key."""

    key: LogKey
    entry: LogEntry


class FrozenShard(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was last taken from a shard, an alert that is pending, or a rule that fails."""

    shard: int = -1
    epoch: int = 0
    sequence: int = 0
    pending: AlertRecord | None = None
    failing: RuleHealth | None = None


@dataclass(slots=True)
class Thawed:
    """A snapshot, read."""

    alerts: list[StoredAlert] = field(default_factory=list)
    log: list[FrozenLog] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    silences: list[SilenceRecord] = field(default_factory=list)
    groups: list[FrozenGroup] = field(default_factory=list)
    shards: list[FrozenShard] = field(default_factory=list)
    routing: list[str] = field(default_factory=list)


_TYPES: Mapping[str, Any] = {
    "alerts": list[StoredAlert],
    "log": list[FrozenLog],
    "letters": list[DeadLetter],
    "silences": list[SilenceRecord],
    "groups": list[FrozenGroup],
    "shards": list[FrozenShard],
    "routing": list[str],
}


class ChunkCache:
    """Names and versions of the chunks of each bucket, as long as nothing in it changes."""

    def __init__(self) -> None:
        self._clean: dict[tuple[str, int], list[Chunk]] = {}

    def forget(self, touched: Touched) -> None:
        """Drop what is remembered of the buckets that have changed."""
        keys, sections = touched.take()
        for section, changed in keys.items():
            for key in changed:
                self._clean.pop((section, bucket_of(section, key)), None)
        for section in sections:
            for bucket in range(BUCKETS[section]):
                self._clean.pop((section, bucket), None)

    def chunks(self, section: str, members: Members, known: Mapping[str, int]) -> list[Chunk]:
        """Return the chunks of a section; those in `known` come without bytes.

        Cost: nothing where all is clean and known, else one pass over the section's members.
        """
        chunks: dict[int, list[Chunk]] = {}
        wanted: dict[int, list[tuple[Any, Any]]] = {}
        for bucket in range(BUCKETS[section]):
            clean = self._clean.get((section, bucket))
            if clean is not None and all(known.get(c.name) == c.version for c in clean):
                chunks[bucket] = clean
            else:
                wanted[bucket] = []
        if wanted:
            for key, order, member in members():
                found = wanted.get(bucket_of(section, key))
                if found is not None:
                    found.append((order, member))
        for bucket, found in wanted.items():
            made = _encode(section, bucket, [each for _, each in sorted(found, key=_first)])
            without = [Chunk(c.name, c.version, b"") for c in made]
            self._clean[section, bucket] = without
            chunks[bucket] = [
                empty if known.get(full.name) == full.version else full
                for full, empty in zip(made, without, strict=True)
            ]
        return [chunk for bucket in sorted(chunks) for chunk in chunks[bucket]]


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def bucket_of(section: str, key: str) -> int:
    """Return in which bucket of a section a key is."""
    return zlib.crc32(key.encode()) % BUCKETS[section]


def _encode(section: str, bucket: int, members: Iterable[Any]) -> list[Chunk]:
    chunks: list[Chunk] = []
    part: list[msgspec.Raw] = []
    size = 0
    for member in members:
        raw = msgspec.Raw(msgspec.json.encode(member, order="deterministic"))
        if part and size + len(raw) > CHUNK_BYTES_MAX:
            chunks.append(_chunk(section, bucket, len(chunks), part))
            part, size = [], 0
        part.append(raw)
        size += len(raw)
    if part:
        chunks.append(_chunk(section, bucket, len(chunks), part))
    return chunks


def _chunk(section: str, bucket: int, part: int, members: list[msgspec.Raw]) -> Chunk:
    payload = pack({"members": members}, {})
    digest = hashlib.blake2b(payload, digest_size=8).digest()
    version = int.from_bytes(digest, "big") >> 1  # fits into a signed 64-bit integer
    return Chunk(f"{section}/{bucket}.{part}", version, payload)


def freeze(held: Holding, cache: ChunkCache, known: Mapping[str, int]) -> tuple[Chunk, ...]:
    """Return the state as chunks."""
    for section in ("groups", "shards", "routing"):
        # Timers move at every flush: cheaper to encode than to watch.
        held.touched.note_all(section)
    cache.forget(held.touched)
    sections: Mapping[str, Members] = {
        "alerts": lambda: ((key[1], key, alert) for key, alert in held.alerts.items()),
        "log": lambda: ((k.group_key, k, FrozenLog(k, e)) for k, e in held.log.items()),
        "letters": lambda: ((each.group_key, each.key, each) for each in held.letters.items()),
        "silences": lambda: ((s.id, (s.tenant, s.id), s) for s in held.silences.all()),
        "groups": lambda: _frozen_groups(held),
        "shards": lambda: _frozen_shards(held),
        "routing": lambda: [("", 0, held.config.route.digest())],
    }
    return tuple(
        chunk for name, members in sections.items() for chunk in cache.chunks(name, members, known)
    )


def _frozen_groups(held: Holding) -> Iterator[tuple[str, GroupId, FrozenGroup]]:
    """Freeze groups; what is on its way counts as lagging: nobody knows whether it arrived."""
    away: dict[GroupId, set[str]] = {}
    for key, waiting in held.outbox.items():
        away.setdefault(waiting.group_id, set()).add(key.integration)
    for group in held.groups:
        lagging = sorted(group.lagging | away.get(group.id, set()))
        made = FrozenGroup(
            *group.id, dict(group.labels), group.created_ms, group.next_flush_ms,
            sorted(group.alerts), lagging,
        )  # fmt: skip
        yield group.id.group_key, group.id, made


def _frozen_shards(held: Holding) -> Iterator[tuple[str, tuple[int, str], FrozenShard]]:
    for shard, seen in held.shards.items():
        yield "", (shard, ""), FrozenShard(shard, seen.epoch, seen.sequence)
    for who, record in held.pending.items():
        yield "", (-1, who), FrozenShard(pending=record)
    for (rule_id, shard), health in held.failing.items():
        yield "", (-2 - shard, rule_id), FrozenShard(failing=health)


def thaw(snapshot: Snapshot) -> Thawed:
    """Read a snapshot. Raises SnapshotError."""
    if snapshot.kind != "notifier" or snapshot.format != FORMAT:
        raise SnapshotError(
            f"a snapshot of kind {snapshot.kind!r} and format {snapshot.format} is not readable"
            f" as notifier format {FORMAT}; run the version that wrote it, or a later one"
        )
    thawed = Thawed()
    for chunk in snapshot.chunks:
        section = chunk.name.partition("/")[0]
        if section not in _TYPES:
            raise SnapshotError(f"a notifier has no chunk {chunk.name!r}")
        meta, _ = unpack(chunk.payload)
        try:
            members = msgspec.convert(meta["members"], _TYPES[section])
        except (KeyError, msgspec.ValidationError) as error:
            raise SnapshotError(f"chunk {chunk.name!r} is malformed: {error}") from error
        getattr(thawed, section).extend(members)
    return thawed


def fill(held: Holding, thawed: Thawed) -> None:
    """Put what was read into an empty holding."""
    held.load(thawed.alerts)
    for silence in thawed.silences:
        held.silences.put(silence)
    for kept in thawed.log:
        held.log.put(kept.key, kept.entry)
    for letter in thawed.letters:
        held.letters.put(letter)
    for shard in thawed.shards:
        if shard.pending is not None:
            held.pending[identity(shard.pending)] = shard.pending
        elif shard.failing is not None:
            held.failing[shard.failing.rule_id, shard.failing.shard] = shard.failing
        else:
            held.shards[shard.shard] = ShardSeen(shard.epoch, shard.sequence)
    groups = [_to_group(frozen, held.config.route) for frozen in thawed.groups]
    if thawed.routing == [held.config.route.digest()]:
        held.adopt(groups)
    else:
        held.regroup(held.config, {group.id: group for group in groups}, None)


def _to_group(frozen: FrozenGroup, route: Route) -> Group:
    """Return a group as it was frozen; only its members and timers count."""
    return Group(
        GroupId(frozen.tenant, frozen.route_id, frozen.group_key),
        route,
        frozen.labels,
        frozen.created_ms,
        frozen.next_flush_ms,
        set(frozen.alerts),
        set(frozen.lagging),
    )
