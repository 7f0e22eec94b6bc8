"""What pagerduty_configs may hold, as Alertmanager has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit, urlunsplit

from notifiers.channels.pagerduty.event import DEFAULTS, Parts
from notifiers.channels.texts import chosen
from notifiers.channels.wire import Wire
from notifiers.fields import (
    Field,
    JsonTemplate,
    Report,
    Secret,
    Templated,
    TemplatedMap,
)
from notifiers.notification import Global
from notifiers.receiver_types import TYPES

V1_PATH = "/generic/2010-04-15/create_event.json"

FIELDS: Mapping[str, Field] = TYPES["pagerduty"].fields


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of pagerduty_configs, understood."""

    key: Secret  # routing key, of Events API v1 the service key
    url: str
    parts: Parts
    texts: Mapping[str, Templated]
    wire: Wire


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    wire = Wire.of(values, global_, report)
    service, routing = values.get("service_key"), values.get("routing_key")
    key = cast("Secret | None", service or routing)
    if key is None or wire is None:
        return None  # without a key there is a finding of the rules of receiver_types
    url = str(values.get("url") or global_.pagerduty_url)
    return Settings(
        key=key,
        url=_v1(url) if service else url,
        parts=_parts(values),
        texts=chosen(values, DEFAULTS, global_.templates),
        wire=wire,
    )


def _parts(values: Mapping[str, object]) -> Parts:
    given = cast("TemplatedMap | None", values.get("details"))
    details: Mapping[str, JsonTemplate] | None = None
    if given is not None:
        # The names at the top are no templates in Alertmanager; those below are.
        details = {name.source: value for name, value in given.entries}
    return Parts(
        version=1 if values.get("service_key") else 2,
        details=details,
        images=_entries(values.get("images")),
        links=_entries(values.get("links")),
    )


def _entries(given: object) -> tuple[Mapping[str, Templated], ...]:
    entries = cast("tuple[Mapping[str, Templated | None], ...]", given or ())
    return tuple(
        {name: text for name, text in entry.items() if text is not None} for entry in entries
    )


def _v1(url: str) -> str:
    """Return the address of Events API v1 beside that of v2."""
    parts = urlsplit(url)
    path = parts.path.removesuffix("/").removesuffix("/v2/enqueue")
    return urlunsplit((parts.scheme, parts.netloc, path + V1_PATH, "", ""))
