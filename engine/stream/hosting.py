"""Run services in one process: the ground they stand on, their pulse, the worker around them."""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import mode

GC_OBJECTS = 50_000  # new ones before a collection looks at them: a few fetches of records
GIL_TURN_S = 0.0005  # how long one thread may keep another waiting; the default is 5 ms a hop
# glibc's own names: what is larger than this goes back to the system when it is freed; with the
# defaults a worker behind a backlog keeps up to 100 MB of holes that its messages left.
MALLOC_SETTINGS = {"M_MMAP_THRESHOLD": (-3, 256 << 10), "M_TRIM_THRESHOLD": (-1, 1 << 20),
                   "M_ARENA_MAX": (-8, 2)}  # fmt: skip
STOP_DEADLINE_S = 45.0  # from the signal to the end, whatever hangs

log = logging.getLogger(__name__)

Coroutine = Callable[[], Awaitable[Any]]


def end_process(reason: str) -> None:
    """Say why and end at once: state may be ahead of the log, and only a restart is clean."""
    log.critical("this process ends: %s", reason)
    logging.shutdown()
    os._exit(1)


class Ground(mode.Service):
    """The log under everything: first to be there, last to go."""

    def __init__(self, begin: Coroutine, end: Coroutine, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._begin, self._end = begin, end

    async def on_start(self) -> None:
        """Begin what only needs the log."""
        await self._begin()

    async def on_shutdown(self) -> None:
        """Let go of the log when all that used it has stopped."""
        await self._end()


class Pulse(mode.Service):
    """What is done again and again; a failure there ends the process."""

    def __init__(
        self,
        beats: Sequence[tuple[str, float, Coroutine]],
        failed: Callable[[str], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._beats, self._failed = beats, failed

    async def on_start(self) -> None:
        """Start every beat."""
        for name, every_s, call in self._beats:
            self.add_future(self._beat(name, every_s, call))

    async def _beat(self, name: str, every_s: float, call: Coroutine) -> None:
        loop = asyncio.get_running_loop()
        while not self.should_stop:
            began_s = loop.time()
            try:
                await call()
            except Exception as error:  # noqa: BLE001 - none of them may die silently
                if self.should_stop:
                    return
                self._failed(f"{name}: {error!r}")
            await self.sleep(max(0.0, every_s - (loop.time() - began_s)))


class Together(mode.Service):
    """Services that start side by side (each waits a second in Faust) and stop one by one."""

    def __init__(self, services: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._services = services

    def on_init_dependencies(self) -> Sequence[Any]:
        """Return the services."""
        for service in self._services:
            service.beacon.reattach(self.beacon)
        return self._services

    async def on_start(self) -> None:
        """Start all."""
        await asyncio.gather(*(service.maybe_start() for service in self._services))


class Process(mode.Worker):
    """The worker: ends on SIGINT and SIGTERM, in order, or at a deadline."""

    def _install_signal_handlers_unix(self) -> None:
        # Not mode's others: SIGUSR2 would enter a debugger, SIGUSR1 print every stack.
        self.loop.add_signal_handler(signal.SIGINT, self._ends, signal.SIGINT)
        self.loop.add_signal_handler(signal.SIGTERM, self._ends, signal.SIGTERM)

    deadline: threading.Timer | None = None

    def _ends(self, number: signal.Signals) -> None:
        # A thread: it must fire when the event loop is what hangs.
        self.deadline = threading.Timer(STOP_DEADLINE_S, self._insist)
        self.deadline.daemon = True
        self.deadline.start()
        self._schedule_shutdown(number)

    @staticmethod
    def _insist() -> None:
        log.critical("did not stop within %s s of the signal", STOP_DEADLINE_S)
        os._exit(1)


def serve(services: Sequence[Any], loop: asyncio.AbstractEventLoop) -> int:
    """Run services until a signal or a crash; return the exit code."""
    _tune()
    process = Process(
        *services, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
    )
    try:
        process.execute_from_commandline()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        if process.deadline is not None:
            process.deadline.cancel()
    return 0


def _tune() -> None:
    """Set what the defaults of interpreter and allocator get wrong for a worker."""
    # A fetch is thousands of objects that die together; looked at every 700, as is the default,
    # they cost a seventh of the worker's time. What was imported is never looked at again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 20)
    sys.setswitchinterval(GIL_TURN_S)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent where it is not glibc's
    if mallopt is not None:
        for parameter, value in MALLOC_SETTINGS.values():
            mallopt(parameter, value)
