"""What a channel's part of the configuration may hold, and how secrets are kept.

A channel declares its fields as values; notifiers.config reads a receiver by them, so that every
channel's mistakes are found the same way, all at once, with line, column and remedy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal[
    "string",       # str
    "secret",       # Secret; a `<name>_file` beside it is read as the same field
    "url",          # str, http or https with a host
    "secret_url",   # Secret whose text must be such a URL (checked at load if not from a file)
    "bool",         # bool
    "int",          # int >= 0
    "float",        # float
    "duration",     # int, milliseconds ("1m30s" in the file)
    "strings",      # tuple[str, ...]
    "string_map",   # dict[str, str]
    "map",          # dict[str, object] by `fields`
    "maps",         # tuple[dict[str, object], ...], each by `fields`
]  # fmt: skip


class Secret:
    """A text that nobody sees by accident: given in place, or read from a file at each use.

    A file is read again each time, so that a rotated token needs no reload.
    """

    __slots__ = ("_path", "_text")

    def __init__(self, text: str | None = None, path: Path | None = None) -> None:
        assert (text is None) != (path is None), "a secret is a text or a file"
        self._text = text
        self._path = path

    def read(self) -> str:
        """Return the text. Raises OSError where its file cannot be read."""
        if self._path is None:
            return self._text or ""
        return self._path.read_text(encoding="utf-8").strip()

    @property
    def from_file(self) -> bool:
        """Say whether it is read from a file at each use."""
        return self._path is not None

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._text, self._path) == (other._text, other._path)

    def __hash__(self) -> int:
        return hash((self._text, self._path))


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind, whether it must be there, what it is when it is not."""

    kind: Kind = "string"
    required: bool = False
    default: object = None
    choices: tuple[str, ...] = ()  # of a string
    fields: Mapping[str, "Field"] = field(default_factory=dict)  # of a map
    refused: Mapping[str, str] = field(default_factory=dict)
    """Of a map: names Alertmanager knows and we do not support yet -> the way round."""


Report = Callable[[str | None, str, str, str], None]
"""report(field name | None, code, message, help): one finding at that field of the receiver."""

TLS_CONFIG = Field(
    "map",
    fields={
        "ca_file": Field(),
        "cert_file": Field(),
        "key_file": Field(),
        "server_name": Field(),
        "insecure_skip_verify": Field("bool", default=False),
        "min_version": Field(choices=("TLS12", "TLS13")),
    },
    refused={
        "ca": "write it to a file and set ca_file",
        "cert": "write it to a file and set cert_file",
        "key": "write it to a file and set key_file",
        "max_version": "leave it out",
    },
)

HTTP_CONFIG = Field(
    "map",
    fields={
        "authorization": Field(
            "map",
            fields={"type": Field(default="Bearer"), "credentials": Field("secret")},
        ),
        "basic_auth": Field(
            "map",
            fields={"username": Field(), "password": Field("secret")},
        ),
        "bearer_token": Field("secret"),
        "proxy_url": Field("secret_url"),
        "tls_config": TLS_CONFIG,
        "follow_redirects": Field("bool", default=False),
        "enable_http2": Field("bool", default=True),
    },
    refused={
        "oauth2": "use authorization with a token file that something else refreshes",
        "no_proxy": "set proxy_url only on receivers that need it",
        "proxy_from_environment": "set proxy_url",
        "proxy_connect_header": "use a proxy that takes its user and password from proxy_url",
        "http_headers": "put a reverse proxy in front that adds the headers",
    },
)
"""Alertmanager's http_config. Redirects are never followed; `true` is a finding of the channel."""
