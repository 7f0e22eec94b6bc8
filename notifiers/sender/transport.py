"""How requests of one http_config travel: judged addresses, proxies, TLS, credentials.

An httpx transport over httpcore's pools. It connects by notifiers.egress, so what is connected to
is what was judged; it follows nothing and reads nothing from the environment, but the proxies
where proxy_from_environment asks for them.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import httpcore
import httpx

from notifiers import egress
from notifiers.egress import Egress
from notifiers.sender.credentials import authorization, basic_header, headers_of, part
from notifiers.sender.oauth2 import TOKEN_BYTES_MAX, TokenSource
from notifiers.sender.proxies import proxies_of, proxy_problem
from notifiers.sender.socks import SocksBackend
from notifiers.sender.tls import tls_context

CONNECTIONS_MAX = 8
"""Of one integration at a time: as many as its destination has attempts at once."""

KEEPALIVE_S = 60.0
USER_AGENT = "Tocsin"
POOLS_MAX = 8
"""Pools of one integration: direct, and by proxy where proxy_url is a file that changes."""


class EgressBackend(httpcore.AsyncNetworkBackend):
    """Connects where the rules allow it."""

    def __init__(self, rules: Egress, *, templated: bool) -> None:
        self._rules, self._templated = rules, templated
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a judged address of a host. Raises EgressError."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout if timeout is not None else None
        addresses = await self._judged(host, port, timeout)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            share_s = egress.CONNECT_SHARE_S if left else None
            if until_s is not None:
                share_s = min(share_s or timeout or 0.0, max(until_s - loop.time(), 0.001))
            try:
                return await self._below.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _judged(self, host: str, port: int, timeout: float | None) -> list[str]:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                addresses = await egress.resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        return self._rules.allowed(host, addresses, templated=self._templated)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Transport(httpx.AsyncBaseTransport):
    """The pools of one http_config and what it adds to each request."""

    def __init__(
        self,
        http: Mapping[str, object] | None,
        context: ssl.SSLContext,
        rules: Egress,
        *,
        templated: bool = False,
    ) -> None:
        self._http = http or {}
        self._context = context
        self._rules, self._templated = rules, templated
        self._pools: dict[tuple[str, bool], httpcore.AsyncConnectionPool] = {}
        self._tokens: TokenSource | None = None
        self._provider: Transport | None = None
        if oauth2 := part(self._http, "oauth2"):
            # Its own tls_config and proxies; the provider is the operator's choice.
            trust = tls_context(part(oauth2, "tls_config"), "http")
            self._provider = Transport({**oauth2, "oauth2": None}, trust, rules)
            self._tokens = TokenSource(oauth2, self._ask_provider)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises what httpx raises, EgressError, TokenError and OSError."""
        if given := self._http.get("http_headers"):
            more = [(name.encode(), value.encode()) for name, value in headers_of(given)]
            request.headers = httpx.Headers([*request.headers.raw, *more])
        if "Authorization" in request.headers:
            return await self._send(request)
        if self._tokens is None:
            if login := authorization(self._http):
                request.headers["Authorization"] = login
            return await self._send(request)
        token, fresh = await self._tokens.authorization()
        request.headers["Authorization"] = token
        response = await self._send(request)
        if response.status_code != 401 or fresh:
            return response
        # Revoked before its time: a new one is asked for once.
        await response.aclose()
        self._tokens.forget(token)
        request.headers["Authorization"], _ = await self._tokens.authorization()
        return await self._send(request)

    async def aclose(self) -> None:
        """Close all connections."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()
        if self._provider is not None:
            await self._provider.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        proxy = proxies_of(self._http).for_url(request.url)
        if proxy:
            await self._judge_behind(request.url)
        pool = self._pool(proxy, secure=request.url.scheme == "https")
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=cast("httpx.AsyncByteStream", request.stream),
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = await pool.handle_async_request(asked)
        stream = cast("httpcore.AsyncConnectionPool", answer.stream)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(stream),
            extensions=answer.extensions,
        )  # fmt: skip

    async def _judge_behind(self, url: httpx.URL) -> None:
        """Judge a host that a proxy will look up, by what it is called here if it is known here."""
        try:
            addresses = await egress.resolve(url.host, url.port or 443)
        except (OSError, UnicodeError):
            return  # many networks with a proxy resolve nothing else
        self._rules.allowed(url.host, addresses, templated=self._templated)

    def _pool(self, proxy: str, *, secure: bool) -> httpcore.AsyncConnectionPool:
        pool = self._pools.get((proxy, secure))
        if pool is None:
            if len(self._pools) >= POOLS_MAX:
                raise httpx.ProxyError("too many proxies")
            pool = self._pools[proxy, secure] = self._make(proxy, secure=secure)
        return pool

    def _make(self, proxy: str, *, secure: bool) -> httpcore.AsyncConnectionPool:
        # Through a proxy it is the operator's proxy that is connected to.
        backend = EgressBackend(self._rules, templated=self._templated and not proxy)
        if not proxy:
            return self._direct(backend)
        if problem := proxy_problem(proxy):
            raise httpx.UnsupportedProtocol(problem)
        url = httpx.URL(proxy)
        if url.scheme.startswith("socks"):
            return self._direct(SocksBackend(url, backend))
        headers: list[tuple[bytes, bytes]] = []
        if url.username:
            login = basic_header(url.username, url.password)
            headers.append((b"Proxy-Authorization", login.encode()))
        if secure:
            asked = headers_of(self._http.get("proxy_connect_header"))
            headers.extend((name.encode(), value.encode()) for name, value in asked)
        return httpcore.AsyncHTTPProxy(
            proxy_url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"
            ),
            proxy_headers=headers,
            ssl_context=self._context,
            proxy_ssl_context=self._context if url.scheme == "https" else None,
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=backend,
        )

    def _direct(self, backend: httpcore.AsyncNetworkBackend) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._context,
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=backend,
        )

    async def _ask_provider(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        assert self._provider is not None, "there is no oauth2 part"
        # As long as the request that needs the token may take: the caller bounds both.
        named = {"User-Agent": USER_AGENT, **headers}
        request = httpx.Request("POST", url, data=dict(form), headers=named)
        response = await self._provider.handle_async_request(request)
        try:
            answer = b""
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > TOKEN_BYTES_MAX:
                    break
            return response.status_code, answer[:TOKEN_BYTES_MAX]
        finally:
            await response.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body, with httpx's exceptions."""

    def __init__(self, stream: httpcore.AsyncConnectionPool) -> None:
        self._stream = cast("AsyncIterator[bytes]", stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for chunk in self._stream:
                yield chunk

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


_ERRORS: Mapping[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.TimeoutException: httpx.ReadTimeout,
    httpcore.NetworkError: httpx.ReadError,
    httpcore.ProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Turn httpcore's exceptions into httpx's, which callers know."""
    try:
        yield
    except tuple(_ERRORS) as error:
        for theirs, ours in _ERRORS.items():
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise
