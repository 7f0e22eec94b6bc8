"""The source's dictionary: a cache from a series as it is written to its key and its shards.

It may be thrown away at any time: keys are a function of labels, and labels are announced again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.limits import Limits
from engine.series import KEY_BYTES, canonical, series_key
from engine.sources.projection import Projection
from engine.sources.sections import Sections

ANNOUNCE_EVERY_MS = 600_000
ENTRIES_MAX = 1_000_000
ALIAS_BYTES_MAX = 128 << 20
NEVER_MS = -(1 << 62)  # a clock may begin at 0


class SeriesError(ValueError):
    """A label set that is not taken; `reason` is the label of the counter."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _size(alias: object) -> int:
    if isinstance(alias, tuple):
        return sum(map(_size, alias))
    return len(alias) if isinstance(alias, str | bytes) else 0


class Dictionary:
    """Entries by number: key, canonical labels, target shards, last announcement by shard."""

    def __init__(self, shards: int, secret: bytes, limits: Limits, tenant: str) -> None:
        self.shards, self.secret, self.limits, self.tenant = shards, secret, limits, tenant
        self.projection = Projection((), shards)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.alias: dict[object, int] = {}
        seed = hashlib.blake2b(self.secret, digest_size=8).digest()
        self.sections = Sections(int.from_bytes(seed, "little", signed=True))
        self.alias_bytes = 0
        self.by_key: dict[bytes, int] = {}
        self.raw: list[bytes] = []
        self.keys = np.zeros((1024, KEY_BYTES), np.uint8)
        self.announced_ms = np.full((1024, self.shards), NEVER_MS, np.int64)
        self.target_start = np.zeros(1024, np.int64)
        self.target_count = np.zeros(1024, np.int64)
        self.targets = np.zeros(1024, np.int64)
        self.targets_used = 0

    def use(self, projection: Projection) -> None:
        """Project by other plans; what was cached of the old ones goes."""
        self.projection = projection
        self.clear()

    def trim(self) -> None:
        """Forget everything where it is too much; between fetches only: entries are in use."""
        if (
            max(len(self.alias), len(self.raw), len(self.sections)) >= ENTRIES_MAX
            or self.alias_bytes + self.sections.bytes >= ALIAS_BYTES_MAX
        ):
            self.clear()

    def untold(self, entries: npt.NDArray[np.int64], shard: int) -> None:
        """Announce these again, whenever they were told."""
        self.announced_ms[entries, shard] = NEVER_MS

    def intern(self, alias: object, labels: Mapping[str, str]) -> int | SeriesError:
        """Return the entry of a label set, and remember the alias it was written as (None: not)."""
        try:
            found = self._entry(labels)
        except SeriesError as error:
            return error  # not remembered: what is refused for its size would be kept for it
        size = _size(alias)
        if alias is not None and size <= 2 * self.limits.labels_bytes_max:
            self.alias[alias] = found
            self.alias_bytes += size
        return found

    def remember(self, raw: Any, at: int, end: int, entry: int) -> None:
        """Remember raw[at:end] (u8), the labels of a remote-write series, as a section."""
        if end - at <= 2 * self.limits.labels_bytes_max:
            self.sections.add(raw, at, end, entry)

    def _entry(self, labels: Mapping[str, str]) -> int:
        self._check(labels)
        raw = canonical(self.tenant, labels)
        if len(raw) > self.limits.labels_bytes_max:
            raise SeriesError(
                "labels_too_large",
                f"labels of {len(raw)} bytes; limits.labels_bytes_max is "
                f"{self.limits.labels_bytes_max}",
            )
        key = series_key(self.secret, raw)
        known = self.by_key.get(key)
        if known is not None:
            return known
        entry = len(self.raw)
        self._reserve(entry + 1)
        self.by_key[key] = entry
        self.raw.append(raw)
        self.keys[entry] = np.frombuffer(key, np.uint8)
        wanted = self.projection.targets(self.tenant, {n: v for n, v in labels.items() if v})
        while self.targets_used + len(wanted) > self.targets.size:
            self.targets = np.concatenate([self.targets, np.zeros_like(self.targets)])
        self.targets[self.targets_used : self.targets_used + len(wanted)] = wanted
        self.target_start[entry] = self.targets_used
        self.target_count[entry] = len(wanted)
        self.targets_used += len(wanted)
        return entry

    def _check(self, labels: Mapping[str, str]) -> None:
        limits = self.limits
        if len(labels) > limits.labels_per_series_max:
            raise SeriesError(
                "too_many_labels",
                f"{len(labels)} labels; limits.labels_per_series_max is "
                f"{limits.labels_per_series_max}",
            )
        for name, value in labels.items():
            if not name:
                raise SeriesError("label_name", "a label name is empty")
            if len(name) > limits.label_name_bytes_max:
                raise SeriesError("labels_too_large", "a label name is too long")
            if len(value) > limits.label_value_bytes_max:
                raise SeriesError(
                    "labels_too_large",
                    f"label {name[:64]!r} has {len(value)} characters; "
                    f"limits.label_value_bytes_max is {limits.label_value_bytes_max}",
                )

    def _reserve(self, entries: int) -> None:
        if entries <= self.target_start.size:
            return
        for name in ("keys", "announced_ms", "target_start", "target_count"):
            array = getattr(self, name)
            more = np.full_like(array, NEVER_MS if name == "announced_ms" else 0)
            setattr(self, name, np.concatenate([array, more]))

    def to_announce(
        self, entries: npt.NDArray[np.int64], shard: int, now_ms: int
    ) -> npt.NDArray[np.int64]:
        """Return the positions in `entries` whose labels the shard must be told, and note it."""
        due = now_ms - self.announced_ms[entries, shard] >= ANNOUNCE_EVERY_MS
        self.announced_ms[entries[due], shard] = now_ms
        return np.flatnonzero(due)
