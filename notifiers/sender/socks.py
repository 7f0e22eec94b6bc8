"""SOCKS 5 as a way to connect: RFC 1928, with a user and password (RFC 1929) where there is one.

The proxy looks the name up, for socks5 as for socks5h, as Go's client has it.
"""

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore
import httpx

_REPLIES = {
    1: "general failure", 2: "not allowed", 3: "network unreachable", 4: "host unreachable",
    5: "connection refused", 6: "time to live expired", 7: "command not supported",
    8: "address type not supported",
}  # fmt: skip


class SocksBackend(httpcore.AsyncNetworkBackend):
    """Connects through a SOCKS proxy that another backend connects to."""

    def __init__(self, proxy: httpx.URL, below: httpcore.AsyncNetworkBackend) -> None:
        self._proxy, self._below = proxy, below

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host. Raises httpcore.ProxyError for a refusal."""
        stream = await self._below.connect_tcp(
            self._proxy.host, self._proxy.port or 1080, timeout, local_address, socket_options
        )
        try:
            async with asyncio.timeout(timeout):
                await _open(stream, host, port, self._proxy, timeout)
        except TimeoutError as error:
            await stream.aclose()
            raise httpcore.ConnectTimeout(str(error)) from error
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _open(
    stream: httpcore.AsyncNetworkStream,
    host: str,
    port: int,
    proxy: httpx.URL,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    async def exchange(message: bytes, count: int) -> bytes:
        if message:
            await stream.write(message, timeout)
        answer = b""
        while len(answer) < count:
            more = await stream.read(count - len(answer), timeout)
            if not more:
                raise httpcore.ProxyError("the SOCKS proxy closed the connection")
            answer += more
        return answer

    method = 2 if proxy.username else 0
    if await exchange(bytes((5, 1, method)), 2) != bytes((5, method)):
        raise httpcore.ProxyError("the SOCKS proxy wants another kind of login")
    if method:
        user, password = proxy.username.encode()[:255], proxy.password.encode()[:255]
        login = bytes((1, len(user))) + user + bytes((len(password),)) + password
        if (await exchange(login, 2))[1] != 0:
            raise httpcore.ProxyError("the SOCKS proxy refused user and password")
    request = bytes((5, 1, 0)) + _address(host) + port.to_bytes(2, "big")
    head = await exchange(request, 4)
    if head[1] != 0:
        raise httpcore.ProxyError(f"SOCKS: {_REPLIES.get(head[1], 'refused')}")
    length = {1: 4, 4: 16}.get(head[3])
    await exchange(b"", (length if length is not None else (await exchange(b"", 1))[0]) + 2)


def _address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")[:255]
        return bytes((3, len(name))) + name
    return bytes((1 if address.version == 4 else 4,)) + address.packed
