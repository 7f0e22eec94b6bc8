"""Serve a worker's app on a real port, from a thread with a loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.api import HttpServer, build
from tests.api.fake_deps import FakeDeps


@contextmanager
def served(deps: FakeDeps) -> Iterator[str]:
    """Yield the URL of a server that answers for these deps."""
    server = HttpServer(build(deps), "127.0.0.1", 0)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="served")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
