"""Read tocsin.yaml."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypeVar, cast

from engine.config.addresses import (
    existing,
    existing_or_glob,
    read_auth,
    read_broker,
    read_dedup,
    read_egress,
    read_listen,
    read_prefix,
    read_url,
)
from engine.config.codes import CONFIG_CODES
from engine.config.model import Config, Fsync, Listen, LogLevel, MatcherParsing, Role
from engine.config.sources import read_http_lateness, read_sources
from engine.document import (
    Finding,
    MapNode,
    Node,
    Reader,
    ScalarNode,
    Span,
    failed,
    load_yaml,
    ordered,
)
from engine.limits import DEFAULT_LIMITS, Limits

KEYS = (
    "app_id", "broker", "dedup", "dedup_password_file", "data_dir", "rules", "notifications",
    "silences", "listen", "auth", "external_url", "route_prefix", "advertised_url", "egress",
    "matcher_parsing", "sources", "http_lateness", "limits",
    "instance_id", "roles", "shards", "fsync", "checkpoint_every", "session_timeout",
    "evaluation_timeout", "evaluation_interval", "start_delay",
    "log_level",
)  # fmt: skip
"""Every key of tocsin.yaml."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LIMIT_MAX = 1 << 50
_ROLES: tuple[Role, ...] = ("ingest", "evaluate")
_FSYNCS: tuple[Fsync, ...] = ("always", "interval")
_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
_PARSINGS: tuple[MatcherParsing, ...] = ("fallback", "classic", "utf8")
Word = TypeVar("Word", bound=str)


def load(
    path: Path | str,
    *,
    environ: Mapping[str, str] | None = None,
    hostname: str | None = None,
) -> tuple[Config | None, list[Finding]]:
    """Read a configuration file and return it, or None and every mistake."""
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        message = f"this file cannot be read: {error.strerror}"
        help_text = "`tocsin init DIR` writes a first one"
        return None, [Finding(str(path), 1, 1, 1, "config-file", message, help_text)]
    return parse(text, str(path), file.parent, environ=environ, hostname=hostname)


def parse(
    text: str,
    file: str,
    base: Path,
    *,
    environ: Mapping[str, str] | None = None,
    hostname: str | None = None,
) -> tuple[Config | None, list[Finding]]:
    """Read the text of a configuration file whose paths are relative to `base`.

    Environment: TOCSIN_INSTANCE_ID and TOCSIN_ADVERTISED_URL stand in for their keys.
    """
    root, findings = load_yaml(text, file)
    if failed(findings) and root is None:
        return None, ordered(findings)
    reader = Reader(file, CONFIG_CODES)
    top = reader.mapping(root, "tocsin.yaml") if root is not None else None
    loading = _Loading(
        top or MapNode(Span(1, 1, 1), ()),
        reader,
        Path(os.path.abspath(base)),
        os.environ if environ is None else environ,
        hostname or socket.gethostname(),
    )
    config = loading.config(Path(file))
    findings = ordered([*findings, *reader.findings])
    return (None if failed(findings) else config), findings


