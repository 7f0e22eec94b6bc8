"""What telegram_configs may hold, as Alertmanager has it, and `update_message`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from engine.template import TemplateError
from notifiers.channels.texts import LIST, Defaults, FieldError, chosen
from notifiers.channels.wire import Wire
from notifiers.fields import Field, Report, Secret, Templated
from notifiers.notification import Global
from notifiers.receiver_types import TYPES

FIELDS: Mapping[str, Field] = {**TYPES["telegram"].fields, "update_message": Field("bool")}

DEFAULTS: Defaults = {"message": ("telegram.default.message", LIST)}


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of telegram_configs, understood."""

    url: str  # of the API, without a slash at the end
    token: Secret
    chat: int | Secret  # its id, or where it is read from
    thread: int  # a topic of a forum; 0: none
    silent: bool
    mode: str  # of `message`: HTML, Markdown, MarkdownV2 or ""
    message: Templated | None
    update: bool
    wire: Wire

    def chat_id(self) -> int:
        """Return the chat's id. Raises OSError for its file, FieldError for what is in it."""
        if isinstance(self.chat, int):
            return self.chat
        try:
            return int(self.chat.read())
        except ValueError as error:
            raise FieldError("chat_id_file", "there is no number in it") from error

    @property
    def is_private(self) -> bool:
        """Say whether the chat is with one person: ids of groups and channels are negative."""
        return isinstance(self.chat, int) and self.chat > 0

    def method_url(self, method: str) -> str:
        """Return where a method is called. Raises OSError for the token's file."""
        return f"{self.url}/bot{quote(self.token.read(), safe=':')}/{method}"


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    wire = Wire.of(values, global_, report)
    token = cast("Secret | None", values.get("bot_token") or global_.telegram_bot_token)
    if token is None or wire is None:
        return None  # without a token there is a finding of the rules of receiver_types
    file = cast("Secret | None", values.get("chat_id_file"))
    mode = cast("str | None", values.get("parse_mode"))
    mode = "HTML" if mode is None else mode
    message = chosen(values, DEFAULTS, global_.templates).get("message")
    if message is not None and mode == "HTML":
        try:
            message = global_.templates.html(message.source)
        except TemplateError as error:
            report("message", "template", str(error), "correct it, or write `parse_mode: ''`")
            return None
    update = cast("bool | None", values.get("update_message"))
    return Settings(
        url=str(values.get("api_url") or global_.telegram_api_url).rstrip("/"),
        token=token,
        chat=cast("int", values.get("chat_id") or 0) if file is None else file,
        thread=cast("int", values.get("message_thread_id") or 0),
        silent=bool(values.get("disable_notifications")),
        mode=mode,
        message=message,
        update=message is None if update is None else update,
        wire=wire,
    )
