"""Alertmanager's layout: one attachment, its fields expanded from templates.

It is used where the file sets one of these fields, or where its templates define the default of
one anew; what is not set then says what it says in Alertmanager. What a template writes is Slack's
markup and goes out as it is: escaping labels would break the links that authors write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from notifiers.channels.texts import SUBJECT, Defaults, Texts, chosen, cut_runes
from notifiers.fields import Templated, Templating
from notifiers.notification import Notification

TITLE_CHARACTERS_MAX = 1_024
"""Alertmanager's."""

TEXT_CHARACTERS_MAX = 8_000
"""Of each text of an attachment; Slack cuts there itself, without a sign."""

POST_TEXT_CHARACTERS_MAX = 40_000
UPDATE_TEXT_CHARACTERS_MAX = 4_000
"""Of the message's own text: chat.postMessage cuts above it, chat.update refuses."""

_TITLE_LINK = "__alertmanagerURL"
_TITLE = ("slack.default.title", SUBJECT)
_LINK = ("slack.default.titlelink", _TITLE_LINK)

LAYOUT: Defaults = {
    "title": _TITLE,
    "title_link": _LINK,
    "pretext": ("slack.default.pretext",),
    "text": ("slack.default.text",),
    "fallback": ("slack.default.fallback", *_TITLE, *_LINK),
    "callback_id": ("slack.default.callbackid",),
    "image_url": (),
    "thumb_url": (),
    "footer": ("slack.default.footer",),
    "color": ("slack.default.color",),
    "message_text": (),
}
"""What makes the layout Alertmanager's, and its default templates."""

AUTHOR: Defaults = {
    "username": ("slack.default.username", "__alertmanager"),
    "icon_emoji": ("slack.default.iconemoji",),
    "icon_url": ("slack.default.iconurl",),
}
"""Who a message is from; in Tocsin's own layout it is the bot, unless the file says otherwise."""

_MARKDOWN_IN = ("fallback", "pretext", "text")
_CONFIRM = ("text", "title", "ok_text", "dismiss_text")
_ALWAYS = ("text", "fallback", "callback_id", "footer")

Parts = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Classic:
    """The attachment of one entry."""

    texts: Mapping[str, Templated]  # by the names of LAYOUT, defaults filled in
    author: Mapping[str, Templated]
    fields: Parts
    actions: Parts
    markdown_in: tuple[str, ...]
    is_short: bool  # of a field that does not say it

    @classmethod
    def of(cls, values: Mapping[str, object], templates: Templating) -> "Classic | None":
        """Return the layout that an entry asks for, or None: Tocsin's own."""
        parts = {name: cast("Parts", values.get(name) or ()) for name in ("fields", "actions")}
        markdown_in = cast("tuple[str, ...]", values.get("mrkdwn_in") or ())
        if not (chosen(values, LAYOUT, templates) or any(parts.values()) or markdown_in):
            return None
        return cls(
            texts=_filled(values, LAYOUT, templates),
            author=_filled(values, AUTHOR, templates),
            fields=parts["fields"],
            actions=parts["actions"],
            markdown_in=markdown_in or _MARKDOWN_IN,
            is_short=bool(values.get("short_fields")),
        )

    def render(self, notification: Notification, now_ms: int, *, edit: bool) -> dict[str, Any]:
        """Return the message without its channel. Raises texts.FieldError."""
        texts = Texts(self.texts, notification, now_ms)
        by = {name: texts.expand(name, each) for name, each in self.author.items()}
        told = {name: texts.expand(name, each) for name, each in self.texts.items()}
        text_max = UPDATE_TEXT_CHARACTERS_MAX if edit else POST_TEXT_CHARACTERS_MAX
        top = {"text": cut_runes(told.pop("message_text", ""), text_max)}
        return {**_set(by), **_set(top), "attachments": [self._attachment(told, texts)]}

    def _attachment(self, told: Mapping[str, str], texts: Texts) -> dict[str, Any]:
        cut = {name: cut_runes(text, TEXT_CHARACTERS_MAX) for name, text in told.items()}
        cut["title"] = cut_runes(told["title"], TITLE_CHARACTERS_MAX)
        parts: dict[str, Any] = {
            "fields": [self._field(one, texts) for one in self.fields],
            "actions": [_action(one, texts) for one in self.actions],
            "mrkdwn_in": list(self.markdown_in),
        }
        shown = {name: text for name, text in cut.items() if text or name in _ALWAYS}
        return {**shown, **{name: part for name, part in parts.items() if part}}

    def _field(self, one: Mapping[str, object], texts: Texts) -> dict[str, Any]:
        short = one.get("short")
        told = _expanded(("title", "value"), one, texts, "fields")
        return {**told, "short": self.is_short if short is None else bool(short)}


def _action(one: Mapping[str, object], texts: Texts) -> dict[str, Any]:
    """Return a button: one with a URL opens it, and has none of the other parts."""
    names = ("type", "text", "url", "style") if one.get("url") else (
        "type", "text", "style", "name", "value",
    )  # fmt: skip
    button: dict[str, Any] = _expanded(names, one, texts, "actions")
    confirm = one.get("confirm")
    if isinstance(confirm, Mapping) and "name" in names:
        button["confirm"] = _expanded(_CONFIRM, confirm, texts, "actions.confirm")
    return button


def _expanded(
    names: Sequence[str], one: Mapping[str, object], texts: Texts, where: str
) -> dict[str, str]:
    given = [(name, cast("Templated", one[name])) for name in names if one.get(name) is not None]
    told = {name: texts.expand(f"{where}.{name}", each) for name, each in given}
    return {name: cut_runes(text, TEXT_CHARACTERS_MAX) for name, text in _set(told).items()}


def _filled(
    values: Mapping[str, object], defaults: Defaults, templates: Templating
) -> dict[str, Templated]:
    """Return all fields that have a text: as they are set, else Alertmanager's default."""
    fields: dict[str, Templated] = {}
    for name, sources in defaults.items():
        if values.get(name) is not None:
            fields[name] = cast("Templated", values[name])
        elif sources:
            fields[name] = templates.text(f'{{{{ template "{sources[0]}" . }}}}')
    return fields


def _set(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what is not empty: what Alertmanager leaves out of its JSON."""
    return {name: text for name, text in texts.items() if text}
