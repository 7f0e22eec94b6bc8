"""What slack_configs may hold, and which of Slack's two doors an entry means.

An incoming webhook (`api_url`) posts and can never edit. A bot token posts, edits in place and
keeps a thread: `app_token`, or Alertmanager's older way of giving one, the Web API's address as
`api_url` and the token in `http_config`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from notifiers.channels.slack.classic import AUTHOR, Classic
from notifiers.channels.texts import chosen
from notifiers.channels.wire import Wire
from notifiers.fields import Report, Secret, Templated, Templating
from notifiers.notification import Global

APP_URL = "https://slack.com/api/chat.postMessage"
_METHOD = "chat.postMessage"

Way = Literal["bot", "webhook", "other"]
"""The Web API with a token, an incoming webhook, or what else takes such requests."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where an entry posts to, and with which token."""

    way: Way
    url: Secret  # that is posted to; of a bot: .../chat.postMessage
    token: Secret | None = None  # app_token; None: as http_config says

    @property
    def base_url(self) -> str:
        """The address of the Web API, with a slash at its end. Of a bot only."""
        return self.url.read().rstrip("/").removesuffix(_METHOD)


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of slack_configs, understood."""

    door: Door
    update: bool  # edit in place
    author: Mapping[str, Templated]  # channel, username, icons, as far as they are set
    link_names: bool
    classic: Classic | None  # Alertmanager's layout; None: Tocsin's own
    wire: Wire


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    http = cast("Mapping[str, object] | None", values.get("http_config") or global_.http_config)
    wire = Wire.of(values, global_, report)
    door = _door(values, http, global_, report)
    if door is None or wire is None:
        return None
    _warn(values, door, report)
    classic = Classic.of(values, global_.templates)
    return Settings(
        door=door,
        update=_updates(values, door, classic),
        author=_author(values, global_.templates),
        link_names=bool(values.get("link_names")),
        classic=classic,
        wire=wire,
    )


def _author(values: Mapping[str, object], templates: Templating) -> dict[str, Templated]:
    channel = cast("Templated | None", values.get("channel"))
    named = {"channel": channel} if channel is not None else {}
    return {**named, **chosen(values, AUTHOR, templates)}


def _updates(values: Mapping[str, object], door: Door, classic: Classic | None) -> bool:
    """Edit where that is possible and, in Alertmanager's layout, where the file asks for it."""
    wanted = values.get("update_message")
    return door.way == "bot" and bool(classic is None if wanted is None else wanted)


def _door(
    values: Mapping[str, object], http: Mapping[str, object] | None, global_: Global, report: Report
) -> Door | None:
    """Return where an entry posts to, as Alertmanager chooses it."""
    api_url, token = _given(values.get("api_url")), _given(values.get("app_token"))
    local = cast("Mapping[str, object]", values.get("http_config") or {})
    if token is None and api_url is None and not _has_login(local):
        token = _given(global_.slack_app_token)
    api_url = api_url or _given(global_.slack_api_url)
    if token is not None:
        url = str(values.get("app_url") or global_.slack_app_url or APP_URL)
        return Door("bot" if _is_web_api(url) else "other", Secret(url), token)
    if api_url is None:
        report(
            None,
            "slack-door",
            "there is neither api_url nor app_token here or in global",
            "set app_token to a bot token (xoxb-), or api_url to an incoming webhook's URL",
        )
        return None
    return _hook(api_url, http, report)


def _hook(api_url: Secret, http: Mapping[str, object] | None, report: Report) -> Door:
    """Tell Alertmanager's way before app_token from a webhook: the URL of the Web API."""
    try:
        web_api = _is_web_api(api_url.read())
    except (OSError, UnicodeError):
        web_api = False  # not there yet: only webhooks are rotated by file
    if web_api and not _has_login(http or {}):
        report(
            "api_url",
            "slack-token",
            "api_url is Slack's Web API, but there is no bot token",
            "set http_config.authorization.credentials, or use app_token instead of api_url",
            "warning",
        )
    return Door("bot" if web_api else "webhook", api_url)


def _warn(values: Mapping[str, object], door: Door, report: Report) -> None:
    """Say what Alertmanager takes without a word, and what then does not happen."""
    if door.way != "bot" and values.get("update_message"):
        report(
            "update_message",
            "slack-update",
            "messages are edited by chat.update beside chat.postMessage: each is posted anew",
            "let app_url or api_url end in /chat.postMessage",
            "warning",
        )
    channel = cast("Templated | None", values.get("channel"))
    if door.way == "bot" and (channel is None or not channel.source):
        report(
            None,
            "slack-channel",
            "a bot token needs a channel: Slack will refuse each message",
            "set channel: '#alerts', or better the channel's id",
            "warning",
        )


def _given(secret: object) -> Secret | None:
    """Return a secret that is a file or not empty."""
    found = cast("Secret | None", secret)
    return found if found is not None and (found.from_file or found.read()) else None


def _has_login(http: Mapping[str, object]) -> bool:
    """Say whether a header Authorization is set by hand, which a token would replace."""
    return bool(http.get("authorization") or http.get("bearer_token"))


def _is_web_api(url: str) -> bool:
    return url.rstrip("/").endswith(f"/{_METHOD}")
