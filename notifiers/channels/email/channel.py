"""The email channel: what it reads of the file, how it speaks SMTP, what the answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from typing import ClassVar, Self

import aiosmtplib

from engine import metrics
from notifiers import sender
from notifiers.changes import told
from notifiers.channels.email import mime
from notifiers.channels.email.settings import FIELDS, REFUSED, Settings, read
from notifiers.fields import Field, Report
from notifiers.message import compose, without_outlived
from notifiers.notification import Drop, Global, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace

_REFUSED_RECIPIENTS = metrics.counter(
    "tocsin_email_recipients_refused_total",
    "Recipients that a server refused while it took the message for others.",
    [],
)


@dataclass(frozen=True, slots=True)
class Request:
    """One email: its envelope and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class NoStartTlsError(aiosmtplib.SMTPException):
    """The server offers no STARTTLS and the file demands it."""


class Email:
    """Sends to the addresses of one entry of email_configs."""

    fields: ClassVar[Mapping[str, Field]] = FIELDS
    refused: ClassVar[Mapping[str, str]] = REFUSED
    send_resolved_default: ClassVar[bool] = False
    pace: ClassVar[Pace] = Pace(per_second=5.0, burst=10)

    has_key = False  # the same Message-ID twice is shown once by some, not by all

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.destination = f"smtp:{settings.host}:{settings.port}"

    @classmethod
    def from_config(
        cls, values: Mapping[str, object], global_: Global, report: Report
    ) -> Self | None:
        """Build it from one entry of email_configs; what is wrong is reported."""
        settings = read(values, global_, report)
        return None if settings is None else cls(settings)

    def render(self, notification: Notification, sent_ms: int) -> Request:
        """Return the email of a notification."""
        email = mime.build(notification, compose(notification, sent_ms), self._settings.envelope)
        envelope = self._settings.envelope
        recipients = tuple(dict.fromkeys(_spec(one) for one in envelope.recipients))
        return Request(_spec(envelope.sender), recipients, email.as_bytes())

    async def notify(self, notification: Notification, now_ms: int) -> Outcome:
        """Send it once, over a connection of its own."""
        watch = sender.Stopwatch(now_ms)
        try:
            request = self.render(notification, now_ms)
            await self._deliver(request)
        except aiosmtplib.SMTPException as error:
            return classify(error)
        except (OSError, EOFError) as error:
            return sender.classify_error(error)
        thread = mime.Thread.of(notification, self._settings.envelope.sender.domain or "localhost")
        known = told(without_outlived(notification.alerts))
        far = {"root": thread.root, "subject": thread.subject, "told": known}
        return Sent(far, watch.now_ms())

    async def _deliver(self, request: Request) -> None:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.hello,
            timeout=settings.timeout_ms / 1_000,
            use_tls=settings.implicit_tls,
            start_tls=False,
            tls_context=settings.context,
        )
        async with client:
            if settings.require_tls and not settings.implicit_tls:
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    raise NoStartTlsError("the server offers no STARTTLS")
                await client.starttls()
            await self._log_in(client)
            refused, _ = await client.sendmail(request.sender, request.recipients, request.content)
            # The others have it; sending again to reach these would send it to them twice.
            _REFUSED_RECIPIENTS.inc(len(refused))

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        auth = self._settings.auth
        if auth is None:
            return
        if auth.secret is not None and "cram-md5" in client.server_auth_methods:
            await client.auth_crammd5(auth.username, auth.secret.read())
        elif auth.password is not None:
            await client.login(auth.username, auth.password.read())


def classify(error: aiosmtplib.SMTPException) -> Retry | Drop:
    """Say what a failure of SMTP means: 4xx may pass, 5xx will not, no answer may."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return _recipients(error)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) and error.code >= 500:
        text = f"SMTP {error.code}: {sender.excerpt(error.message)}; check auth_username"
        return Drop("authError", f"{text} and its password")
    if isinstance(error, NoStartTlsError):
        # Not for ever: somebody in between may have taken the offer out.
        text = "the server offers no STARTTLS; set require_tls: false if that is meant"
        return Retry("other", None, text)
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return Retry("contextDeadlineExceeded", None, "SMTP: no answer in time")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _by_code(error.code, error.message)
    return Retry("other", None, f"SMTP: {type(error).__name__}: {sender.excerpt(str(error))}")


def _recipients(error: aiosmtplib.SMTPRecipientsRefused) -> Retry | Drop:
    """Judge by the mildest answer: one that may pass is worth another attempt."""
    mildest = min(error.recipients, key=lambda refused: refused.code)
    return _by_code(mildest.code, mildest.message)


def _by_code(code: int, message: str) -> Retry | Drop:
    text = f"SMTP {code}: {sender.excerpt(message)}"
    if 400 <= code < 500:
        return Retry("rateLimited" if code in (421, 450, 452) else "serverError", None, text)
    if code in (530, 534, 535, 538):
        return Drop("authError", f"{text}; set auth_username and auth_password")
    if code >= 500:
        return Drop("clientError", text)
    return Retry("other", None, text)


def _spec(address: Address) -> str:
    return address.addr_spec
