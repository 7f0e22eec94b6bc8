"""Start a worker: read every file, refuse with all findings, then serve until a signal."""

import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from engine.clock import system_clock
from engine.config import Config
from engine.errors import TocsinError
from engine.worker.files import read_files
from engine.worker.http import Http
from engine.worker.worker import Worker

EXIT_FINDINGS = 1


def set_up_log(level: str) -> None:
    """Log to standard error, one line a record."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    # Faust's services log their comings and goings under the names of our modules.
    chatty = ("faust", "mode", "aiokafka", "httpx", "httpcore", "uvicorn", "engine.stream")
    for name in (*chatty, "engine.worker.http"):
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else logging.WARNING)


def run(
    config: Config,
    *,
    extra_routes: Sequence[BaseRoute] = (),
    on_started: Callable[[Worker], None] | None = None,
    background: Sequence[Callable[[Worker], Awaitable[None]]] = (),
) -> int:
    """Serve until a signal or a crash and return the exit code; 1 with all findings before."""
    set_up_log(config.log_level)
    reading = read_files(config, system_clock())
    if reading.text:
        sys.stderr.write(reading.text)
    if reading.files is None:
        return EXIT_FINDINGS
    try:
        worker = Worker(config, reading.files)
        http = Http(worker, extra_routes, on_started, background)
    except TocsinError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FINDINGS
    code = worker.streams.run([http])
    return code if worker.exit_code is None else worker.exit_code


def default_config() -> Path:
    """Return where a configuration is looked for."""
    return Path("tocsin.yaml")
