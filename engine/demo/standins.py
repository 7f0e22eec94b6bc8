"""The far sides of the demo, started together: Slack's API, a mailbox, and the inbox page."""

import json
import logging
import re
from collections.abc import Sequence
from email.message import EmailMessage

from starlette.routing import BaseRoute, Mount

from engine.clock import Clock, system_clock
from engine.demo.home import CHANNEL, Addresses
from engine.demo.inbox import Inbox
from engine.demo.slack_standin import SlackStandIn, Version
from engine.demo.smtp_standin import SmtpStandIn
from engine.demo.verdict import Receipt, Status

SMTP_PORT_DUMPED = 2525
SLACK_PATH = "/demo/slack"
SLACK_TOKEN = "xoxb-demo"  # noqa: S105 - the stand-in's own, worth nothing elsewhere

_RULE = re.compile(r"[\w./-]+\.ya?ml:\d+")
"""A notification names the rule of each alert by file:line: an identity both channels show."""


class StandIns:
    """Slack and the mailbox, as long as the demo runs."""

    def __init__(self, port: int, clock: Clock = system_clock) -> None:
        self._port = port
        self._slack = SlackStandIn(clock)
        self._slack.tokens.add(SLACK_TOKEN)
        self._slack.add_channel(CHANNEL)
        self._mailbox = SmtpStandIn(clock)

    def start(self) -> None:
        """Listen for mail, on any free port; Slack is served by Tocsin's own port."""
        # aiosmtpd logs every word of a session.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._mailbox.start()

    def close(self) -> None:
        """Stop listening; may be called without start."""
        self._mailbox.close()

    def addresses(self) -> Addresses:
        """Return what the configuration has to name."""
        slack_url = f"http://127.0.0.1:{self._port}{SLACK_PATH}/api/chat.postMessage"
        smtp_port = self._mailbox.port or SMTP_PORT_DUMPED
        return Addresses(self._port, smtp_port, slack_url, SLACK_TOKEN)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The Slack stand-in and the inbox page."""
        inbox = Inbox(self._slack, self._mailbox)
        return (Mount(SLACK_PATH, routes=self._slack.routes()), *inbox.routes())

    def receipts(self) -> Sequence[Receipt]:
        """Return what has been received so far; bounded, as the stand-ins are."""
        slack = [_of_slack(one) for post in self._slack.posted() for one in post.versions]
        mails = [_of_mail(mail.message) for mail in self._mailbox.mails()]
        return [receipt for found in (*slack, *mails) for receipt in found]


def _of_slack(version: Version) -> list[Receipt]:
    text = json.dumps([version.body.get(part) for part in ("blocks", "attachments")])
    ended = "RESOLVED" in json.dumps(version.body.get("blocks"))
    status: Status = "resolved" if ended else "firing"
    return [Receipt("slack", rule, status) for rule in sorted(set(_RULE.findall(text)))]


def _of_mail(mail: EmailMessage) -> list[Receipt]:
    part = mail.get_body(("plain",))
    text = str(part.get_content()) if part is not None else ""
    status: Status = "resolved" if mail.get("X-Tocsin-Status") == "resolved" else "firing"
    return [Receipt("email", rule, status) for rule in sorted(set(_RULE.findall(text)))]
