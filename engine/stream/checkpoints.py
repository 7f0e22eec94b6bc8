"""Checkpoints on the changelog: claims, chunks under immutable keys, a manifest last.

Keys of a changelog partition (the partition is in each, because a table in memory has but one
space for all of them):

    0003/claim                       who took the partition over; its offset + 1 is the epoch
    0003/m/<epoch>                   the manifest: next offset, and each chunk by its exact key
    0003/c/<epoch>/<name>/<version>/<part>   chunk bytes, below the message limit

The snapshot that counts is the one of the highest epoch whose chunks all check, whatever was
written last: a paused owner's late manifest has an older epoch. Its tombstones are harmless too:
it deletes only what its last accepted manifest had made obsolete, and chunk keys carry the epoch.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from engine import metrics
from engine.errors import SnapshotError
from engine.owner import Chunk, Snapshot

MANIFEST_VERSION = 1
CLAIM_VERSION = 1
PART_BYTES_MAX = 900_000  # of one record; a chunk is cut into as many as it takes

REFUSED = metrics.counter(
    "tocsin_checkpoint_manifests_refused_total", "Manifests whose chunks did not check.", ["reason"]
)


class Claim(msgspec.Struct, frozen=True):
    """Who took a partition over."""

    v: int
    instance: str
    url: str


class ChunkRef(msgspec.Struct, frozen=True):
    """A chunk in a manifest: where its bytes are, and what they must be."""

    name: str
    version: int
    epoch: int  # of who wrote it, part of its key
    bytes: int
    parts: int
    crc: int


class Manifest(msgspec.Struct, frozen=True):
    """One whole snapshot: what it covers and the exact keys of its chunks."""

    v: int
    kind: str
    format: int
    epoch: int
    next_offset: int
    chunks: list[ChunkRef]

    @property
    def known(self) -> dict[str, int]:
        """The versions that need not be written again."""
        return {ref.name: ref.version for ref in self.chunks}


_encode = msgspec.json.Encoder().encode
_decode_manifest = msgspec.json.Decoder(Manifest).decode

Entries = Mapping[bytes, bytes]


def prefix(partition: int) -> bytes:
    """Return what every key of a partition begins with."""
    return b"%04d/" % partition


def claim_entry(partition: int, claim: Claim) -> tuple[bytes, bytes]:
    """Return the record that claims a partition."""
    return prefix(partition) + b"claim", _encode(claim)


def manifest_key(partition: int, epoch: int) -> bytes:
    """Return the key of the manifest of an epoch."""
    return prefix(partition) + b"m/%020d" % epoch


def chunk_keys(partition: int, ref: ChunkRef) -> list[bytes]:
    """Return the keys of a chunk's parts, in order."""
    stem = b"c/%020d/%s/%d/" % (ref.epoch, ref.name.encode(), ref.version)
    return [prefix(partition) + stem + b"%d" % part for part in range(ref.parts)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a checkpoint writes, in this order, and what it makes obsolete."""

    partition: int
    chunks: list[tuple[bytes, bytes | None]]  # tombstones first, then chunk parts
    manifest: Manifest
    obsolete: list[bytes] = field(default_factory=list)  # to be deleted by the NEXT checkpoint

    @property
    def manifest_entry(self) -> tuple[bytes, bytes]:
        """The record that makes it count."""
        key = manifest_key(self.partition, self.manifest.epoch)
        return key, _encode(self.manifest)


def plan(
    partition: int,
    snapshot: Snapshot,
    epoch: int,
    previous: Manifest | None,
    garbage: list[bytes],
) -> Plan:
    """Cut a snapshot into records; chunks that `previous` has are referred to, not written.

    `garbage` are keys that the last accepted manifest made obsolete: they are deleted now, one
    checkpoint late, when a successor cannot be reading them any more.
    """
    held = {(ref.name, ref.version): ref for ref in previous.chunks} if previous else {}
    records: list[tuple[bytes, bytes | None]] = [(key, None) for key in garbage]
    refs = []
    for chunk in snapshot.chunks:
        ref = held.get((chunk.name, chunk.version))
        if ref is None:
            ref, parts = _cut(chunk, epoch)
            records += zip(chunk_keys(partition, ref), parts, strict=True)
        refs.append(ref)
    manifest = Manifest(
        MANIFEST_VERSION, snapshot.kind, snapshot.format, epoch, snapshot.next_offset, refs
    )
    return Plan(partition, records, manifest, _obsolete(partition, previous, manifest))


def adopt(partition: int, loaded: "Loaded", epoch: int) -> Plan:
    """Put a restored snapshot under a new epoch: the same chunks, a new manifest."""
    manifest = msgspec.structs.replace(loaded.manifest, epoch=epoch)
    return Plan(partition, [], manifest, loaded.leftovers)


def _cut(chunk: Chunk, epoch: int) -> tuple[ChunkRef, list[bytes]]:
    payload = chunk.payload
    parts = [payload[at : at + PART_BYTES_MAX] for at in range(0, len(payload), PART_BYTES_MAX)]
    ref = ChunkRef(chunk.name, chunk.version, epoch, len(payload), len(parts), zlib.crc32(payload))
    return ref, parts


def _obsolete(partition: int, previous: Manifest | None, manifest: Manifest) -> list[bytes]:
    if previous is None:
        return []
    kept = {(ref.name, ref.version, ref.epoch) for ref in manifest.chunks}
    gone = [ref for ref in previous.chunks if (ref.name, ref.version, ref.epoch) not in kept]
    keys = [key for ref in gone for key in chunk_keys(partition, ref)]
    if previous.epoch != manifest.epoch:
        keys.append(manifest_key(partition, previous.epoch))
    return keys


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot that checks, and what lies around that it does not need."""

    manifest: Manifest
    snapshot: Snapshot
    leftovers: list[bytes]


def candidates(entries: Entries, partition: int) -> Iterator[Loaded]:
    """Yield the snapshots whose chunks all check, the highest epoch first."""
    stem = prefix(partition) + b"m/"
    for key in sorted((key for key in entries if key.startswith(stem)), reverse=True):
        try:
            manifest = _decode_manifest(entries[key])
            snapshot = _assemble(entries, partition, manifest)
        except (msgspec.DecodeError, SnapshotError) as error:
            REFUSED.labels("decode" if isinstance(error, msgspec.DecodeError) else "chunks").inc()
            continue
        needed = {key for ref in manifest.chunks for key in chunk_keys(partition, ref)}
        claim = prefix(partition) + b"claim"
        leftovers = [key for key in entries if key not in needed and key != claim]
        yield Loaded(manifest, snapshot, leftovers)


def _assemble(entries: Entries, partition: int, manifest: Manifest) -> Snapshot:
    if manifest.v > MANIFEST_VERSION:
        raise SnapshotError(f"manifest version {manifest.v} is of a later Tocsin")
    chunks = []
    for ref in manifest.chunks:
        payload = b"".join(entries.get(key, b"") for key in chunk_keys(partition, ref))
        if len(payload) != ref.bytes or zlib.crc32(payload) != ref.crc:
            raise SnapshotError(
                f"chunk {ref.name} version {ref.version} of partition {partition}, epoch"
                f" {manifest.epoch}: {len(payload)} of {ref.bytes} bytes, or other ones"
            )
        chunks.append(Chunk(ref.name, ref.version, payload))
    return Snapshot(manifest.kind, manifest.format, manifest.next_offset, tuple(chunks))
