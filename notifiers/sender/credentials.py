"""What an http_config adds to every request: Authorization and headers of its own."""

import base64
from collections.abc import Iterator, Mapping
from typing import cast

from notifiers.fields import Secret


def authorization(http: Mapping[str, object] | None) -> str | None:
    """Return the header Authorization that an http_config asks for, OAuth2 apart.

    Raises OSError for a file that cannot be read.
    """
    http = http or {}
    if basic := part(http, "basic_auth"):
        user, password = text_of(basic.get("username_file")), text_of(basic.get("password"))
        user = user or text_of(basic.get("username"))
        return basic_header(user, password)
    if token := http.get("bearer_token"):
        return f"Bearer {text_of(token)}"
    if auth := part(http, "authorization"):
        kind = str(auth.get("type") or "").strip() or "Bearer"
        return f"{kind} {text_of(auth.get('credentials'))}"
    return None


def basic_header(user: str, password: str) -> str:
    """Return a header Authorization or Proxy-Authorization of kind Basic."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def headers_of(given: object) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `http_headers` or `proxy_connect_header`. Raises OSError for a file.

    Each name has a list of values, or a map of the lists `values`, `secrets` and `files`.
    """
    for name, values in cast("Mapping[str, object]", given or {}).items():
        lists = values.values() if isinstance(values, Mapping) else [values]
        for several in lists:
            for value in several if isinstance(several, tuple | list) else [several]:
                yield name, text_of(value)


def part(http: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """Return a part of an http_config, None where it is missing."""
    return cast("Mapping[str, object] | None", http.get(name))


def text_of(value: object) -> str:
    """Return a text, or what a secret says now. Raises OSError for its file."""
    if isinstance(value, Secret):
        return value.read()
    return "" if value is None else str(value)
