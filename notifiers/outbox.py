"""The outbox: notifications that are decided and not yet confirmed in the log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.alerts import Notified
from notifiers.group import GroupId
from notifiers.notification import Notification
from notifiers.notification_log import LogKey
from notifiers.store import Told


@dataclass(frozen=True, slots=True)
class Flush:
    """One decision to notify one group at one integration."""

    key: LogKey
    group_id: GroupId
    notification: Notification
    told: Told
    deadline_ms: int  # then it is given up and decided anew
    withheld: bool = False
    """Only ended alerts, and the integration wants none: the log is told, the receiver is not."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """Fingerprint -> version of the ended alerts it covers, silenced ones too."""

    def record(
        self, outcome: str, *, sent_ms: int, far_id: Mapping[str, str], repeated: bool = False,
        reason: str = "", told: Told | None = None, text: str = "",
    ) -> Notified:  # fmt: skip
        """Return the log record of what became of it."""
        said = told or self.told
        return Notified(
            tenant=self.key.tenant,
            receiver=self.key.receiver,
            integration=self.key.integration,
            group_key=self.key.group_key,
            n=self.notification.n,
            at_ms=said.at_ms,
            sent_ms=sent_ms,
            outcome=outcome,  # type: ignore[arg-type]
            reason=reason or said.reason,
            firing=list(said.firing),
            resolved=list(said.resolved),
            content_hash=said.hash,
            far_id=dict(far_id),
            possibly_repeated=repeated,
            text=text,
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the outbox."""

    n: int
    group_id: GroupId
    ended: Mapping[str, int]


class Outbox:
    """At most one notification a key is on its way: the next one waits for its record."""

    def __init__(self, outbox_max: int) -> None:
        self._outbox_max = outbox_max
        self._waiting: dict[LogKey, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: LogKey) -> bool:
        return key in self._waiting

    @property
    def full(self) -> bool:
        """Say whether nothing more may be decided for now."""
        return len(self._waiting) >= self._outbox_max

    def items(self) -> Iterator[tuple[LogKey, Waiting]]:
        """Return all that waits."""
        return iter(self._waiting.items())

    def put(self, key: LogKey, waiting: Waiting) -> None:
        """Note that a notification is on its way."""
        assert key not in self._waiting, f"{key} is on its way as n={self._waiting[key].n}"
        self._waiting[key] = waiting

    def get(self, key: LogKey) -> Waiting | None:
        """Return what is on its way for a key."""
        return self._waiting.get(key)

    def pop(self, key: LogKey) -> Waiting | None:
        """Take an entry out."""
        return self._waiting.pop(key, None)
