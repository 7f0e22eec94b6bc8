"""Which workers live, and which rule sets each has loaded, as `control` tells it.

A worker says so when what it has loaded changes and every ten seconds. It stands in `control` and
not in the marks of `shards`: who waits for it, the notifier's owner, reads no shard.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from engine.owner import LogRecord

LOADED_KEY: Final = "loaded/"
SAY_EVERY_S: Final = 10.0
ALIVE_MS: Final = 30_000
DEPARTED_MS: Final = 86_400_000
"""Who has been silent for so long is forgotten, here and in `control`."""


class LoadedSets(msgspec.Struct, frozen=True):
    """What one worker can judge and project by."""

    v: int
    digests: list[str]
    url: str = ""  # where it listens


@dataclass(frozen=True, slots=True)
class _Heard:
    at_ms: int
    digests: frozenset[str]
    url: str


class Roster:
    """The workers heard of, by instance id."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}

    def told(self, key: str, record: LogRecord) -> bool:
        """Apply one record of `control`; False where it is about something else."""
        if not key.startswith(LOADED_KEY):
            return False
        instance = key.removeprefix(LOADED_KEY)
        if record.value is None:
            self._heard.pop(instance, None)
            return True
        try:
            sets = msgspec.json.decode(record.value, type=LoadedSets)
        except msgspec.DecodeError:
            return True  # of a version to come: it says nothing that we can wait for
        self._heard[instance] = _Heard(record.timestamp_ms, frozenset(sets.digests), sets.url)
        return True

    def lacking(self, digest: str, now_ms: int) -> list[str]:
        """Return the live workers that have not loaded a rule set, by instance id."""
        return sorted(
            instance
            for instance, heard in self._heard.items()
            if now_ms - heard.at_ms <= ALIVE_MS and digest not in heard.digests
        )

    def departed(self, now_ms: int) -> list[str]:
        """Return the workers that will hardly come back, by instance id."""
        heard = sorted(self._heard.items())
        return [instance for instance, last in heard if now_ms - last.at_ms > DEPARTED_MS]

    def urls(self, now_ms: int) -> dict[str, str]:
        """Return where the live workers listen, by instance id."""
        return {
            instance: heard.url
            for instance, heard in sorted(self._heard.items())
            if now_ms - heard.at_ms <= ALIVE_MS and heard.url
        }


def loaded_record(digests: list[str], url: str = "") -> bytes:
    """Return the value under LOADED_KEY + instance id."""
    return msgspec.json.encode(LoadedSets(1, sorted(digests), url))
