"""Channels as a file has them, read by the loader that the worker uses."""

from typing import Any

import yaml

from notifiers.channels.discord import Discord
from notifiers.channels.msteams import MsTeams, MsTeamsV2
from notifiers.channels.opsgenie import Opsgenie
from notifiers.channels.pagerduty import PagerDuty
from notifiers.channels.telegram import Telegram
from notifiers.config import NotifierConfig, load
from notifiers.notification import Channel

SERVICES: dict[str, type[Channel]] = {
    "discord": Discord,
    "msteams": MsTeams,
    "msteamsv2": MsTeamsV2,
    "opsgenie": Opsgenie,
    "pagerduty": PagerDuty,
    "telegram": Telegram,
}


def read(text: str, base: Any) -> NotifierConfig:
    """Return a configuration, which must be without errors."""
    config, findings = load(text, str(base / "alertmanager.yml"), base=base, channels=SERVICES)
    errors = [str(finding) for finding in findings if finding.severity == "error"]
    assert config is not None, errors
    return config


def channel(kind: str, entry: dict[str, Any], base: Any, *, templates: str = "", **top: Any) -> Any:
    """Return the channel of one entry of `<kind>_configs`; `top` is more of `global:`."""
    (base / "own.tmpl").write_text(templates, encoding="utf-8")
    whole = {
        "global": top,
        "templates": ["own.tmpl"],
        "route": {"receiver": "all"},
        "receivers": [{"name": "all", f"{kind}_configs": [entry]}],
    }
    config = read(yaml.safe_dump(whole, allow_unicode=True), base)
    [integration] = config.receivers["all"].integrations
    return integration.channel


def codes(kind: str, entry: dict[str, Any], base: Any, **top: Any) -> list[str]:
    """Return the codes of the errors that one entry has."""
    whole = {
        "global": top,
        "route": {"receiver": "all"},
        "receivers": [{"name": "all", f"{kind}_configs": [entry]}],
    }
    text = yaml.safe_dump(whole, allow_unicode=True)
    _, findings = load(text, str(base / "alertmanager.yml"), base=base, channels=SERVICES)
    return [finding.code for finding in findings if finding.severity == "error"]


KEY = "0123456789abcdef0123456789abcdef"
KINDS = ("pagerduty", "opsgenie", "jsm", "msteams", "msteamsv2", "discord", "telegram")
"""The services as tests name them: `jsm` is Opsgenie's channel at Jira Service Management."""

FAR = {"discord": {"id": "1000"}, "telegram": {"message_id": "100"}}
"""The far_id that an edit needs."""

STEP_MS = 212


def entry(kind: str, url: str = "https://service.example") -> dict[str, Any]:
    """Return the least entry of a service."""
    entries: dict[str, dict[str, Any]] = {
        "pagerduty": {"routing_key": KEY, "url": f"{url}/v2/enqueue"},
        "opsgenie": {"api_key": "k", "api_url": url, "update_alerts": True},
        "jsm": {"api_key": "k", "api_url": url, "update_alerts": True, "jsm": True},
        "msteams": {"webhook_url": f"{url}/workflows/1?sig=s"},
        "msteamsv2": {"webhook_url": f"{url}/workflows/1?sig=s"},
        "discord": {"webhook_url": f"{url}/api/webhooks/1/t"},
        "telegram": {"bot_token": "1:a", "chat_id": -100123, "api_url": url},
    }
    return entries[kind]


def build(kind: str, base: Any, url: str = "https://service.example", **more: Any) -> Any:
    """Return the channel of a service, with `more` in its entry."""
    name = "opsgenie" if kind == "jsm" else kind
    return channel(name, {**entry(kind, url), **more}, base)


async def notify(made: Any, notification: Any) -> Any:
    """Return what becomes of one attempt."""
    return await made.notify(notification, notification.now_ms + STEP_MS)
