"""What of an http_config only sending can find out: what its files hold, what is never done.

What excludes what is found where the file is read (notifiers.fields).
"""

from collections.abc import Mapping

from notifiers.fields import Report
from notifiers.sender.credentials import part
from notifiers.sender.tls import TlsContext, checked_tls

_CLIENT_CREDENTIALS = ("", "client_credentials")


def checked_http(http: Mapping[str, object] | None, report: Report) -> TlsContext | None:
    """Return the TLS context of an http_config, or report what is wrong with it."""
    http = http or {}
    if http.get("follow_redirects"):
        text = "redirects are never followed: they would carry credentials to another host"
        remedy = "remove follow_redirects and give the final URL"
        report("http_config", "http-redirects", text, remedy, "warning")
    context = checked_tls(part(http, "tls_config"), "http", report, "http_config")
    oauth2 = part(http, "oauth2")
    if oauth2 is None:
        return context
    if str(oauth2.get("grant_type") or "") not in _CLIENT_CREDENTIALS:
        text = "OAuth2 is supported by client credentials only"
        report("http_config", "unsupported", text, "give the provider a client_secret")
        return None
    provider = checked_tls(part(oauth2, "tls_config"), "http", report, "http_config")
    return None if provider is None else context
