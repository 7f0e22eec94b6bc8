"""Receivers that people read: chat rooms and email, as Alertmanager 0.34 has them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from notifiers.fields import TLS_CONFIG, Field, Given, Mistake, at_least_one
from notifiers.receiver_types.shape import (
    FLAG,
    SLACK_API,
    TEXT,
    TIMEOUT,
    ReceiverType,
    addressed,
    authorized,
    either,
    entry,
    texts,
)


def _slack_door(given: Given, global_: Given) -> Iterator[Mistake]:
    url = given.has("api_url") or given.has("api_url_file")
    token = given.has("app_token") or given.has("app_token_file")
    if url and token:
        yield Mistake("api_url", "fields-conflict", "api_url and app_token exclude each other",
                      "keep one of them")  # fmt: skip
        return
    own_http = given.part("http_config")
    if not token and not authorized(own_http) and not given.has("api_url"):
        token = global_.has("slack_app_token") or global_.has("slack_app_token_file")
    url = url or global_.has("slack_api_url") or global_.has("slack_api_url_file")
    if not url and not token:
        message = "there is no api_url and no app_token, nor any in global"
        yield Mistake(None, "key-missing", message,
                      "set app_token_file, or api_url of an incoming webhook")  # fmt: skip
    http = own_http if given.stands("http_config") else global_.part("http_config")
    if token and authorized(http):
        yield Mistake("http_config", "http-auth", "an app token, and authorization in http_config",
                      "keep one of them")  # fmt: skip


def _slack_update(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    webhook = given.has("api_url_file") or given.text("api_url") not in ("", SLACK_API)
    if given.true("update_message") and webhook:
        yield Mistake("update_message", "slack-update", "an incoming webhook cannot edit messages",
                      f"use app_token, or {SLACK_API} as api_url")  # fmt: skip


def _slack_actions(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if not given.has("url") and not given.has("name"):
        yield Mistake(None, "key-missing", "there is no url and no name", "set url")


SLACK = ReceiverType(
    entry(
        api_url=Field("secret_url"),
        app_token=Field("secret"),
        app_url=Field("url"),
        **texts(
            "channel username color title title_link pretext text message_text footer fallback"
            " callback_id icon_emoji icon_url image_url thumb_url"
        ),
        fields=Field(
            "maps",
            fields={
                "title": Field("template", required=True),
                "value": Field("template", required=True),
                "short": Field("bool"),
            },
        ),
        short_fields=FLAG,
        link_names=FLAG,
        mrkdwn_in=Field("strings"),
        actions=Field(
            "maps",
            fields={
                "type": Field("template", required=True),
                "text": Field("template", required=True),
                **texts("url style name value"),
                "confirm": Field(
                    "map",
                    fields={
                        "text": Field("template", required=True),
                        **texts("title ok_text dismiss_text"),
                    },
                ),
            },
            rules=(_slack_actions,),
        ),
        update_message=Field("bool"),
        timeout=TIMEOUT,
    ),
    send_resolved=False,
    rules=(_slack_door, _slack_update, addressed("app_url", "slack_app_url")),
)

_WEBHOOK_URL = Field("secret_url", required=True)

DISCORD = ReceiverType(
    entry(webhook_url=_WEBHOOK_URL, **texts("content title message username avatar_url")),
    send_resolved=True,
)
MSTEAMS = ReceiverType(
    entry(webhook_url=_WEBHOOK_URL, **texts("title summary text")), send_resolved=True
)
MSTEAMSV2 = ReceiverType(entry(webhook_url=_WEBHOOK_URL, **texts("title text")), send_resolved=True)

_MATTERMOST_FIELDS = Field(
    "maps",
    fields={
        "title": Field("template", required=True),
        "value": Field("template", required=True),
        "short": Field("bool"),
    },
)
_MATTERMOST_TEXTS = (
    "fallback color pretext text author_name author_link author_icon title title_link thumb_url"
    " footer footer_icon image_url"
)

MATTERMOST = ReceiverType(
    entry(
        webhook_url=Field("secret_url"),
        **texts("channel username icon_url icon_emoji type"),
        **texts(_MATTERMOST_TEXTS),
        fields=_MATTERMOST_FIELDS,
        attachments=Field(
            "maps", fields={**texts(_MATTERMOST_TEXTS), "fields": _MATTERMOST_FIELDS}
        ),
        props=Field("map", fields=texts("card")),
        priority=Field(
            "map",
            fields={"priority": TEXT, "requested_ack": FLAG, "persistent_notifications": FLAG},
        ),
    ),
    send_resolved=True,
    rules=(either("webhook_url", "mattermost_webhook_url"),),
    instead="Mattermost's incoming webhooks take Slack's: slack_configs with its URL as api_url",
)

ROCKETCHAT = ReceiverType(
    entry(
        api_url=Field("url"),
        token_id=Field("secret"),
        token=Field("secret"),
        **texts("channel color title title_link text emoji icon_url image_url thumb_url"),
        fields=Field("maps", fields={"short": Field("bool"), **texts("title value")}),
        short_fields=FLAG,
        link_names=FLAG,
        actions=Field(
            "maps",
            fields={
                **texts("type text url imageurl webviewheightratio msg msgprocessingtype"),
                "iswebview": FLAG,
                "msginchatwindow": FLAG,
            },
        ),
    ),
    send_resolved=False,
    rules=(either("token_id", "rocketchat_token_id"), either("token", "rocketchat_token")),
    instead="Rocket.Chat's incoming webhooks take Slack's: slack_configs with its URL as api_url",
)


def _chat(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    number = bool(given.text("chat_id").strip("-+0"))
    if not number and not given.has("chat_id_file"):
        yield Mistake("chat_id", "key-missing", "there is no chat_id and no chat_id_file",
                      "set chat_id, as getUpdates of the bot shows it")  # fmt: skip
    if number and given.has("chat_id_file"):
        message = "chat_id and chat_id_file exclude each other"
        yield Mistake("chat_id_file", "fields-conflict", message, "keep one of them")


def _parse_mode(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if given.text("parse_mode") not in ("", "Markdown", "MarkdownV2", "HTML"):
        yield Mistake("parse_mode", "value-choice", "Telegram has no such parse_mode",
                      "use HTML, MarkdownV2, Markdown or an empty text")  # fmt: skip


TELEGRAM = ReceiverType(
    entry(
        api_url=Field("url"),
        bot_token=Field("secret"),
        chat_id=Field("int", low=-(2**63)),
        chat_id_file=Field("file"),
        message_thread_id=Field("int", low=-(2**63)),
        message=TEXT,
        disable_notifications=FLAG,
        parse_mode=Field(default="HTML"),
    ),
    send_resolved=True,
    rules=(
        _chat,
        _parse_mode,
        either("bot_token", "telegram_bot_token"),
    ),
)


def _webex(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if not authorized(given.part("http_config")):
        yield Mistake("http_config", "key-missing", "there is no authorization in http_config",
                      "set http_config.authorization to the bot's token")  # fmt: skip


WEBEX = ReceiverType(
    entry(api_url=Field("url"), message=TEXT, room_id=Field("template", required=True)),
    send_resolved=True,
    rules=(_webex, addressed("api_url", "webex_api_url")),
    instead="webhook_configs to https://webexapis.com/v1/messages with payload (roomId, markdown)",
)


def _wechat(given: Given, global_: Given) -> Iterator[Mistake]:
    if given.text("message_type") not in ("", "text", "markdown"):
        yield Mistake("message_type", "value-choice", "WeChat has no such message_type",
                      "use text or markdown")  # fmt: skip
    if not given.has("corp_id") and not global_.has("wechat_api_corp_id"):
        message = "there is no corp_id, and no wechat_api_corp_id in global"
        yield Mistake(None, "key-missing", message, "set corp_id")


WECHAT = ReceiverType(
    entry(
        api_secret=Field("secret"),
        corp_id=TEXT,
        api_url=Field("url"),
        **texts("message to_user to_party to_tag agent_id"),
        message_type=Field(),
    ),
    send_resolved=False,
    rules=(
        either("api_secret", "wechat_api_secret"),
        _wechat,
        addressed("api_url", "wechat_api_url"),
    ),
    instead="webhook_configs to a group robot's URL with payload (msgtype, markdown)",
)


def _email_doors(given: Given, global_: Given) -> Iterator[Mistake]:
    for name, in_global in (("smarthost", "smtp_smarthost"), ("from", "smtp_from")):
        if not given.has(name) and not global_.has(in_global):
            yield Mistake(None, "key-missing", f"there is no {name}, and no {in_global} in global",
                          f"set {in_global} in global")  # fmt: skip


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)


def _email_headers(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    # What is no header's name at all is not brought into one form.
    counted = Counter(
        name.lower() if _TOKEN.fullmatch(name) else name for name in given.names("headers")
    )
    for name, times in counted.items():
        if times > 1:
            yield Mistake("headers", "smtp-header", f"the header {name} is there twice",
                          "upper and lower case are the same header: keep one")  # fmt: skip
    threading = given.part("threading")
    if not threading.true("enabled"):
        return
    for name in ("references", "in-reply-to"):
        if name in counted:
            yield Mistake("headers", "smtp-header", f"threading writes the header {name} itself",
                          "remove the header, or threading")  # fmt: skip
    if threading.text("thread_by_date") not in ("none", "daily"):
        yield Mistake("threading", "value-choice", "thread_by_date says no length of a thread",
                      "set thread_by_date to none or daily")  # fmt: skip


_EMAIL_FIELDS: Mapping[str, Field] = {
    "to": Field("template", required=True),
    "from": TEXT,
    "hello": Field(),
    "smarthost": Field("host_port"),
    "auth_username": Field(),
    "auth_password": Field("secret", file_wins=True),
    "auth_secret": Field("secret", file_wins=True),
    "auth_identity": Field(),
    "headers": Field("template_map"),
    "html": Field("html"),
    "text": TEXT,
    "require_tls": Field("bool"),
    "tls_config": TLS_CONFIG,
    "force_implicit_tls": Field("bool"),
    "threading": Field("map", fields={"enabled": FLAG, "thread_by_date": Field(default="")}),
}

EMAIL = ReceiverType(_EMAIL_FIELDS, send_resolved=False, rules=(_email_doors, _email_headers))


def _pushover_markup(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if given.true("html") and given.true("monospace"):
        yield Mistake("monospace", "fields-conflict", "html and monospace exclude each other",
                      "keep one of them")  # fmt: skip


PUSHOVER = ReceiverType(
    entry(
        user_key=Field("secret"),
        token=Field("secret"),
        **texts("title message url url_title device sound priority"),
        retry=Field("go_duration_text"),
        expire=Field("go_duration_text"),
        ttl=Field("go_duration_text"),
        html=FLAG,
        monospace=FLAG,
    ),
    send_resolved=True,
    rules=(
        at_least_one("user_key", "user_key_file"),
        at_least_one("token", "token_file"),
        _pushover_markup,
    ),
    instead="webhook_configs to https://api.pushover.net/1/messages.json with payload",
)
