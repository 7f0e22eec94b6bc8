"""Start a worker: read every file, refuse with all findings, then serve until a signal."""

import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from engine import api
from engine.config import Config
from engine.document import render
from engine.errors import TocsinError
from engine.worker.http import Http
from engine.worker.plans import lines, read_rules
from engine.worker.watching import look
from engine.worker.worker import Files, Worker, read_notifications

EXIT_FINDINGS = 1


def read_files(config: Config) -> tuple[Files | None, str]:
    """Read rules, notifications and tokens; None and all findings where any is bad."""
    rules, texts, seen = None, [], look(config)
    try:
        loaded = read_rules(config)
        rules = loaded.rules
        texts.append(loaded.text)
    except TocsinError as error:
        texts.append(f"{error}\n")
    notifications, text = read_notifications(config)
    texts.append(text)
    tokens, text = _tokens(config)
    texts.append(text)
    refused = tokens is None and not config.auth.open
    if rules is None or notifications is None or refused:
        return None, "".join(texts)
    return Files(rules, notifications, tokens, seen), "".join(texts)


def _tokens(config: Config) -> tuple[tuple[api.Token, ...] | None, str]:
    """Read the tokens file; None where there is none, or where it is refused."""
    path = config.auth.tokens_file
    if path is None:
        return None, ""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return None, f"{path}: cannot be read: {error.strerror}; correct `auth.tokens_file`\n"
    tokens, findings = api.load_tokens(text, path.name)
    # Without the text: its lines hold secrets.
    return tokens, lines(render(findings, {}))


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
    files, text = read_files(config)
    if text:
        sys.stderr.write(text)
    if files is None:
        return EXIT_FINDINGS
    try:
        worker = Worker(config, files)
        http = Http(worker, extra_routes, on_started, background)
    except TocsinError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FINDINGS
    code = worker.streams.run([http])
    return code if worker.exit_code is None else worker.exit_code


def default_config() -> Path:
    """Return where a configuration is looked for."""
    return Path("tocsin.yaml")
