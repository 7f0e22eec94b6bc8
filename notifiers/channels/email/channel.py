"""The email channel: what it reads of the file, what it writes, what it remembers."""

from collections.abc import Mapping
from typing import ClassVar, Self

import aiosmtplib

from engine import metrics
from notifiers import sender
from notifiers.channels.email import mime, smtp
from notifiers.channels.email.settings import Settings, read
from notifiers.channels.email.smtp import Request
from notifiers.channels.outline import remembered
from notifiers.channels.texts import FieldError
from notifiers.fields import Field, Report
from notifiers.message import compose
from notifiers.notification import Drop, Global, Notification, Outcome, Sent
from notifiers.pacing import Pace
from notifiers.receiver_types import TYPES

_REFUSED_RECIPIENTS = metrics.counter(
    "tocsin_email_recipients_refused_total",
    "Recipients that a server refused while it took the message for others.",
    [],
)


class Email:
    """Sends to the addresses of one entry of email_configs."""

    fields: ClassVar[Mapping[str, Field]] = TYPES["email"].fields
    refused: ClassVar[Mapping[str, str]] = {}
    send_resolved_default: ClassVar[bool] = False
    pace: ClassVar[Pace] = Pace(per_second=5.0, burst=10)

    has_key = False  # the same Message-ID twice is shown once by some, not by all

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = f"smtp:{settings.server.host}:{settings.server.port}"

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of email_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> Request:
        """Return the email of a notification. Raises texts.FieldError."""
        envelope = self._settings.letter.envelope(notification, sent_ms)
        email = mime.build(notification, compose(notification, sent_ms), envelope, sent_ms)
        recipients = tuple(dict.fromkeys(one.addr_spec for one in envelope.recipients))
        return Request(envelope.sender.addr_spec, recipients, email.as_bytes())

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once, over a connection of its own."""
        watch = sender.Stopwatch(now_ms)
        try:
            request = self.render(notification, now_ms)
            # The others have it; sending again to reach these would send it to them twice.
            _REFUSED_RECIPIENTS.inc(await smtp.deliver(self._settings.server, request))
        except FieldError as error:
            return Drop("clientError", str(error))
        except aiosmtplib.SMTPException as error:
            return smtp.classify(error)
        except (OSError, EOFError, UnicodeError, ValueError) as error:
            return sender.classify_error(error)
        thread = mime.Thread.of(notification, request.sender.rpartition("@")[2])
        far_id = {"root": thread.root, "subject": thread.subject, "told": remembered(notification)}
        return Sent(far_id, watch.now_ms())
