"""The closed list of internal topics: names, partitions, retention.

Nothing else is ever created.

| role           | name                                     | partitions | kept             |
|----------------|------------------------------------------|------------|------------------|
| shards         | <app>.shards                             | N          | by size and age  |
| alerts         | <app>.alerts                             | 1          | by age           |
| control        | <app>.control                            | 1          | compacted        |
| rejects        | <app>.rejects                            | 1          | by size          |
| shard-state    | <app>-evaluate-shard-state-changelog     | N          | compacted        |
| notifier-state | <app>-evaluate-notifier-state-changelog  | 1          | compacted        |

`shards` and `alerts` carry the log's append time (LogAppendTime): owners take it for a fact.
"""

from dataclasses import dataclass

from faust.types import TP

from engine.stream.settings import StreamSettings

MESSAGE_BYTES_MAX = 2 << 20  # of one record on an internal topic
TABLES = {"shards": "shard-state", "alerts": "notifier-state"}
"""The role of an owner's log -> the role of its changelog (and the name of its table)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """An internal topic as it must be."""

    role: str
    name: str
    partitions: int
    compact: bool = False
    append_time: bool = True
    keep_bytes: int = 0  # of one partition; 0: for ever
    keep_ms: int = 0


class Topics:
    """The internal topics of one app."""

    def __init__(self, settings: StreamSettings) -> None:
        app, shards = settings.app_id, settings.shards
        self.ingest_group = f"{app}-ingest"
        self.evaluate_group = f"{app}-evaluate"
        keep_shards = settings.shards_keep_bytes // shards
        self.all = (
            Topic(
                "shards", f"{app}.shards", shards,
                keep_bytes=keep_shards, keep_ms=settings.shards_keep_ms,
            ),
            Topic("alerts", f"{app}.alerts", 1, keep_ms=settings.alerts_keep_ms),
            Topic("control", f"{app}.control", 1, compact=True),
            Topic("rejects", f"{app}.rejects", 1, keep_bytes=settings.rejects_keep_bytes),
            Topic("shard-state", self.changelog("shard-state"), shards, compact=True),
            Topic("notifier-state", self.changelog("notifier-state"), 1, compact=True),
        )  # fmt: skip
        self._by_role = {topic.role: topic for topic in self.all}

    def changelog(self, table: str) -> str:
        """Return the name that Faust gives the changelog of a table."""
        return f"{self.evaluate_group}-{table}-changelog"

    def name(self, role: str) -> str:
        """Return the name of a role's topic."""
        return self._by_role[role].name

    def partitions(self, role: str) -> int:
        """Return the number of partitions of a role's topic."""
        return self._by_role[role].partitions

    def tp(self, role: str, partition: int) -> TP:
        """Return a partition of a role's topic."""
        return TP(self._by_role[role].name, partition)
