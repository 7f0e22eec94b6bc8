"""Serve the app inside a loop that somebody else runs: no signals, a clear word on a taken port."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from engine.errors import TocsinError
from engine.limits import DEFAULT_LIMITS

_BACKLOG = 512
_STOP_TIMEOUT_S = 5


class ListenError(TocsinError):
    """The address cannot be listened on; the text is one sentence with the remedy."""


def bind(host: str, port: int) -> socket.socket:
    """Take an address before anything else starts. Raises ListenError."""
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )  # fmt: skip
    except OSError as error:
        raise ListenError(f"listen: {where}: {host!r} is no address of this machine.") from error
    family, _, _, _, address = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(_remedy(error, host, port)) from error
    sock.setblocking(False)
    return sock


def _remedy(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program: stop that, or choose another "
            f"with `listen: {host}:{port + 1 if port < 65_535 else 9093}`."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs root: choose one above 1023, for example `listen: {host}:9093`."
    return f"Cannot listen on {host}:{port} ({error.strerror}): change `listen`."


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process belongs to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class HttpServer:
    """An HTTP server as a plain asyncio service.

    `bind` is called at once, so a taken port is known before anything is started.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int,
        connections_max: int = DEFAULT_LIMITS.http_connections_max,
    ) -> None:  # fmt: skip
        self._socket = bind(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]  # the real one where 0 was asked
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                limit_concurrency=connections_max,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=_STOP_TIMEOUT_S,
                h11_max_incomplete_event_size=65_536,
                ws="none",
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address for people and for links."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Begin to answer; returns when requests are accepted. Raises TocsinError."""
        self._task = asyncio.create_task(self._server.serve([self._socket]), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise TocsinError("the HTTP server ended while it was starting")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Answer what is being answered (5 s at most) and close."""
        if self._task is None:
            self._socket.close()
            return
        self._server.should_exit = True
        await self._task
        self._task = None
