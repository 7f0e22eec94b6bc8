"""What email_configs may hold, with Alertmanager's defaults from `global`."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from ipaddress import ip_address
from typing import cast

from notifiers import sender
from notifiers.channels.email.mime import Envelope, addresses
from notifiers.fields import TLS_CONFIG, Field, Report, Secret
from notifiers.notification import Global

_LAID_OUT = "the message is laid out by Tocsin until Go templates are supported; remove it"

FIELDS: Mapping[str, Field] = {
    "to": Field(required=True),
    "from": Field(),
    "smarthost": Field(),
    "hello": Field(),
    "auth_username": Field(),
    "auth_password": Field("secret"),
    "auth_secret": Field("secret"),
    "require_tls": Field("bool"),
    "force_implicit_tls": Field("bool"),
    "tls_config": TLS_CONFIG,
    "headers": Field("string_map"),
    "timeout": Field("duration", default=0),
    "threading": Field(
        "map",
        fields={"enabled": Field("bool", default=True)},
        refused={"thread_by_date": "leave it out: a thread is one episode of a group"},
    ),
}

REFUSED: Mapping[str, str] = {
    "html": _LAID_OUT,
    "text": _LAID_OUT,
    "auth_identity": "leave it out: it is the user name on every server we know",
}

_OURS = ("message-id", "references", "in-reply-to", "from", "to", "date", "mime-version",
         "content-type", "content-transfer-encoding")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Auth:
    """How to log in: a password, or a shared secret for CRAM-MD5."""

    username: str
    password: Secret | None
    secret: Secret | None


@dataclass(frozen=True, slots=True)
class Settings:
    """One entry of email_configs, understood."""

    host: str
    port: int
    hello: str
    implicit_tls: bool
    require_tls: bool  # by STARTTLS, where it is not implicit
    context: ssl.SSLContext
    auth: Auth | None
    envelope: Envelope
    timeout_ms: int


def read(values: Mapping[str, object], global_: Global, report: Report) -> Settings | None:
    """Understand one entry, or report all that is wrong with it."""
    place = _smarthost(values, global_, report)
    envelope = _envelope(values, global_, report)
    tls = cast("Mapping[str, object] | None", values.get("tls_config") or global_.smtp_tls_config)
    context = sender.checked_tls(tls, "smtp", report, "tls_config")
    auth = _auth(values, global_)
    require_tls = _first(values.get("require_tls"), global_.smtp_require_tls)
    implicit = _first(values.get("force_implicit_tls"), global_.smtp_force_implicit_tls)
    if place is None or envelope is None or context is None:
        return None
    host, port = place
    implicit_tls = port == 465 if implicit is None else bool(implicit)
    if auth and not implicit_tls and not require_tls and not _is_loopback(host):
        report(
            "require_tls",
            "smtp-plain-auth",
            "the password would travel unencrypted",
            "remove require_tls: false, or auth_username",
        )
        return None
    return Settings(
        host=host,
        port=port,
        hello=str(values.get("hello") or global_.smtp_hello),
        implicit_tls=implicit_tls,
        require_tls=bool(require_tls),
        context=context,
        auth=auth,
        envelope=envelope,
        timeout_ms=cast("int", values.get("timeout")) or sender.TIMEOUT_MS,
    )


def _smarthost(
    values: Mapping[str, object], global_: Global, report: Report
) -> tuple[str, int] | None:
    text = str(values.get("smarthost") or global_.smtp_smarthost)
    if not text:
        report(
            "smarthost",
            "smtp-smarthost",
            "there is no smarthost here, no smtp_smarthost above",
            "set global.smtp_smarthost: mail.example.org:587",
        )
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        report(
            "smarthost",
            "smtp-smarthost",
            f"{text!r} is not host:port",
            "write mail.example.org:587",
        )
        return None
    return host.strip("[]"), int(port)


def _envelope(values: Mapping[str, object], global_: Global, report: Report) -> Envelope | None:
    sender_address = _addresses("from", str(values.get("from") or global_.smtp_from), report)
    recipients = _addresses("to", str(values.get("to") or ""), report)
    headers = cast("Mapping[str, str]", values.get("headers") or {})
    sound = _check_headers(headers, report)
    if sender_address is None or recipients is None or not sound:
        return None
    threading = cast("Mapping[str, object]", values.get("threading") or {})
    return Envelope(sender_address[0], recipients, headers, threading.get("enabled") is not False)


def _addresses(field: str, text: str, report: Report) -> tuple[Address, ...] | None:
    if "{{" in text:
        report(field, "template", f"templates in {field} are not supported yet", "write it out")
        return None
    if not text:
        above = " and no smtp_from above" if field == "from" else ""
        report(
            field,
            "smtp-address",
            f"there is no {field} here{above}",
            f"set {field}: alerts@example.org",
        )
        return None
    try:
        return addresses(text)
    except ValueError as error:
        report(field, "smtp-address", str(error), "write oncall@example.org, second@example.org")
        return None


def _check_headers(headers: Mapping[str, str], report: Report) -> bool:
    sound = True
    for name, value in headers.items():
        if name.lower() in _OURS:
            report(
                "headers",
                "smtp-header",
                f"the header {name} is Tocsin's to write",
                "remove it; from and to are fields of their own",
            )
        elif not name.isascii() or not name.replace("-", "").isalnum():
            report("headers", "smtp-header", f"{name!r} cannot be a header's name", "rename it")
        elif "{{" in value:
            report(
                "headers",
                "template",
                f"the template in {name} is not supported yet",
                "write it out or remove it",
            )
        else:
            continue
        sound = False
    return sound


def _auth(values: Mapping[str, object], global_: Global) -> Auth | None:
    username = str(values.get("auth_username") or global_.smtp_auth_username)
    password = values.get("auth_password") or global_.smtp_auth_password
    secret = values.get("auth_secret") or global_.smtp_auth_secret
    if not username:
        return None
    return Auth(username, cast("Secret | None", password), cast("Secret | None", secret))


def _first(local: object, above: object) -> object:
    return above if local is None else local


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
