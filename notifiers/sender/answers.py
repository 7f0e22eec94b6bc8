"""What an answer or a failure of the network means for a notification, and how long it took."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime

import httpx

from notifiers.egress import EgressError
from notifiers.notification import Drop, FailureReason, Retry
from notifiers.sender.oauth2 import TokenError

ANSWER_CHARACTERS_MAX = 300
"""How much of a far side's answer goes to the log."""

ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError)
"""What sending may raise, the reading of a secret's file included: for `classify_error`."""

_UNREADABLE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
_UNSENDABLE = (
    httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError,
)  # fmt: skip


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


def classify_error(error: Exception) -> Retry | Drop:
    """Say what an exception of ERRORS means; of its text, which may hold a URL, nothing."""
    causes = tuple(_causes(error))
    for each in causes:
        if isinstance(each, EgressError):
            return Drop("clientError", f"not sent: {each}")
        if isinstance(each, TokenError):
            if each.passing:
                return Retry("authError", each.after_ms, str(each))
            return Drop("authError", str(each))
    if isinstance(error, _UNREADABLE):
        # It may be in the middle of a rotation.
        return Retry("authError", None, f"the file of a secret cannot be read: {error.strerror}")
    if isinstance(error, _UNSENDABLE):
        return Drop("clientError", f"{type(error).__name__}: the URL or a header cannot be sent")
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return Retry("other", None, f"TLS: {excerpt(each.verify_message)}")
    reason: FailureReason = "other"
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        reason = "contextDeadlineExceeded"
    if isinstance(error, httpx.ProxyError):
        return Retry(reason, None, f"the proxy refused: {excerpt(str(error))}")
    return Retry(reason, None, f"{type(error).__name__}: {_why(causes)}")


def _why(causes: Sequence[BaseException]) -> str:
    """Say what the system said, in words of its own: those of libraries may quote a URL."""
    for each in causes:
        if isinstance(each, socket.gaierror):
            return "the name does not resolve"
        if isinstance(each, OSError) and isinstance(each.errno, int) and each.errno > 0:
            return os.strerror(each.errno)
    return "no answer"


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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from, nearest first."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
