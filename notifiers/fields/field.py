"""A field of an entry: its kind, and what it is when it is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.document import Severity
from notifiers.fields.rules import Rule

Kind = Literal[
    "string",       # str
    "secret",       # Secret; a `<name>_file` beside it is read as the same field
    "url",          # str, http or https with a host
    "secret_url",   # Secret whose text must be such a URL (checked at load if not from a file)
    "proxy_url",    # Secret, a URL of any scheme; "" is none
    "bool",         # bool
    "int",          # int from `low` to 2^64
    "float",        # float
    "duration",     # int, milliseconds ("1m30s" in the file)
    "go_duration",  # int, milliseconds, as Go's time.ParseDuration has it ("1.5h", "1h30m")
    "go_duration_text",  # the same, never a bare number
    "file",         # Secret that is read from this path at each use
    "path",         # str, a path; a relative one is taken from the configuration's folder
    "host_port",    # str, host:port
    "strings",      # tuple[str, ...]
    "secrets",      # tuple[Secret, ...]
    "files",        # tuple[Secret, ...], each read from its path at each use
    "string_map",   # dict[str, str]
    "secrets_map",  # dict[str, tuple[Secret, ...]]
    "any_map",      # dict of what YAML says: dict, list, str, int, float, bool or None
    "map",          # dict[str, object] by `fields`
    "maps",         # tuple[dict[str, object], ...], each by `fields`
    "map_of_maps",  # dict[str, dict[str, object]], each by `fields`
    "template",             # Templated, plain text
    "html",                 # Templated, escaped for HTML
    "template_map",         # dict[str, Templated]
    "templates",            # tuple[Templated, ...]
    "template_url",         # Templated; a URL as `url` unless there are braces in it
    "secret_template",      # TemplatedSecret, with a `<name>_file`
    "secret_template_url",  # TemplatedSecret, a URL unless there are braces in it, with a file
    "json_template",        # JsonTemplate
    "json_template_map",    # TemplatedMap
]  # fmt: skip

_SECRET_KINDS = frozenset({"secret", "secret_url", "secret_template", "secret_template_url"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind, whether it must be there, what it is when it is not."""

    kind: Kind = "string"
    required: bool = False  # and not empty; its `_file` will do
    default: object = None
    choices: tuple[str, ...] = ()  # of a string
    fields: Mapping[str, "Field"] = field(default_factory=dict)  # of a map
    refused: Mapping[str, str] = field(default_factory=dict)
    """Of a map: names Alertmanager knows and we do not support -> the way round."""
    rules: tuple[Rule, ...] = ()  # of a map
    or_text: bool = False  # of a map: a template in its place is {"template": it}
    low: int = 0  # of an int
    has_file: bool | None = None  # whether `<name>_file` will do as well; None: as its kind
    file_wins: bool = False  # with both the file is used; otherwise that is a finding

    @property
    def file(self) -> bool:
        """Say whether a `<name>_file` beside it is read as the same field."""
        return self.kind in _SECRET_KINDS if self.has_file is None else self.has_file


class Report(Protocol):
    """Takes one finding at a field of the receiver, or at the receiver."""

    def __call__(
        self,
        field: str | None,
        code: str,
        message: str,
        help_text: str,
        severity: Severity = "error",
        /,
    ) -> None:
        """Add it; a warning refuses nothing: the channel is to be built all the same."""
        ...
