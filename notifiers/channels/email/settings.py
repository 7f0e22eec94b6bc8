"""What email_configs says about the way an email is sent, with the defaults from `global`."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

from engine.template import TemplateError
from notifiers import sender
from notifiers.channels.email.letter import Letter, addresses, header_problem
from notifiers.egress import Egress
from notifiers.fields import Report, Secret, Templated
from notifiers.notification import Global

TIMEOUT_MS = 30_000
"""For one step of the dialogue: servers make strangers wait."""


@dataclass(frozen=True, slots=True)
class Auth:
    """How to log in: by password, or by a shared secret for CRAM-MD5."""

    username: str
    password: Secret | None
    secret: Secret | None
    identity: str  # whom to act as; "" means the user


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server of one entry."""

    host: str
    port: int
    hello: str
    implicit_tls: bool
    require_tls: bool  # by STARTTLS, where it is not implicit
    context: sender.TlsContext
    auth: Auth | None
    egress: Egress
    timeout_ms: int = TIMEOUT_MS

    @property
    def is_loopback(self) -> bool:
        """Say whether nobody between could listen."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of email_configs, understood."""

    server: Server
    letter: Letter


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    place = _smarthost(values, global_, report)
    from_ = _sender(values, global_, report)
    tls = cast("Mapping[str, object] | None", values.get("tls_config") or global_.smtp_tls_config)
    context = sender.checked_tls(tls, "smtp", report, "tls_config")
    to = cast("Templated | None", values.get("to"))
    if to is None or not to.source:
        report("to", "smtp-address", "there is no to", "set to: oncall@example.org")
    if not to or not to.source or from_ is None or place is None or context is None:
        return None
    require_tls = _first(values.get("require_tls"), global_.smtp_require_tls)
    implicit = _first(values.get("force_implicit_tls"), global_.smtp_force_implicit_tls)
    server = Server(
        host=place[0],
        port=place[1],
        hello=str(values.get("hello") or global_.smtp_hello or "localhost"),
        implicit_tls=place[1] == 465 if implicit is None else bool(implicit),
        require_tls=bool(require_tls),
        context=context,
        auth=_auth(values, global_),
        egress=global_.egress,
    )
    settings = Settings(server, Letter.of(values, from_, global_.templates))
    _warn(values, settings, report)
    return settings


def _sender(values: Mapping[str, object], global_: Global, report: Report) -> Templated | None:
    given = cast("Templated | None", values.get("from"))
    if given is not None and given.source:
        return given
    if not global_.smtp_from:
        report("from", "smtp-address", "there is no from, no smtp_from above", "set from")
        return None
    try:
        return global_.templates.text(global_.smtp_from)
    except TemplateError as error:
        report(None, "template", f"smtp_from of global: {error}", "correct the template")
        return None


def _warn(values: Mapping[str, object], settings: Settings, report: Report) -> None:
    """Say what Alertmanager takes without a word, and what will come of it."""
    server, letter = settings.server, settings.letter
    encrypted = server.implicit_tls or server.require_tls or server.is_loopback
    if server.auth and not server.auth.secret and not encrypted:
        report(
            "require_tls",
            "smtp-plain-auth",
            "the password would travel unencrypted: no email is sent where it would",
            "remove require_tls: false, or auth_username",
            "warning",
        )
    for field, text in (("from", letter.sender.source), ("to", letter.to.source)):
        if problem := "" if "{{" in text else _address_problem(text):
            remedy = "write oncall@example.org, second@example.org"
            report(field, "smtp-address", problem, remedy, "warning")
    for name in cast("Mapping[str, object]", values.get("headers") or {}):
        if problem := header_problem(name):
            report("headers", "smtp-header", f"{problem}; it is left out", "remove it", "warning")


def _address_problem(text: str) -> str:
    try:
        addresses(text)
    except ValueError as error:
        return str(error)
    return ""


def _smarthost(
    values: Mapping[str, object], global_: Global, report: Report
) -> tuple[str, int] | None:
    text = str(values.get("smarthost") or global_.smtp_smarthost)
    host, colon, port = text.rpartition(":")
    try:
        number = int(port) if port.isdecimal() else socket.getservbyname(port if colon else "")
    except (OSError, ValueError):
        number = 0
    if 0 < number < 65_536:
        return host.strip("[]") or "localhost", number
    message = f"{text!r} is not host:port" if text else "there is no smarthost, no smtp_smarthost"
    report("smarthost", "smtp-smarthost", message, "write mail.example.org:587")
    return None


def _auth(values: Mapping[str, object], global_: Global) -> Auth | None:
    username = str(values.get("auth_username") or global_.smtp_auth_username)
    if not username:
        return None
    return Auth(
        username,
        cast("Secret | None", values.get("auth_password") or global_.smtp_auth_password),
        cast("Secret | None", values.get("auth_secret") or global_.smtp_auth_secret),
        str(values.get("auth_identity") or global_.smtp_auth_identity),
    )


def _first(local: object, above: object) -> object:
    return above if local is None else local
