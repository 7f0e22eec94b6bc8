"""Channels from entries as a file has them, read the way notifiers.config reads them."""

from collections.abc import Mapping
from typing import Any

from notifiers.fields import Field, Secret
from notifiers.notification import Global


class Findings:
    """Collects what a channel reports."""

    def __init__(self) -> None:
        self.found: list[tuple[str | None, str, str, str]] = []

    def __call__(self, field: str | None, code: str, message: str, remedy: str) -> None:
        self.found.append((field, code, message, remedy))

    @property
    def codes(self) -> list[str]:
        return [code for _, code, _, _ in self.found]


def filled(fields: Mapping[str, Field], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults and make secrets of texts."""
    values: dict[str, Any] = {}
    for name, field in fields.items():
        given = entry.get(name, field.default)
        if given is not None and field.kind in ("secret", "secret_url"):
            given = given if isinstance(given, Secret) else Secret(given)
        if given is not None and field.kind == "map":
            given = filled(field.fields, given)
        values[name] = given
    unknown = entry.keys() - fields.keys()
    assert not unknown, f"not fields of this channel: {unknown}"
    return values


def build(channel: Any, entry: Mapping[str, Any], global_: Global | None = None) -> Any:
    """Return a channel, which must be without findings."""
    findings = Findings()
    built = channel.from_config(filled(channel.fields, entry), global_ or Global(), findings)
    assert not findings.found, findings.found
    return built


def findings(channel: Any, entry: Mapping[str, Any], global_: Global | None = None) -> Findings:
    """Return what is wrong with an entry, of which no channel may come."""
    found = Findings()
    built = channel.from_config(filled(channel.fields, entry), global_ or Global(), found)
    assert built is None, "built in spite of its findings"
    return found
