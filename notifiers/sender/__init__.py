"""What every channel needs for sending: TLS, an HTTP client, timeouts, what an answer means.

    tls = sender.checked_http(http, report)                       # at load; None: it was refused
    client = sender.http_client(http, tls, timeout_ms, global_.egress)
    try:
        status, headers, text = await sender.post(client, url, headers, body)
    except sender.ERRORS as error:
        return sender.classify_error(error)
    refusal = sender.classify_status(status, headers, text, watch.now_ms())

Redirects are never followed: an alert with its credentials goes where the file says, or nowhere.
Addresses are judged when they are connected to (notifiers.egress). Proxies and credentials come
from the file only, the environment is asked where the file says so.
"""

from notifiers.sender.answers import (
    ANSWER_CHARACTERS_MAX,
    ERRORS,
    Stopwatch,
    classify_error,
    classify_status,
    excerpt,
    retry_after_ms,
)
from notifiers.sender.checks import checked_http
from notifiers.sender.client import (
    ANSWER_BYTES_MAX,
    TIMEOUT_MS,
    Answer,
    host_is_templated,
    http_client,
    post,
)
from notifiers.sender.tls import TlsContext, checked_tls, tls_context

__all__ = [
    "ANSWER_BYTES_MAX",
    "ANSWER_CHARACTERS_MAX",
    "ERRORS",
    "TIMEOUT_MS",
    "Answer",
    "Stopwatch",
    "TlsContext",
    "checked_http",
    "checked_tls",
    "classify_error",
    "classify_status",
    "excerpt",
    "host_is_templated",
    "http_client",
    "post",
    "retry_after_ms",
    "tls_context",
]
