"""What tocsin.yaml says, once it has been read."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from engine.limits import DEFAULT_LIMITS, Limits

SourceKind = Literal["metrics", "logs"]
SourceFormat = Literal["json"]
Role = Literal["ingest", "evaluate"]
Fsync = Literal["always", "interval"]
LogLevel = Literal["debug", "info", "warning", "error"]
MatcherParsing = Literal["fallback", "classic", "utf8"]
"""How matchers and label names are read: Alertmanager's default, its `classic-mode`, or its
`utf8-strict-mode`."""
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Source:
    """A topic of the user's that Tocsin reads."""

    topic: str
    kind: SourceKind
    format: SourceFormat = "json"
    lateness_ms: int = 2_000  # how far a record may come behind the newest one
    partitions: int | None = None  # embedded only: made with so many; None: 4


@dataclass(frozen=True, slots=True)
class HttpLateness:
    """How far what comes by HTTP may be behind the newest of its kind."""

    ingest_ms: int = 2_000  # NDJSON of /api/v1/ingest
    write_ms: int = 10_000  # remote write: senders batch


@dataclass(frozen=True, slots=True)
class Listen:
    """Where HTTP is served. Port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may do what: by the tokens of a file, or everybody everything."""

    tokens_file: Path | None = None

    @property
    def open(self) -> bool:
        """Whether nobody is asked for a token."""
        return self.tokens_file is None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. Paths are absolute."""

    file: Path
    base: Path  # the file's directory: what `rules` are shown relative to
    instance_id: str
    advertised_url: str  # where other workers reach this one
    external_url: str  # where people reach Tocsin: links in notifications
    broker: str  # kafka://host:port[;kafka://…] or embedded:///PATH
    data_dir: Path
    notifications: Path
    rules: tuple[Path, ...]
    listen: Listen = Listen("127.0.0.1", 9093)
    auth: Auth = Auth()
    route_prefix: str = ""  # before every path of HTTP: "" or "/tocsin"
    silences: tuple[str, ...] = ()  # files, directories and globs, relative to `base`
    egress_allow: tuple[Network, ...] = ()  # opened although notifications may not go there
    matcher_parsing: MatcherParsing = "fallback"
    dedup: str | None = field(default=None, repr=False)  # redis://… with its password; None: ours
    sources: tuple[Source, ...] = ()
    http_lateness: HttpLateness = HttpLateness()
    limits: Limits = DEFAULT_LIMITS
    app_id: str = "tocsin"
    shards: int = 16  # fixed by the first start of an app_id
    roles: tuple[Role, ...] = ("ingest", "evaluate")
    fsync: Fsync = "interval"
    checkpoint_every_ms: int = 5_000
    session_timeout_ms: int = 10_000
    evaluation_timeout_ms: int = 30_000
    evaluation_interval_ms: int = 60_000  # of Prometheus groups that name none
    start_delay_ms: int = 0  # a process that has just become ready notifies nobody for so long
    log_level: LogLevel = "info"

    @property
    def embedded(self) -> bool:
        """Whether the log is a directory of this process."""
        return self.broker.startswith("embedded://")
