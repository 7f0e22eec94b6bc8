"""Every type of receiver that Alertmanager 0.34 knows, ours or not: the verdict on a file is its.

A channel of ours declares `fields = TYPES["slack"].fields`, with what it adds; a type that Tocsin
has no channel for is checked by the same table and then refused by name, with the way round.
Source: Alertmanager 0.34, docs/configuration.md, and amtool's verdicts.
"""

from collections.abc import Mapping

from notifiers.receiver_types import chat, paging
from notifiers.receiver_types.extras import IGNORED
from notifiers.receiver_types.global_fields import GLOBAL_FIELDS, GLOBAL_RULES
from notifiers.receiver_types.shape import SLACK_API, ReceiverType

TYPES: Mapping[str, ReceiverType] = {
    "discord": chat.DISCORD,
    "email": chat.EMAIL,
    "incidentio": paging.INCIDENTIO,
    "jira": paging.JIRA,
    "mattermost": chat.MATTERMOST,
    "msteams": chat.MSTEAMS,
    "msteamsv2": chat.MSTEAMSV2,
    "opsgenie": paging.OPSGENIE,
    "pagerduty": paging.PAGERDUTY,
    "pushover": chat.PUSHOVER,
    "rocketchat": chat.ROCKETCHAT,
    "slack": chat.SLACK,
    "sns": paging.SNS,
    "telegram": chat.TELEGRAM,
    "victorops": paging.VICTOROPS,
    "webex": chat.WEBEX,
    "webhook": paging.WEBHOOK,
    "wechat": chat.WECHAT,
}
"""By the name before `_configs`."""

__all__ = ["GLOBAL_FIELDS", "GLOBAL_RULES", "IGNORED", "SLACK_API", "TYPES", "ReceiverType"]
