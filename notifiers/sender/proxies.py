"""Which proxy a request goes through: proxy_url, no_proxy, proxy_from_environment.

What no_proxy means is what Go's httpproxy makes of it, as in Alertmanager.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpx

from notifiers.sender.credentials import text_of

SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Direct:
    """An entry of no_proxy: a network, or a name that may stand for those below it."""

    network: IPv4Network | IPv6Network | None
    suffix: str = ""  # ".example.org"
    itself: bool = False  # "example.org" too
    port: str = ""  # "": any

    def covers(self, host: str, port: str) -> bool:
        """Say whether requests to a host go without a proxy."""
        if self.port and self.port != port:
            return False
        if self.network is not None:
            return _inside(host, self.network)
        return host.endswith(self.suffix) or (self.itself and host == self.suffix[1:])


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one http_config."""

    http: str = ""  # for http:// URLs
    https: str = ""
    exceptions: tuple[Direct, ...] = ()
    everything_direct: bool = False  # no_proxy: "*"
    loopback_direct: bool = False

    def for_url(self, url: httpx.URL) -> str:
        """Return the URL of the proxy for a request, "" for none."""
        proxy = self.https if url.scheme == "https" else self.http
        if not proxy or self.everything_direct:
            return ""
        host = url.host.rstrip(".").lower()
        if self.loopback_direct and (host == "localhost" or _is_loopback(host)):
            return ""
        port = str(url.port or (443 if url.scheme == "https" else 80))
        return "" if any(each.covers(host, port) for each in self.exceptions) else proxy


def proxies_of(
    http: Mapping[str, object] | None, environment: Mapping[str, str] | None = None
) -> Proxies:
    """Return the proxies that an http_config asks for. Raises OSError for a secret's file."""
    http = http or {}
    if http.get("proxy_from_environment"):
        return _from_environment(os.environ if environment is None else environment)
    url = text_of(http.get("proxy_url"))
    no_proxy = str(http.get("no_proxy") or "")
    if not url or not no_proxy:
        # Without no_proxy even loopback goes through the proxy, as in Alertmanager.
        return Proxies(url, url)
    return _with_exceptions(url, url, no_proxy)


def proxy_problem(url: str) -> str | None:
    """Say why a proxy cannot be one, or None."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return None if usable else f"proxy_url is no URL of a proxy ({', '.join(SCHEMES)})"


def _from_environment(environment: Mapping[str, str]) -> Proxies:
    def read(name: str) -> str:
        return environment.get(name) or environment.get(name.lower()) or ""

    http, https = (_with_scheme(read(name)) for name in ("HTTP_PROXY", "HTTPS_PROXY"))
    return _with_exceptions(http, https, read("NO_PROXY"))


def _with_scheme(proxy: str) -> str:
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _with_exceptions(http: str, https: str, no_proxy: str) -> Proxies:
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    found = [_exception(entry) for entry in entries if entry]
    return Proxies(
        http,
        https,
        tuple(each for each in found if each is not None),
        everything_direct="*" in entries,
        loopback_direct=True,
    )


def _exception(entry: str) -> Direct | None:
    if "/" in entry:
        try:
            return Direct(ip_network(entry, strict=False))
        except ValueError:
            pass
    host, port = _split_port(entry)
    try:
        return Direct(ip_network(host), port=port)
    except ValueError:
        pass
    if not host:
        return None
    host = host[1:] if host.startswith("*.") else host
    below_only = host.startswith(".")
    suffix = host if below_only else f".{host}"
    return Direct(None, suffix, not below_only, port)


def _split_port(entry: str) -> tuple[str, str]:
    """Split "host:port" and "[address]:port"; an address without brackets has no port."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""


def _inside(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
