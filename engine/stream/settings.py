"""What the hosts are told: settings, hooks, the source stage they drive, the status they report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from engine.owner import LogRecord, Output, Owner
from engine.sources import Fetch, Mark

Role = Literal["ingest", "evaluate"]
Fsync = Literal["always", "interval"]


class SourceTopic(NamedTuple):
    """A topic of the user's that the source stage reads."""

    topic: str
    partitions: int | None = None
    """What the user said; on Kafka the broker's count counts, embedded creates so many (4)."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Everything the streams are told by the configuration."""

    app_id: str
    broker: str  # kafka://host:port[;kafka://…] or embedded://PATH
    data_dir: Path
    instance_id: str  # of this process, stable over restarts, unique among workers
    advertised_url: str  # where other workers reach this one's HTTP
    shards: int = 16
    sources: tuple[SourceTopic, ...] = ()
    roles: tuple[Role, ...] = ("ingest", "evaluate")
    fsync: Fsync = "interval"  # embedded only
    checkpoint_every_ms: int = 5_000
    session_timeout_ms: int = 10_000
    evaluation_timeout_ms: int = 30_000
    hang_timeout_ms: int = 20_000  # no progress in recovery or behind a backlog: end the process
    shards_keep_bytes: int = 2 << 30  # of topic `shards`, all partitions
    shards_keep_ms: int = 6 * 3_600_000
    alerts_keep_ms: int = 7 * 86_400_000
    rejects_keep_bytes: int = 64 << 20
    buffer_bytes_max: int = 64_000_000  # fetched and not yet processed, all roles
    fetch_bytes_max: int = 1_000_000  # one event of one partition
    unread_bytes_max: int = 20 << 30  # embedded: a source nobody reads is refused beyond this
    replication_factor: int = -1  # of topics that are created; -1: the broker's default

    @property
    def embedded(self) -> bool:
        """Whether the log is a directory of this process."""
        return self.broker.startswith("embedded://")


class SourceStage(Protocol):
    """The source stage as the ingest host drives it; every call is synchronous and bounded."""

    ready: bool
    """Whether it knows what the rules read: before that nothing may be taken."""

    def partitions(self, topic: str, count: int) -> None:
        """Note how many partitions a source topic has, before the first marks."""
        ...

    def assign(self, topic: str, partition: int, next_offset: int, gone_below: int = 0) -> None:
        """From here on `take` continues at `next_offset`; below `gone_below` nothing is left."""
        ...

    def revoke(self, topic: str, partition: int) -> None:
        """Forget a partition."""
        ...

    def take(self, topic: str, partition: int, fetch: Fetch, stamp_ms: int) -> list[Output]:
        """Return one `shards` message for every shard, plus `rejects`."""
        ...

    def marks(self, ends: Sequence[Mark], stamp_ms: int) -> list[Output]:
        """Return one message for every shard; no `ends` is fine (it moves HTTP's time)."""
        ...


class StalledOwner(Protocol):
    """An owner whose time is held back by sources may say so (DESIGN.md section 4)."""

    def held_back_by(self) -> list[tuple[str, int]]:
        """Return the source partitions that hold the watermark."""
        ...

    def skip_output(self, sources: Sequence[tuple[str, int]]) -> Output:
        """Return the record "continue without these" for its own partition."""
        ...


def _nothing(*_: object) -> None:
    """Be a hook that nobody set."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the worker may hook into. All are called in the event loop and must not block."""

    notifier_live: Callable[[Owner, int], None] = _nothing
    """(owner, epoch): the notifier is here and has applied all that was in its log at takeover."""
    notifier_gone: Callable[[], None] = _nothing
    """The partition of `alerts` was lost: stop sending."""
    notifier_applied: Callable[[Owner], None] = _nothing
    """The live notifier has applied records."""
    control: Callable[[str, LogRecord], None] = _nothing
    """(key, record) for each record of `control` from its start; value None: it was removed."""


@dataclass(frozen=True, slots=True)
class StreamsStatus:
    """What /-/ready and the page show."""

    started: bool  # the log is reachable and its topics are checked
    control_read: bool  # `control` was read up to its end
    recovering: bool  # assigned, state not yet there
    rebalancing: bool
    assigned: tuple[int, ...]  # shards this process owns
    notifier: bool  # the notifier's owner is here, and caught up
    lag: int  # records of internal topics not yet applied here
    source_lag: int  # records of sources not yet sent on by this process
    restored: int  # owners restored from a checkpoint since start
    fresh: int  # owners that began empty since start
    checkpoint_age_ms: int  # of the oldest live owner's last checkpoint; -1: none yet
    epochs: dict[int, int] = field(default_factory=dict)  # shard -> epoch

    @property
    def ready(self) -> bool:
        """Whether this process does all that it was asked to do."""
        return self.started and self.control_read and not (self.recovering or self.rebalancing)
