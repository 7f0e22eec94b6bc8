"""The HTTP server, the watch over the files and the guests of a worker, as one service."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import mode
from starlette.routing import BaseRoute

from engine import api
from engine.worker.watching import Watching, look
from engine.worker.worker import Worker
from notifiers import close_channels

log = logging.getLogger("tocsin.worker")


class Http(mode.Service):  # type: ignore[misc]  # mode carries no usable types
    """The HTTP server and the guests of the worker; up before recovery, down last."""

    def __init__(
        self,
        worker: Worker,
        routes: Sequence[BaseRoute],
        on_started: Callable[[Worker], None] | None,
        background: Sequence[Callable[[Worker], Awaitable[None]]],
    ) -> None:
        super().__init__()
        listen = worker.config.listen
        app = api.build(worker.deps, extra_routes=routes)
        connections_max = worker.config.limits.http_connections_max
        self.server = api.HttpServer(app, listen.host, listen.port, connections_max)
        self._worker, self._on_started, self._guests = worker, on_started, background

    async def on_start(self) -> None:
        """Answer, then let the guests in."""
        await self.server.start()
        log.info("listening on %s", self.server.url)
        if self._on_started is not None:
            self._on_started(self._worker)
        worker = self._worker
        watching = Watching(
            lambda: look(worker.config), lambda: worker.seen, worker.reload, hung_up=worker.stop
        )
        self.add_future(watching.run())
        self.add_future(worker.ruling.say_loaded())
        for guest in self._guests:
            self.add_future(self._guest(guest))

    async def _guest(self, guest: Callable[[Worker], Awaitable[None]]) -> None:
        try:
            await guest(self._worker)
        except Exception:
            log.exception("a guest of the worker failed")
            self._worker.stop(1)

    async def on_stop(self) -> None:
        """Stop answering."""
        await self.server.stop()
        await close_channels(self._worker.notifications)
