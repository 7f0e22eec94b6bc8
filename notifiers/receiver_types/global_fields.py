"""`global:` as Alertmanager 0.34 has it."""

from collections.abc import Iterator, Mapping

from notifiers.fields import HTTP_CONFIG, TLS_CONFIG, Field, Given, Mistake, Rule
from notifiers.receiver_types.shape import SLACK_API

GLOBAL_FIELDS: Mapping[str, Field] = {
    "resolve_timeout": Field("duration", default=300_000),
    "http_config": HTTP_CONFIG,
    "jira_api_url": Field("url"),
    "smtp_from": Field(default=""),
    "smtp_hello": Field(default="localhost"),
    "smtp_smarthost": Field("host_port", default=""),
    "smtp_auth_username": Field(default=""),
    "smtp_auth_password": Field("secret"),
    "smtp_auth_secret": Field("secret"),
    "smtp_auth_identity": Field(default=""),
    "smtp_require_tls": Field("bool", default=True),
    "smtp_force_implicit_tls": Field("bool"),
    "smtp_tls_config": TLS_CONFIG,
    "slack_api_url": Field("secret_url"),
    "slack_app_url": Field("url"),
    "slack_app_token": Field("secret"),
    "pagerduty_url": Field("url", default="https://events.pagerduty.com/v2/enqueue"),
    "opsgenie_api_url": Field("url", default="https://api.opsgenie.com/"),
    "opsgenie_api_key": Field("secret_template"),
    "wechat_api_url": Field("url"),
    "wechat_api_secret": Field("secret"),
    "wechat_api_corp_id": Field(),
    "victorops_api_url": Field("url"),
    "victorops_api_key": Field("secret"),
    "telegram_api_url": Field("url", default="https://api.telegram.org"),
    "telegram_bot_token": Field("secret"),
    "webex_api_url": Field("url"),
    "rocketchat_api_url": Field("url"),
    "rocketchat_token": Field("secret"),
    "rocketchat_token_id": Field("secret"),
    "mattermost_webhook_url": Field("secret_url"),
}


def _slack(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    token = given.has("slack_app_token") or given.has("slack_app_token_file")
    url = given.has("slack_api_url") or given.has("slack_api_url_file")
    # Who has long had the Web API's address as slack_api_url may keep it beside a token.
    same = given.text("slack_api_url") == (given.text("slack_app_url") or SLACK_API)
    if token and url and not same:
        yield Mistake("slack_api_url", "fields-conflict",
                      "slack_api_url and slack_app_token exclude each other",
                      "keep one of them")  # fmt: skip


GLOBAL_RULES: tuple[Rule, ...] = (_slack,)
