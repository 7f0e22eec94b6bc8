"""Channels from entries as a file has them, read the way notifiers.config reads them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notifiers.fields import (
    NO_TEMPLATING,
    Field,
    JsonTemplate,
    Secret,
    TemplatedMap,
    TemplatedSecret,
    Templating,
)
from notifiers.notification import Global
from notifiers.templating import EMPTY


class Findings:
    """Collects what a channel reports."""

    def __init__(self) -> None:
        self.found: list[tuple[str | None, str, str, str]] = []
        self.warnings: list[str] = []  # codes of those that refuse nothing

    def __call__(
        self, field: str | None, code: str, message: str, remedy: str, severity: str = "error", /
    ) -> None:
        if severity == "warning":
            self.warnings.append(code)
        else:
            self.found.append((field, code, message, remedy))

    @property
    def codes(self) -> list[str]:
        return [code for _, code, _, _ in self.found]


def filled(
    fields: Mapping[str, Field], entry: Mapping[str, Any], templates: Templating = EMPTY
) -> dict[str, Any]:
    """Fill in the defaults, make secrets and templates of texts."""
    values: dict[str, Any] = {}
    for name, field in fields.items():
        given = entry.get(name, field.default)
        values[name] = None if given is None else _read(field, given, templates)
    unknown = entry.keys() - fields.keys()
    assert not unknown, f"not fields of this channel: {unknown}"
    return values


def _read(field: Field, given: Any, templates: Templating) -> Any:
    if isinstance(given, Secret):
        return given
    match field.kind:
        case "secret" | "secret_url":
            return Secret(given)
        case "secret_template" | "secret_template_url":
            return TemplatedSecret(templates.text, given)
        case "template" | "template_url":
            return templates.text(given)
        case "html":
            return templates.html(given)
        case "template_map":
            return {name: templates.text(text) for name, text in given.items()}
        case "json_template":
            return _json(given, templates)
        case "strings":
            return tuple(given)
        case "map":
            return filled(field.fields, given, templates)
        case "maps":
            return tuple(filled(field.fields, each, templates) for each in given)
    return given


def _json(given: Any, templates: Templating) -> JsonTemplate:
    if isinstance(given, dict):
        pairs = ((templates.text(k), _json(v, templates)) for k, v in given.items())
        return TemplatedMap(tuple(pairs))
    if isinstance(given, list | tuple):
        return tuple(_json(each, templates) for each in given)
    return templates.text(given) if isinstance(given, str) else given


def build(channel: Any, entry: Mapping[str, Any], global_: Global | None = None) -> Any:
    """Return a channel, which must be without findings; warnings are none."""
    return built_with(channel, entry, global_)[0]


def built_with(
    channel: Any, entry: Mapping[str, Any], global_: Global | None = None
) -> tuple[Any, Findings]:
    """Return a channel, and what it was warned of; there must be no error."""
    findings, global_ = Findings(), _global(global_)
    values = filled(channel.fields, entry, global_.templates)
    built = channel.from_config(values, global_, findings)
    assert not findings.found, findings.found
    return built, findings


def findings(channel: Any, entry: Mapping[str, Any], global_: Global | None = None) -> Findings:
    """Return what is wrong with an entry, of which no channel may come."""
    found, global_ = Findings(), _global(global_)
    values = filled(channel.fields, entry, global_.templates)
    built = channel.from_config(values, global_, found)
    assert built is None, "built in spite of its findings"
    return found


def _global(given: Global | None) -> Global:
    """Return `global` with the templates that a configuration without files has."""
    found = given or Global()
    return replace(found, templates=EMPTY) if found.templates is NO_TEMPLATING else found
