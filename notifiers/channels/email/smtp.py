"""One email over one connection: TLS, login, and what a server's refusals mean."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass

import aiosmtplib

from notifiers import egress, sender
from notifiers.channels.email.settings import Auth, Server
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry


@dataclass(frozen=True, slots=True)
class Request:
    """One email: its envelope and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class NoStartTlsError(aiosmtplib.SMTPException):
    """The server offers no STARTTLS and the file demands it."""


class NoLoginError(aiosmtplib.SMTPException):
    """There is a user name, and no way to log in that both sides know and that is safe."""


async def deliver(server: Server, request: Request) -> int:
    """Send it; return how many recipients were refused while others were not.

    Raises aiosmtplib.SMTPException, OSError (of the network, and of a secret's file), EOFError.
    """
    async with asyncio.timeout(server.timeout_ms / 1_000):
        sock = await egress.connect(server.host, server.port, server.egress)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        sock=sock,
        local_hostname=server.hello,
        timeout=server.timeout_ms / 1_000,
        use_tls=server.implicit_tls,
        start_tls=False,
        tls_context=server.context,
    )
    try:
        await client.connect()
    except BaseException:
        sock.close()
        raise
    async with client:
        await _secure(client, server)
        await _log_in(client, server)
        refused, _ = await client.sendmail(
            request.sender,
            request.recipients,
            request.content,
            mail_options=_options(request),
        )
    return len(refused)


def _options(request: Request) -> Sequence[str]:
    """Ask for SMTPUTF8 where an address needs it; a server that cannot do it says so."""
    plain = all(one.isascii() for one in (request.sender, *request.recipients))
    return () if plain else ("SMTPUTF8",)


async def _secure(client: aiosmtplib.SMTP, server: Server) -> None:
    await client.ehlo()
    if not server.require_tls or server.implicit_tls:
        return
    if not client.supports_extension("starttls"):
        raise NoStartTlsError("the server offers no STARTTLS")
    await client.starttls()
    await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    """Log in the first way of the server's list for which the file has what it takes.

    A server that asks for no login gets none, as in Alertmanager.
    """
    auth = server.auth
    if auth is None or not client.server_auth_methods:
        return
    secret, password = _read(auth.secret), _read(auth.password)
    safe = server.is_loopback or client.get_transport_info("sslcontext") is not None
    for method in client.server_auth_methods:
        if method == "cram-md5" and secret:
            await client.auth_crammd5(auth.username, secret)
            return
        if method in ("plain", "login") and password and safe:
            await _by_password(client, method, auth, password)
            return
    if password and not safe:
        raise NoLoginError("the password would travel unencrypted; remove require_tls: false")
    known = ", ".join(client.server_auth_methods[:10])
    raise NoLoginError(f"no way to log in: the server knows {sender.excerpt(known)}")


async def _by_password(client: aiosmtplib.SMTP, method: str, auth: Auth, password: str) -> None:
    if method == "login":
        await client.auth_login(auth.username, password)
        return
    parts = "\0".join((auth.identity, auth.username, password)).encode()
    response = await client.execute_command(b"AUTH", b"PLAIN", base64.b64encode(parts))
    if response.code != aiosmtplib.SMTPStatus.auth_successful:
        raise aiosmtplib.SMTPAuthenticationError(response.code, response.message)


def _read(secret: Secret | None) -> str:
    return "" if secret is None else secret.read()


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
    if isinstance(error, NoLoginError):
        return Drop("authError", f"SMTP: {error}")
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Drop("clientError", "SMTP: the server takes no address that is not ASCII (SMTPUTF8)")
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
