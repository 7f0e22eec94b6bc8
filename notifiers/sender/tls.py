"""TLS as a tls_config asks for it.

A `TlsContext` is an `ssl.SSLContext` for every client there is (httpx, aiohttp, aiosmtplib). Its
files are read again when they change, so a rotated certificate needs no reload.
"""

import functools
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import certifi

from notifiers.fields import Report, Secret

Protocol = Literal["http", "smtp"]

_TLS13 = "TLS13"

Texts = tuple[str | None, str | None, str | None]
"""PEM of the CA, the certificate and its key."""


class TlsContext(ssl.SSLContext):
    """The context of one tls_config; what is connected is checked by what its files say then."""

    _tls: Mapping[str, object]
    _alpn: list[str]
    _built: ssl.SSLContext
    _texts: Texts

    @classmethod
    def of(cls, tls: Mapping[str, object]) -> "TlsContext":
        """Build it. Raises OSError or ssl.SSLError for what is in its files."""
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made._tls, made._alpn = tls, []
        made._texts = _read(tls)
        made._built = _build(tls, made._texts)
        made.check_hostname = made._built.check_hostname
        made.verify_mode = made._built.verify_mode
        return made

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        """Say which protocols are offered."""
        self._alpn = list(alpn_protocols)

    def wrap_bio(  # type: ignore[override]
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin TLS, as what the files say now, under the configured name if there is one."""
        name = cast("str | None", self._tls.get("server_name")) or server_hostname
        return self._current().wrap_bio(incoming, outgoing, server_side, name, session)

    def _current(self) -> ssl.SSLContext:
        texts = _read(self._tls)
        if texts != self._texts:
            self._built, self._texts = _build(self._tls, texts), texts
        if self._alpn:
            self._built.set_alpn_protocols(self._alpn)
        return self._built


def tls_context(tls: Mapping[str, object] | None, protocol: Protocol) -> TlsContext:
    """Return the context of a tls_config. Raises OSError or ssl.SSLError for its files."""
    given = {name: value for name, value in (tls or {}).items() if value}
    return TlsContext.of(given) if given else _shared_context(protocol)


@functools.cache
def _shared_context(_protocol: Protocol) -> TlsContext:
    """Return one context for all that ask for nothing special: loading the roots takes 0.1 s.

    One a protocol, because a client writes its ALPN into the context it is given.
    """
    return TlsContext.of({})


def checked_tls(
    tls: Mapping[str, object] | None, protocol: Protocol, report: Report, field: str
) -> TlsContext | None:
    """Return the context of a tls_config, or report what is wrong with it."""
    try:
        return tls_context(tls, protocol)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        report(field, "tls-file", f"{field} cannot be used: {error}", "check what it names")
        return None


def _build(tls: Mapping[str, object], texts: Texts) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca, cert, key = texts
    if ca is None:
        context.load_default_certs()
        # A slim container has no system store; a company's own CA is only in the system store.
        context.load_verify_locations(certifi.where())
    else:
        context.load_verify_locations(cadata=ca)
    # Older versions are understood in the file and never spoken: today's OpenSSL refuses them.
    context.minimum_version = _version(tls.get("min_version"), ssl.TLSVersion.TLSv1_2)
    context.maximum_version = _version(tls.get("max_version"), ssl.TLSVersion.TLSv1_3)
    if context.maximum_version < context.minimum_version:
        raise ValueError("max_version is below min_version")
    if cert is not None and key is not None:
        _load_pair(context, cert, key)
    if tls.get("insecure_skip_verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _version(name: object, default: ssl.TLSVersion) -> ssl.TLSVersion:
    if not name:
        return default
    return ssl.TLSVersion.TLSv1_3 if name == _TLS13 else ssl.TLSVersion.TLSv1_2


def _load_pair(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Load a certificate with its key; the library takes them from a file only."""
    handle, name = tempfile.mkstemp(suffix=".pem")  # readable by us alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{cert}\n{key}\n")
        context.load_cert_chain(name, password=_no_password)
    finally:
        Path(name).unlink(missing_ok=True)


def _no_password() -> str:
    """Answer instead of asking a terminal: an encrypted key is an error."""
    return ""


def _read(tls: Mapping[str, object]) -> Texts:
    """Return the texts, in place or by file. Raises OSError or UnicodeError."""
    return _text(tls, "ca"), _text(tls, "cert"), _text(tls, "key")


def _text(tls: Mapping[str, object], name: str) -> str | None:
    inline, file = tls.get(name), tls.get(f"{name}_file")
    if inline:
        return inline.read() if isinstance(inline, Secret) else str(inline)
    return Path(str(file)).read_text(encoding="utf-8") if file else None
