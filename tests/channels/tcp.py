"""Far sides in a few lines: TLS servers, proxies by CONNECT and by SOCKS, an OAuth2 provider."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trustme

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections on a port of loopback and give its number."""

    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError)
        with suppress(*ended):
            await handler(reader, writer)
        writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)


@dataclass
class Seen:
    """What a stand-in was asked."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    certificates: list[dict[str, object]] = field(default_factory=list)
    servernames: list[str | None] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return self.requests[-1][1]


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Read one HTTP/1.1 request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers: dict[str, str] = {}
    for line in head[1:]:
        name, found, value = line.partition(": ")
        if found:
            old = headers.get(name.lower())
            headers[name.lower()] = value if old is None else f"{old}, {value}"
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return head[0], headers, body


def answering(seen: Seen, *answers: bytes) -> Handler:
    """Return a handler that notes requests and answers in turn, the last one for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.requests.append(await read_request(reader))
            peer = writer.get_extra_info("peercert")
            if peer:
                seen.certificates.append(peer)
            writer.write(answers[min(len(seen.requests), len(answers)) - 1])
            await writer.drain()

    return handler


def http(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    """Return an answer as it is on the wire."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def server_context(ca: trustme.CA, *names: str, seen: Seen | None = None) -> ssl.SSLContext:
    """Return the TLS context of a server with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    if seen is not None:
        context.sni_callback = lambda _, name, __: seen.servernames.append(name)
    return context


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes = b""
) -> None:
    """Carry bytes between a connection and a port until one of the two ends."""
    there, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(first)
    ways = [asyncio.ensure_future(_pipe(*way)) for way in ((reader, back), (there, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        back.transport.abort()


def proxying(seen: Seen, to_port: int) -> Handler:
    """Return a proxy that carries everything to one port, by CONNECT or by absolute URL."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, headers, body = await read_request(reader)
        seen.requests.append((line, headers, body))
        first = b""
        if line.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 ok\r\n\r\n")
        else:
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            first = head.encode() + body
        await relay(reader, writer, to_port, first)

    return handler


def socks(asked: list[tuple[str, int, str]], to_port: int) -> Handler:
    """Return a SOCKS 5 proxy that carries everything to one port."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        login = ""
        writer.write(bytes((5, 2 if 2 in methods else 0)))
        if 2 in methods:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            login = f"{user.decode()}:{password.decode()}"
            writer.write(bytes((1, 0)))
        _, _, _, kind = await reader.readexactly(4)
        length = 4 if kind == 1 else (await reader.readexactly(1))[0]
        host = await reader.readexactly(length)
        port = int.from_bytes(await reader.readexactly(2), "big")
        asked.append((host.decode() if kind == 3 else ".".join(map(str, host)), port, login))
        writer.write(bytes((5, 0, 0, 1, 127, 0, 0, 1, 0, 80)))
        await relay(reader, writer, to_port)

    return handler
