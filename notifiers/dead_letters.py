"""Dead letters: what was given up, until somebody was told after all.

Folded from the records `Notified` of the topic `alerts`, so it survives restart and takeover. One
letter a group and integration: a group that is given up again is the same trouble, later. A letter
goes when a later notification of the group got through, when somebody who asks for it to be sent
again learns that it is over, or by age and number.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from engine import metrics
from engine.alerts import Notified

LETTERS_MAX = 1_000
"""Of all tenants; the oldest go first."""

KEEP_MS = 120 * 3_600_000
"""As long as the notification log is kept."""

TEXT_CHARACTERS_MAX = 500

EVICTED = metrics.counter(
    "tocsin_dead_letters_evicted_total", "Dead letters that had to make room for newer ones."
)

Key = tuple[str, str, str, str]
"""Tenant, receiver, integration, group key: notification_log.LogKey, which is above this room."""


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a group could not tell an integration."""

    tenant: str
    receiver: str
    integration: str
    group_key: str
    n: int  # the notification that was given up last
    first_ms: int  # when the first of them was decided
    last_ms: int
    times: int  # how many were given up in a row
    reason: str  # Alertmanager's word for it
    text: str = ""  # what the far side said, without secrets
    firing: int = 0  # alerts that the last one would have told
    resolved: int = 0

    @property
    def key(self) -> Key:
        """Whose it is."""
        return (self.tenant, self.receiver, self.integration, self.group_key)

    @property
    def id(self) -> str:
        """What people call it: the same for all that is given up for one group in a row."""
        return letter_id(self.key)


def letter_id(key: Key) -> str:
    """Return the name of a letter, 12 hex."""
    return hashlib.blake2b("\0".join(key).encode(), digest_size=6).hexdigest()


class DeadLetters:
    """The letters of all tenants."""

    def __init__(self, letters_max: int = LETTERS_MAX) -> None:
        self._letters: dict[Key, DeadLetter] = {}
        self._keys: dict[str, Key] = {}
        self._letters_max = letters_max

    def __len__(self) -> int:
        return len(self._letters)

    def fold(self, record: Notified) -> tuple[str, ...]:
        """Take what became of a notification; return the group keys whose letters changed."""
        key = (record.tenant, record.receiver, record.integration, record.group_key)
        if record.outcome == "dropped":
            return self._given_up(key, record)
        if record.outcome != "withheld" and self.remove(key):
            return (record.group_key,)
        return ()

    def put(self, letter: DeadLetter) -> None:
        """Take a letter of a snapshot."""
        self._letters[letter.key] = letter
        self._keys[letter.id] = letter.key

    def items(self) -> Iterable[DeadLetter]:
        """Return all letters, in no order."""
        return self._letters.values()

    def of(self, tenant: str) -> list[DeadLetter]:
        """Return the letters of a tenant, newest first."""
        found = [each for each in self._letters.values() if each.tenant == tenant]
        return sorted(found, key=_age, reverse=True)

    def get(self, name: str, tenant: str) -> DeadLetter | None:
        """Return a letter by its id, or None."""
        key = self._keys.get(name)
        letter = self._letters.get(key) if key is not None else None
        return letter if letter is not None and letter.tenant == tenant else None

    def remove(self, key: Key) -> bool:
        """Drop a letter; False where there is none."""
        if self._letters.pop(key, None) is None:
            return False
        self._keys.pop(letter_id(key), None)
        return True

    def collect(self, now_ms: int) -> tuple[str, ...]:
        """Drop letters that are too old; return their group keys."""
        old = [each.key for each in self._letters.values() if each.last_ms + KEEP_MS <= now_ms]
        for key in old:
            self.remove(key)
        return tuple(key[3] for key in old)

    def _given_up(self, key: Key, record: Notified) -> tuple[str, ...]:
        before = self._letters.get(key)
        if before is not None and record.n <= before.n:
            return ()  # a second record of one notification
        letter = DeadLetter(
            *key,
            n=record.n,
            first_ms=before.first_ms if before is not None else record.at_ms,
            last_ms=record.at_ms,
            times=(before.times if before is not None else 0) + 1,
            reason=record.reason,
            text=record.text[:TEXT_CHARACTERS_MAX],
            firing=len(record.firing),
            resolved=len(record.resolved),
        )
        self.put(letter)
        gone: list[str] = []
        while len(self._letters) > self._letters_max:
            oldest = min(self._letters.values(), key=_age).key
            self.remove(oldest)
            EVICTED.inc()
            gone.append(oldest[3])
        return (record.group_key, *gone)


def _age(letter: DeadLetter) -> tuple[int, Key]:
    """Sort key, oldest first; it does not depend on the order of coming, as a snapshot has none."""
    return (letter.last_ms, letter.key)
