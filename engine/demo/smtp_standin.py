"""A mail server on loopback that keeps what it gets: the demo's mailbox, and the tests' far side.

aiosmtpd in a thread and event loop of its own, so that it answers while the product is busy. It
can demand STARTTLS, a login and a size, and refuses as servers do; it never compares two mails.
"""

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from engine.clock import Clock
from engine.errors import TocsinError

SIZE_BYTES_MAX = 1_000_000
_READY_TIMEOUT_S = 10.0
_IDLE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail, as it came over the wire."""

    number: int  # from 1
    at_ms: int
    sender: str  # of the envelope
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    login: str  # "" without one

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.content, policy=default)


Refuse = Callable[[str, str], str | None]
"""Failure injection: (command, argument) -> an answer such as "451 4.3.0 later", or None."""


class SmtpStandInError(TocsinError):
    """The mailbox cannot listen; the text is one sentence with the remedy."""


class SmtpStandIn:
    """A mailbox for everybody, from `start` to `close`."""

    def __init__(
        self,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        require_starttls: bool = False,
        users: Mapping[str, str] | None = None,
        size_bytes_max: int = SIZE_BYTES_MAX,
        mails_max: int = 500,
    ) -> None:
        self.host = host
        self.port = port  # 0: one that is free, known after start
        self.refuse: Refuse | None = None
        self.accepted: Callable[[Mail], None] | None = None
        """Called after a mail was kept and before it is answered, in the server's thread."""
        self.count = 0  # mails accepted, those no longer kept too
        self._clock = clock
        self._tls = tls
        self._require_starttls = require_starttls
        self._users = dict(users) if users else None
        self._size_bytes_max = size_bytes_max
        self._mails: deque[Mail] = deque(maxlen=mails_max)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def mails(self) -> list[Mail]:
        """Return what is kept, oldest first."""
        return list(self._mails)

    def start(self) -> None:
        """Listen. Raises SmtpStandInError where the port is taken."""
        ready = threading.Event()
        failures: list[OSError] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._serve, args=(self._loop, ready, failures), name="smtp-standin", daemon=True
        )
        self._thread.start()
        listening = ready.wait(_READY_TIMEOUT_S)
        if failures or not listening:
            self._thread.join(_READY_TIMEOUT_S)
            self._thread = None
            raise SmtpStandInError(
                f"The mailbox cannot listen on {self.host}:{self.port}"
                f" ({failures[0] if failures else 'not within 10 s'}): choose another port."
            )

    def close(self) -> None:
        """Stop listening; may be called without start."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_READY_TIMEOUT_S)
        self._thread = None

    def _serve(
        self, loop: asyncio.AbstractEventLoop, ready: threading.Event, failures: list[OSError]
    ) -> None:
        asyncio.set_event_loop(loop)
        try:
            listening = loop.create_server(self._protocol, self.host, self.port)
            server = loop.run_until_complete(listening)
        except OSError as failure:
            failures.append(failure)
            loop.close()
            ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        loop.call_soon(ready.set)
        try:
            loop.run_forever()
        finally:
            server.close()
            _end_tasks(loop)
            loop.close()

    def _protocol(self) -> Any:
        options: dict[str, Any] = {
            "data_size_limit": self._size_bytes_max,
            "hostname": "mail.standin.example",
            "ident": "Tocsin mail stand-in",
            "timeout": _IDLE_TIMEOUT_S,
            "enable_SMTPUTF8": True,
            "loop": self._loop,
        }
        if self._tls is not None:
            options |= {"tls_context": self._tls, "require_starttls": self._require_starttls}
        if self._users is not None:
            # aiosmtpd warns where a login is demanded without TLS: then it is only offered.
            options |= {"authenticator": self._log_in, "auth_required": self._tls is not None,
                        "auth_require_tls": self._tls is not None}  # fmt: skip
        return SMTP(self, **options)

    def _log_in(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any
    ) -> Any:
        assert self._users is not None, "a login without users"
        known = isinstance(given, LoginPassword) and (
            self._users.get(given.login.decode()) == given.password.decode()
        )
        if not known:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=given.login.decode())

    # Hooks that aiosmtpd calls by name.

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take or refuse the sender."""
        if answer := self._refused("MAIL", address):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if answer := self._refused("RCPT", address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the mail."""
        if answer := self._refused("DATA", ""):
            return answer
        self.count += 1
        mail = Mail(
            number=self.count,
            at_ms=self._clock(),
            sender=envelope.mail_from,
            recipients=tuple(envelope.rcpt_tos),
            content=bytes(envelope.content),
            encrypted=session.ssl is not None,
            login=str(session.auth_data or ""),
        )
        self._mails.append(mail)
        if self.accepted is not None:
            self.accepted(mail)
        return f"250 OK number {mail.number}"

    def _refused(self, command: str, argument: str) -> str | None:
        return self.refuse(command, argument) if self.refuse else None


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
