"""What every channel needs for sending: TLS, an HTTP client, timeouts, what an answer means.

Redirects are never followed: an alert with its credentials goes where the file says, or nowhere.
Proxies and credentials come from the file only, never from the environment.
"""

import asyncio
import base64
import functools
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal, cast

import certifi
import httpx

from notifiers.fields import Report, Secret
from notifiers.notification import Drop, FailureReason, Retry

TIMEOUT_MS = 10_000
"""For one attempt, where the file says none: Alertmanager's default is to wait for ever."""

ANSWER_CHARACTERS_MAX = 300
"""How much of a far side's answer goes to the log."""

_UNREADABLE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)

Protocol = Literal["http", "smtp"]

_TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


def tls_context(tls: Mapping[str, object] | None, protocol: Protocol) -> ssl.SSLContext:
    """Return the context of a tls_config. Raises OSError or ssl.SSLError for its files."""
    given = {name: value for name, value in (tls or {}).items() if value}
    if not given:
        return _shared_context(protocol)
    ca_file = cast("str | None", given.get("ca_file"))
    context = ssl.create_default_context(cafile=ca_file) if ca_file else _trusting_context()
    context.minimum_version = _TLS_VERSIONS[str(given.get("min_version", "TLS12"))]
    if cert_file := given.get("cert_file"):
        context.load_cert_chain(str(cert_file), cast("str | None", given.get("key_file")))
    if given.get("insecure_skip_verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@functools.cache
def _shared_context(_protocol: Protocol) -> ssl.SSLContext:
    """Return one context for all that ask for nothing special: loading the roots takes 0.1 s.

    One a protocol, because an HTTP client writes its ALPN into the context it is given.
    """
    return _trusting_context()


def _trusting_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # A slim container has no system store; a company's own CA is only in the system store.
    context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def checked_tls(
    tls: Mapping[str, object] | None, protocol: Protocol, report: Report, field: str
) -> ssl.SSLContext | None:
    """Return the context of a tls_config, or report what is wrong with it."""
    if (tls or {}).get("server_name"):
        text = "another name for the server's certificate is not supported yet"
        report(field, "tls-server-name", text, "use the certificate's name as the host")
        return None
    try:
        return tls_context(tls, protocol)
    except (OSError, ssl.SSLError) as error:
        report(field, "tls-file", f"a file of {field} cannot be used: {error}", "check its path")
        return None


def checked_http(http: Mapping[str, object] | None, report: Report) -> ssl.SSLContext | None:
    """Check an http_config and return its TLS context, or report what is wrong."""
    http = http or {}
    before = _contradictions(http)
    for code, message, remedy in before:
        report("http_config", code, message, remedy)
    context = checked_tls(_part(http, "tls_config"), "http", report, "http_config")
    return None if before else context


def _contradictions(http: Mapping[str, object]) -> list[tuple[str, str, str]]:
    found = []
    given = [name for name in ("authorization", "basic_auth", "bearer_token") if http.get(name)]
    if len(given) > 1:
        text = f"http_config has {' and '.join(given)}"
        found.append(("http-auth", text, "keep one of them"))
    if http.get("follow_redirects"):
        text = "redirects are never followed: they would carry credentials to another host"
        found.append(("http-redirects", text, "remove follow_redirects and give the final URL"))
    return found


def authorization(http: Mapping[str, object] | None) -> str | None:
    """Return the header Authorization that an http_config asks for. Raises OSError for a file."""
    http = http or {}
    if basic := _part(http, "basic_auth"):
        user, password = str(basic.get("username") or ""), _read(basic.get("password"))
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return f"Basic {pair}"
    if token := http.get("bearer_token"):
        return f"Bearer {_read(token)}"
    if auth := _part(http, "authorization"):
        return f"{auth.get('type') or 'Bearer'} {_read(auth.get('credentials'))}"
    return None


def proxy_url(http: Mapping[str, object] | None) -> str | None:
    """Return the proxy that an http_config names."""
    proxy = (http or {}).get("proxy_url")
    return _read(proxy) if proxy else None


def http_client(
    http: Mapping[str, object] | None, context: ssl.SSLContext, timeout_ms: int = TIMEOUT_MS
) -> httpx.AsyncClient:
    """Return a client for one integration: no redirects, nothing from the environment."""
    return httpx.AsyncClient(
        verify=context,
        proxy=proxy_url(http),
        timeout=httpx.Timeout(timeout_ms / 1_000),
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=4, keepalive_expiry=60.0),
    )


class Stopwatch:
    """Tells the time of an attempt from its start, without reading a wall clock."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._started_s = asyncio.get_running_loop().time()

    def now_ms(self) -> int:
        """Return the time now."""
        passed_s = asyncio.get_running_loop().time() - self._started_s
        return self._now_ms + round(passed_s * 1_000)


def classify_status(
    status: int, headers: Mapping[str, str], answer: str, now_ms: int
) -> Retry | Drop | None:
    """Say what an HTTP status means; None for 2xx."""
    if 200 <= status < 300:
        return None
    text = f"HTTP {status}: {excerpt(answer)}".rstrip(": ")
    if status == 429:
        return Retry("rateLimited", retry_after_ms(headers, now_ms), text)
    if status >= 500 or status == 408:
        return Retry("serverError", retry_after_ms(headers, now_ms), text)
    if status in (401, 403, 407):
        return Drop("authError", f"{text}; check the credentials of this receiver")
    if 300 <= status < 400:
        return Drop("clientError", f"HTTP {status}: redirects are not followed; give the final URL")
    return Drop("clientError", text)


def classify_error(error: Exception) -> Retry:
    """Say what an exception of the network means; of its text, which may hold a URL, nothing."""
    if isinstance(error, _UNREADABLE):
        # It may be in the middle of a rotation.
        return Retry("authError", None, f"the file of a secret cannot be read: {error.strerror}")
    reason: FailureReason = "other"
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        reason = "contextDeadlineExceeded"
    return Retry(reason, None, f"{type(error).__name__}: no answer")


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """Read Retry-After: seconds (fractions are seen in the wild) or an HTTP date."""
    raw = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    if raw is None:
        return None
    try:
        seconds = float(raw)
    except ValueError:
        return _until_date_ms(raw, now_ms)
    return max(0, round(seconds * 1_000)) if 0 <= seconds < 1e9 else None


def excerpt(answer: str) -> str:
    """Return the start of a far side's answer as one printable line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in answer).split())
    return line if len(line) <= ANSWER_CHARACTERS_MAX else f"{line[:ANSWER_CHARACTERS_MAX]}…"


def _until_date_ms(raw: str, now_ms: int) -> int | None:
    try:
        date = parsedate_to_datetime(raw)
    except ValueError:
        return None
    return max(0, round(date.timestamp() * 1_000) - now_ms)


def _part(http: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    return cast("Mapping[str, object] | None", http.get(name))


def _read(secret: object) -> str:
    if secret is None:
        return ""
    assert isinstance(secret, Secret), f"not read by fields: {type(secret).__name__}"
    return secret.read()