class _Loading:
    """One walk over the top level."""

    def __init__(
        self,
        top: MapNode,
        reader: Reader,
        base: Path,
        environ: Mapping[str, str],
        hostname: str,
    ) -> None:
        self._top = top
        self._reader = reader
        self._base = base
        self._environ = environ
        self._hostname = hostname

    def config(self, file: Path) -> Config:
        top, reader, base = self._top, self._reader, self._base
        reader.keys(top, "tocsin.yaml", KEYS)
        broker = read_broker(top, base, reader)
        listen = read_listen(top, reader)
        app_id = self._identifier("app_id", "tocsin")
        advertised = self._advertised(listen)
        external = read_url(top, "external_url", reader)
        checkpoint_ms = self._duration("checkpoint_every", 5_000, 100, 600_000)
        session_ms, evaluation_ms = self._timeouts()
        return Config(
            file=Path(os.path.abspath(file)), base=base,
            instance_id=self._instance_id(),
            advertised_url=advertised,
            external_url=external or advertised,
            route_prefix=read_prefix(top, external, reader),
            broker=broker,
            data_dir=Path(os.path.abspath(base / (self._text("data_dir") or "data"))),
            notifications=self._path("notifications", "notifiers.yaml"),
            rules=self._rules(),
            silences=self._silences(),
            egress_allow=read_egress(top, reader),
            matcher_parsing=self._choice("matcher_parsing", "fallback", _PARSINGS),
            listen=listen,
            auth=read_auth(top, base, listen, reader),
            dedup=read_dedup(top, base, broker, reader),
            sources=read_sources(top, app_id, broker, reader),
            http_lateness=read_http_lateness(top, reader),
            limits=self._limits(),
            app_id=app_id,
            shards=self._integer("shards", 16, 1, 1_024),
            roles=self._roles(),
            fsync=self._choice("fsync", "interval", _FSYNCS),
            checkpoint_every_ms=checkpoint_ms,
            session_timeout_ms=session_ms,
            evaluation_timeout_ms=evaluation_ms,
            evaluation_interval_ms=self._duration("evaluation_interval", 60_000, 100, 86_400_000),
            start_delay_ms=self._duration("start_delay", 0, 0, 3_600_000),
            log_level=self._choice("log_level", "info", _LEVELS),
        )  # fmt: skip

    def _text(self, key: str) -> str | None:
        node = self._top.get(key)
        return None if node is None else self._reader.text(node, key)

    def _integer(self, key: str, default: int, low: int, high: int) -> int:
        found = self._reader.integer(self._top.get(key), key, low, high)
        return default if found is None else found

    def _duration(self, key: str, default_ms: int, low_ms: int, high_ms: int) -> int:
        found = self._reader.duration(self._top.get(key), key, low_ms, high_ms)
        return default_ms if found is None else found

    def _choice(self, key: str, default: Word, allowed: tuple[Word, ...]) -> Word:
        return cast(Word, self._reader.choice(self._top.get(key), key, allowed)) or default

    def _identifier(self, key: str, default: str) -> str:
        text = self._text(key)
        if text is None:
            return default
        if not _ID.fullmatch(text):
            node = self._top.get(key)
            assert node is not None, f"{key} was just read"
            self._reader.add(node, "identifier", f"{key} cannot be {text[:40]!r}",
                             "use letters, digits, - _ . and at most 100 of them")  # fmt: skip
            return default
        return text

    def _instance_id(self) -> str:
        default = self._environ.get("TOCSIN_INSTANCE_ID") or self._hostname
        fallback = re.sub(r"[^A-Za-z0-9._-]", "-", default).strip("-._")[:100] or "tocsin"
        return self._identifier("instance_id", fallback)

    def _advertised(self, listen: Listen) -> str:
        given = read_url(self._top, "advertised_url", self._reader)
        from_environment = self._environ.get("TOCSIN_ADVERTISED_URL", "").rstrip("/")
        if given or from_environment:
            return given or from_environment
        everywhere = listen.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
        host = self._hostname if everywhere else listen.host
        return f"http://{Listen(host, listen.port)}"

    def _timeouts(self) -> tuple[int, int]:
        session_ms = self._duration("session_timeout", 10_000, 3_000, 300_000)
        evaluation_ms = self._duration("evaluation_timeout", 30_000, 1_000, 3_600_000)
        if evaluation_ms < session_ms:
            at = self._top.get("evaluation_timeout") or self._top.get("session_timeout")
            self._reader.add(at or self._top, "timeouts",
                             f"evaluation_timeout {evaluation_ms / 1000:g}s is shorter than "
                             f"session_timeout {session_ms / 1000:g}s",
                             "a dead worker is noticed after session_timeout: wait longer than "
                             "that")  # fmt: skip
        return session_ms, evaluation_ms

    def _roles(self) -> tuple[Role, ...]:
        node = self._top.get("roles")
        if node is None:
            return _ROLES
        elements = (node,) if isinstance(node, ScalarNode) else (
            self._reader.sequence(node, "roles") or ()
        )  # fmt: skip
        roles = [self._reader.choice(element, "a role", _ROLES) for element in elements]
        chosen = tuple(role for role in _ROLES if role in roles)
        if not chosen and None not in roles:
            self._reader.add(node, "value-choice", "roles is empty", "use ingest, evaluate or both")
        return chosen or _ROLES

    def _path(self, key: str, default: str) -> Path:
        node = self._top.get(key)
        scalar = self._reader.scalar(node, key) if node is not None else None
        if scalar is None:
            return self._base / default
        return existing(scalar, self._base, key, self._reader)

    def _rules(self) -> tuple[Path, ...]:
        node = self._top.get("rules")
        if node is None:
            return (self._base / "rules",)
        paths = self._paths(node, "rules")
        return tuple(existing(path, self._base, "rules", self._reader) for path in paths)

    def _silences(self) -> tuple[str, ...]:
        node = self._top.get("silences")
        paths = self._paths(node, "silences") if node is not None else []
        return tuple(existing_or_glob(path, self._base, "silences", self._reader) for path in paths)

    def _paths(self, node: Node, key: str) -> list[ScalarNode]:
        elements: tuple[Node, ...] = (node,)
        if not isinstance(node, ScalarNode):
            sequence = self._reader.sequence(node, key)
            elements = sequence.elements if sequence else ()
        scalars = [self._reader.scalar(element, f"a path in {key}") for element in elements]
        return [scalar for scalar in scalars if scalar is not None]

    def _limits(self) -> Limits:
        node = self._top.get("limits")
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return DEFAULT_LIMITS
        mapping = self._reader.mapping(node, "limits")
        if mapping is None:
            return DEFAULT_LIMITS
        known = tuple(field.name for field in fields(Limits))
        self._reader.keys(mapping, "limits", known)
        given = {
            entry.name: value
            for entry in mapping
            if entry.name in known
            and (value := self._reader.integer(entry.value, entry.name, 1, _LIMIT_MAX)) is not None
        }
        return Limits(**given)
