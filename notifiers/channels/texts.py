"""The templated fields of a channel's entry, and lengths as far sides count them.

A field that the file sets says what it says in Alertmanager. One that it leaves out is Tocsin's own
message, unless the file's templates define Alertmanager's default of that field anew: who has
rewritten `discord.default.title` means the titles of Discord.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from engine.template import TemplateError
from notifiers import wording
from notifiers.channels import payloads
from notifiers.fields import JsonTemplate, Secret, Templated, TemplatedSecret, Templating
from notifiers.notification import Notification

SUBJECT, LIST, LIST_MARKDOWN = "__subject", "__text_alert_list", "__text_alert_list_markdown"
"""Built-in templates that several defaults are made of."""

Defaults = Mapping[str, tuple[str, ...]]
"""Field -> Alertmanager's default template of it, then those that the default is made of."""


class FieldError(Exception):
    """A field cannot be expanded for this notification."""

    def __init__(self, field: str, why: object) -> None:
        super().__init__(f"{field}: {why}")


@dataclass(frozen=True, slots=True)
class Texts:
    """What the fields that are set say for one notification."""

    fields: Mapping[str, Templated]
    notification: Notification
    now_ms: int

    def get(self, name: str) -> str | None:
        """Return a field's text, or None where it is Tocsin's own. Raises FieldError."""
        templated = self.fields.get(name)
        return None if templated is None else self.expand(name, templated)

    def expand(self, name: str, templated: Templated) -> str:
        """Expand any template; `name` says which field it belongs to. Raises FieldError."""
        try:
            return templated.expand(self.notification, self.now_ms)
        except TemplateError as error:
            raise FieldError(name, error) from error

    def json(self, name: str, template: JsonTemplate) -> object:
        """Expand a JSON value with templates in it. Raises FieldError."""
        try:
            return payloads.rendered(template, lambda text: self.expand(name, text))
        except payloads.PayloadError as error:
            raise FieldError(name, error) from error

    def secret(self, name: str, secret: Secret) -> str:
        """Expand a secret. Raises FieldError, and OSError where its file cannot be read."""
        try:
            if isinstance(secret, TemplatedSecret):
                return secret.expand(self.notification, self.now_ms)
            return secret.read()
        except TemplateError as error:
            # What the template says is part of the secret.
            raise FieldError(name, "its template cannot be expanded") from error


def chosen(
    values: Mapping[str, object], defaults: Defaults, templates: Templating
) -> dict[str, Templated]:
    """Return the fields that the file sets or whose default it defines anew."""
    fields: dict[str, Templated] = {}
    for name, sources in defaults.items():
        if values.get(name) is not None:
            fields[name] = cast("Templated", values[name])
        elif not templates.redefined.isdisjoint(sources):
            fields[name] = templates.text(f'{{{{ template "{sources[0]}" . }}}}')
    return fields


def units(text: str) -> int:
    """Return a text's length in UTF-16 units: what no far side counts more than."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut_units(text: str, units_max: int) -> str:
    """Return a text of at most that many UTF-16 units; a cut one ends in `…`."""
    if units(text) <= units_max:
        return text
    left, kept = units_max - 1, 0
    for character in text:
        left -= 2 if character > "\uffff" else 1
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def cut_runes(text: str, runes_max: int) -> str:
    """Cut a templated text exactly as Alertmanager does, blanks before the `…` included."""
    return text if len(text) <= runes_max else f"{text[: runes_max - 1]}…"


def group_hash(notification: Notification) -> str:
    """Return what a group is called at a far side that knows names: Alertmanager's hash of its key.

    What Alertmanager has opened there can so be closed from here. Tenants have groups of their own.
    """
    text = notification.group_key
    if notification.tenant != "default":
        text = f"{notification.tenant}/{text}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def first_label(labels: Mapping[str, str], *names: str) -> str:
    """Return the first of these labels that is there, as one line of at most 255 characters."""
    found = next((labels[name] for name in names if labels.get(name)), "")
    return wording.cut(wording.one_line(found), 255)
