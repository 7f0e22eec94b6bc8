"""Alertmanager's `http_config` and `tls_config`: every key, and what excludes what.

Source: prometheus/common, package config, as Alertmanager 0.34 has it.
"""

from collections.abc import Iterator, Mapping

from notifiers.fields.field import Field
from notifiers.fields.rules import NOTHING_GIVEN, Given, Mistake, at_most_one

_NO_MANAGER = "there is no secret manager here: use a file"
_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_RESERVED_HEADERS = frozenset({
    "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent",
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate",
    "accept-encoding", "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token",
    "x-amz-content-sha256",
})  # fmt: skip


def _certificate(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    cert = [name for name in ("cert", "cert_file", "cert_ref") if given.has(name)]
    key = [name for name in ("key", "key_file", "key_ref") if given.has(name)]
    if bool(cert) != bool(key):
        there, missing = (cert[0], "key_file") if cert else (key[0], "cert_file")
        yield Mistake(there, "tls-pair", f"{there} is of no use alone", f"set {missing} as well")


TLS_CONFIG = Field(
    "map",
    fields={
        "ca": Field(),
        "cert": Field(),
        "key": Field("secret", has_file=False),
        "ca_file": Field("path"),
        "cert_file": Field("path"),
        "key_file": Field("path"),
        "server_name": Field(),
        "insecure_skip_verify": Field("bool", default=False),
        "min_version": Field(choices=_VERSIONS),
        "max_version": Field(choices=_VERSIONS),
    },
    refused={"ca_ref": _NO_MANAGER, "cert_ref": _NO_MANAGER, "key_ref": _NO_MANAGER},
    rules=(
        at_most_one("ca", "ca_file", "ca_ref"),
        at_most_one("cert", "cert_file", "cert_ref"),
        at_most_one("key", "key_file", "key_ref"),
        _certificate,
    ),
)
"""Versions of TLS before 1.2 are understood; a connection is 1.2 or newer all the same."""


def _proxies(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    environment = given.true("proxy_from_environment")
    url = given.has("proxy_url")
    if given.names("proxy_connect_header") and not environment and not url:
        yield Mistake("proxy_connect_header", "proxy", "proxy_connect_header without a proxy",
                      "set proxy_url or proxy_from_environment")  # fmt: skip
    if environment and url:
        yield Mistake("proxy_url", "proxy", "proxy_from_environment and proxy_url",
                      "keep one of them")  # fmt: skip
    if environment and given.has("no_proxy"):
        yield Mistake("no_proxy", "proxy", "no_proxy, and the environment has a no_proxy itself",
                      "remove one of no_proxy and proxy_from_environment")  # fmt: skip
    if given.has("no_proxy") and not given.stands("proxy_url"):
        yield Mistake("no_proxy", "proxy", "no_proxy without a proxy", "set proxy_url")


_PROXY_FIELDS: Mapping[str, Field] = {
    "proxy_url": Field("proxy_url"),
    "no_proxy": Field(default=""),
    "proxy_from_environment": Field("bool", default=False),
    "proxy_connect_header": Field("secrets_map"),
}


def _oauth2(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if given.text("grant_type") != _JWT_BEARER:
        yield from at_most_one("client_secret", "client_secret_file", "client_secret_ref")(
            given, NOTHING_GIVEN
        )
        return
    yield from at_most_one(
        "client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref"
    )(given, NOTHING_GIVEN)
    if given.text("signature_algorithm") not in ("", "RS256", "RS384", "RS512"):
        yield Mistake("signature_algorithm", "value-choice", "no such signature algorithm",
                      "use RS256, RS384 or RS512")  # fmt: skip


OAUTH2 = Field(
    "map",
    fields={
        "client_id": Field(required=True),
        # Which of the two is used, or neither, depends on the grant: the rule knows.
        "client_secret": Field("secret", file_wins=True),
        "client_certificate_key_id": Field(default=""),
        "client_certificate_key": Field("secret", file_wins=True),
        "grant_type": Field(default=""),
        "signature_algorithm": Field(default=""),
        "iss": Field(default=""),
        "audience": Field(default=""),
        "claims": Field("any_map"),
        "scopes": Field("strings", default=()),
        "token_url": Field(required=True),
        "endpoint_params": Field("string_map"),
        "tls_config": TLS_CONFIG,
        **_PROXY_FIELDS,
    },
    refused={"client_secret_ref": _NO_MANAGER, "client_certificate_key_ref": _NO_MANAGER},
    rules=(_oauth2, _proxies),
)


def _authentication(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    ways = [name for name in ("basic_auth", "authorization", "oauth2") if given.stands(name)]
    ways += [name for name in ("bearer_token", "bearer_token_file") if given.has(name)]
    if len(ways) > 1:
        yield Mistake(ways[1], "http-auth", f"http_config has {' and '.join(ways)}",
                      "keep one of them")  # fmt: skip
    if given.part("authorization").text("type").strip().lower() == "basic":
        yield Mistake("authorization", "http-auth", 'authorization of type "basic"',
                      "use basic_auth with username and password")  # fmt: skip


def _headers(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    for name in given.names("http_headers"):
        if name.lower() in _RESERVED_HEADERS:
            yield Mistake("http_headers", "http-header", f"the header {name} is not to be set here",
                          "credentials have fields of their own; remove it")  # fmt: skip


HTTP_CONFIG = Field(
    "map",
    fields={
        "authorization": Field(
            "map",
            fields={"type": Field(default="Bearer"), "credentials": Field("secret")},
            refused={"credentials_ref": _NO_MANAGER},
            rules=(at_most_one("credentials", "credentials_file", "credentials_ref"),),
        ),
        "basic_auth": Field(
            "map",
            fields={
                "username": Field(default=""),
                "username_file": Field("file"),
                "password": Field("secret"),
            },
            refused={"username_ref": _NO_MANAGER, "password_ref": _NO_MANAGER},
            rules=(
                at_most_one("username", "username_file", "username_ref"),
                at_most_one("password", "password_file", "password_ref"),
            ),
        ),
        "oauth2": OAUTH2,
        "bearer_token": Field("secret"),
        "tls_config": TLS_CONFIG,
        "follow_redirects": Field("bool", default=False),
        "enable_http2": Field("bool", default=True),
        **_PROXY_FIELDS,
        "http_headers": Field(
            "map_of_maps",
            fields={
                "values": Field("strings", default=()),
                "secrets": Field("secrets", default=()),
                "files": Field("files", default=()),
            },
        ),
    },
    rules=(_authentication, _proxies, _headers),
)
"""Redirects are never followed; `follow_redirects: true`, Alertmanager's default, is a warning."""
