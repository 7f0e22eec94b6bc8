"""What slack_configs may hold, and which of Slack's two doors an entry means.

An incoming webhook (`api_url`) posts and can never edit. A bot token posts, edits in place and
keeps a thread: `app_token`, or Alertmanager's older way of giving one, the Web API's address as
`api_url` and the token in `http_config`.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from notifiers import sender
from notifiers.fields import HTTP_CONFIG, Field, Report, Secret
from notifiers.notification import Global

APP_URL = "https://slack.com/api/chat.postMessage"

_TEMPLATES = "the message is laid out by Tocsin until Go templates are supported; remove it"

FIELDS: Mapping[str, Field] = {
    "api_url": Field("secret_url"),
    "app_token": Field("secret"),
    "app_url": Field("url"),
    "channel": Field(),
    "username": Field(),
    "icon_emoji": Field(),
    "icon_url": Field(),
    "link_names": Field("bool", default=False),
    "update_message": Field("bool"),
    "timeout": Field("duration", default=0),
    "http_config": HTTP_CONFIG,
}

REFUSED: Mapping[str, str] = dict.fromkeys(
    ("actions", "callback_id", "color", "fallback", "fields", "footer", "image_url", "message_text",
     "mrkdwn_in", "pretext", "short_fields", "text", "thumb_url", "title", "title_link"),
    _TEMPLATES,
)  # fmt: skip

_TEMPLATED = ("channel", "username", "icon_emoji", "icon_url")


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of slack_configs, understood."""

    secret: Secret  # bot token, or the webhook's URL where base_url is None
    base_url: str | None  # of Slack's Web API, ends in /
    update: bool  # edit in place
    envelope: Mapping[str, object]  # channel, username, icon, link_names: of a post
    context: ssl.SSLContext
    proxy: str | None
    timeout_ms: int

    @property
    def author(self) -> Mapping[str, object]:
        """Who a reply is from."""
        return {
            k: v for k, v in self.envelope.items() if k in ("username", "icon_emoji", "icon_url")
        }


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    http = cast("Mapping[str, object] | None", values.get("http_config") or global_.http_config)
    context = sender.checked_http(http, report)
    door = _door(values, http, global_, report)
    sound = _no_templates(values, report)
    if door is not None:
        sound = _fits(values, door[1], report) and sound
    if context is None or door is None or not sound:
        return None
    secret, base_url = door
    update = values.get("update_message")
    return Settings(
        secret=secret,
        base_url=base_url,
        update=base_url is not None and update is not False,
        envelope=_envelope(values),
        context=context,
        proxy=sender.proxy_url(http),
        timeout_ms=cast("int", values.get("timeout")) or sender.TIMEOUT_MS,
    )


def _door(
    values: Mapping[str, object], http: Mapping[str, object] | None, global_: Global, report: Report
) -> tuple[Secret, str | None] | None:
    """Return (secret, base URL of the Web API or None for a webhook), as Alertmanager chooses."""
    api_url = cast("Secret | None", values.get("api_url"))
    app_token = cast("Secret | None", values.get("app_token"))
    if api_url and app_token:
        report("api_url", "slack-door", "api_url and app_token are both set", "keep one of them")
        return None
    if not api_url and not app_token:
        api_url, app_token = global_.slack_api_url, global_.slack_app_token
    if app_token and not api_url:
        app_url = str(values.get("app_url") or global_.slack_app_url or APP_URL)
        return app_token, _base(app_url)
    if not api_url:
        report(
            None,
            "slack-door",
            "there is neither api_url nor app_token here or in global",
            "set app_token to a bot token (xoxb-), or api_url to an incoming webhook's URL",
        )
        return None
    if not _is_web_api(api_url):
        return api_url, None
    return _old_way(api_url, http, report)


def _old_way(
    api_url: Secret, http: Mapping[str, object] | None, report: Report
) -> tuple[Secret, str] | None:
    """Read Alertmanager's way before app_token: the Web API's URL, the token in http_config."""
    parts = http or {}
    auth = cast("Mapping[str, object]", parts.get("authorization") or {})
    token = cast("Secret | None", parts.get("bearer_token") or auth.get("credentials"))
    if token is None:
        report(
            "api_url",
            "slack-token",
            "api_url is Slack's Web API, but there is no bot token",
            "set http_config.authorization.credentials, or use app_token instead of api_url",
        )
        return None
    return token, _base(api_url.read())


def _fits(values: Mapping[str, object], base_url: str | None, report: Report) -> bool:
    sound = True
    if base_url is None and values.get("update_message"):
        report(
            "update_message",
            "slack-update",
            "an incoming webhook cannot edit its messages",
            "use app_token with a bot token, or remove update_message",
        )
        sound = False
    if base_url is not None and not values.get("channel"):
        report(
            "channel",
            "slack-channel",
            "a bot token needs a channel",
            "set channel: '#alerts', or better the channel's id",
        )
        sound = False
    return sound


def _no_templates(values: Mapping[str, object], report: Report) -> bool:
    templated = [name for name in _TEMPLATED if "{{" in str(values.get(name) or "")]
    for name in templated:
        report(name, "template", f"templates in {name} are not supported yet", "write it out")
    return not templated


def _envelope(values: Mapping[str, object]) -> dict[str, object]:
    names = ("channel", "username", "icon_emoji", "icon_url", "link_names")
    return {name: values[name] for name in names if values.get(name)}


def _is_web_api(api_url: Secret) -> bool:
    try:
        return api_url.read().rstrip("/").endswith("/chat.postMessage")
    except OSError:
        return False  # not there yet: only webhooks are rotated by file


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("chat.postMessage").rstrip("/") + "/"
