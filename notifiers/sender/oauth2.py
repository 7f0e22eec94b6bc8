"""OAuth 2 by client credentials: a token for requests, fetched once and kept while it is good."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import quote_plus

import httpx
import msgspec

from notifiers.sender.credentials import basic_header, text_of

EXPIRY_SKEW_S = 10.0
"""A token is renewed that long before it ends: it has to arrive while it is good."""

TOKEN_BYTES_MAX = 65_536

_STYLES = ("header", "body")
"""Where a provider wants the client's secret. Which one is found by trying, as Go's client does:
RFC 6749 says the header, and not all follow it."""


class TokenError(OSError):
    """The provider gave no token. `passing`: it may later, not before `after_ms`."""

    def __init__(self, text: str, *, passing: bool, after_ms: int | None = None) -> None:
        super().__init__(text)
        self.passing = passing
        self.after_ms = after_ms


class Ask(Protocol):
    """Posts a form and returns status and answer; what the transport gives."""

    async def __call__(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Raise what httpx raises."""
        ...


class TokenSource:
    """The token of one oauth2 part."""

    def __init__(self, oauth2: Mapping[str, object], ask: Ask) -> None:
        self._oauth2 = oauth2
        self._ask = ask
        self._lock = asyncio.Lock()  # of many requests at once, one asks
        self._token = ""
        self._good_until_s = 0.0
        self._secret = ""
        self._style = ""

    async def authorization(self) -> tuple[str, bool]:
        """Return the header and whether it was fetched just now.

        Raises TokenError; OSError for the secret's file; what httpx raises for the network.
        """
        async with self._lock:
            secret = text_of(self._oauth2.get("client_secret"))
            now_s = asyncio.get_running_loop().time()
            if self._token and secret == self._secret and now_s < self._good_until_s:
                return self._token, False
            self._secret = secret
            await self._fetch(secret, now_s)
            return self._token, True

    def forget(self, authorization: str) -> None:
        """Fetch a new token next time, if this is still the one that is kept."""
        if self._token == authorization:
            self._token = ""

    async def _fetch(self, secret: str, now_s: float) -> None:
        styles = (self._style,) if self._style else _STYLES
        status, answer = 0, b""
        for style in styles:
            status, answer = await self._request(style, secret)
            if status == 200:
                self._keep(answer, now_s)
                self._style = style
                return
            if not 400 <= status < 500 or status == 429:
                break
        self._style = ""
        text = f"the OAuth2 provider answered {status}{_error(answer)}"
        raise TokenError(text, passing=status >= 500 or status == 429)

    async def _request(self, style: str, secret: str) -> tuple[int, bytes]:
        oauth2, client = self._oauth2, str(self._oauth2.get("client_id") or "")
        form = {"grant_type": "client_credentials"}
        if scopes := cast("tuple[str, ...]", oauth2.get("scopes") or ()):
            form["scope"] = " ".join(scopes)
        form.update(cast("Mapping[str, str]", oauth2.get("endpoint_params") or {}))
        headers = {"Accept": "application/json"}
        if style == "header":
            headers["Authorization"] = basic_header(quote_plus(client), quote_plus(secret))
        else:
            form["client_id"] = client
            if secret:
                form["client_secret"] = secret
        return await self._ask(str(oauth2.get("token_url") or ""), form, headers)

    def _keep(self, answer: bytes, now_s: float) -> None:
        found = _decoded(answer)
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise TokenError("the OAuth2 provider's answer has no access_token", passing=False)
        kind = str(found.get("token_type") or "Bearer")
        self._token = f"{'Bearer' if kind.lower() == 'bearer' else kind} {token}"
        try:
            left_s = float(found.get("expires_in") or "inf")
        except (TypeError, ValueError):
            left_s = float("inf")
        self._good_until_s = now_s + left_s - EXPIRY_SKEW_S


def _decoded(answer: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = dict(httpx.QueryParams(answer.decode("utf-8", "replace")))  # old providers
    return found if isinstance(found, dict) else {}


def _error(answer: bytes) -> str:
    """Return the provider's name for what is wrong; of its text nothing, it may echo secrets."""
    found = _decoded(answer).get("error")
    return f" ({found})" if isinstance(found, str) and found.replace("_", "").isalnum() else ""
