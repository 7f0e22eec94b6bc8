"""Notice changed files of rules, notifications, templates and silences, and the signal that asks.

Compared is what the file system says of each file behind its links: a ConfigMap changes by a
swapped link, an editor by a renamed copy. A change counts once two looks in a row agree, so a
checkout that is still being written is not read halfway.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import lru_cache
from glob import iglob
from pathlib import Path

from engine.config import Config
from engine.document import ListNode, MapNode, ScalarNode, load_yaml
from engine.errors import FileError
from engine.rules import find_paths

log = logging.getLogger("tocsin.worker")

LOOK_EVERY_S = 2.0
TEMPLATES_MAX = 1_000
"""Files of one pattern of `templates:` that are watched."""

Look = tuple[tuple[str, int, int, int], ...]
"""What was seen: path, inode, size, time of change of every file."""


def look(config: Config) -> Look:
    """Return what the files are like now; what cannot be read is absent."""
    paths = (
        *_found(config.rules, config.base),
        config.notifications,
        *_templates(config.notifications),
        *_found(config.silences, config.base),
    )
    return tuple(seen for path in paths if (seen := _seen(path)))


def _found(paths: Iterable[Path | str], base: Path) -> Iterable[Path]:
    try:
        return find_paths(paths, base).values()
    except FileError:
        return ()


def _templates(notifications: Path) -> Iterator[Path]:
    """Yield the files that `templates:` names, whether the rest of the file is good or not."""
    seen = _seen(notifications)
    for pattern in _patterns(seen) if seen is not None else ():
        for found in sorted(iglob(pattern, root_dir=notifications.parent))[:TEMPLATES_MAX]:
            yield notifications.parent / found


@lru_cache(maxsize=4)
def _patterns(notifications: tuple[str, int, int, int]) -> tuple[str, ...]:
    """Return the patterns of `templates:` of a file as it was seen."""
    path = Path(notifications[0])
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ()
    tree, _ = load_yaml(text, path.name)
    node = tree.get("templates") if isinstance(tree, MapNode) else None
    elements = tuple(node) if isinstance(node, ListNode) else ()
    return tuple(each.text for each in elements if isinstance(each, ScalarNode) and each.text)


def _seen(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_ino, status.st_size, status.st_mtime_ns


class Watching:
    """Reloads when files have changed or SIGHUP came."""

    def __init__(
        self,
        look: Callable[[], Look],
        loaded: Callable[[], Look],
        reload: Callable[[], Awaitable[object]],
        *,
        hung_up: Callable[[], None],
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`loaded()`: the look just before the last load. `hung_up`: the terminal has gone."""
        self._look, self._loaded, self._reload = look, loaded, reload
        self._hung_up, self._every_s = hung_up, every_s
        self._asked = asyncio.Event()
        self._terminal = os.isatty(0)

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._signalled)
        last = self._loaded()
        try:
            while True:
                asked = await self._wait()
                now = await asyncio.to_thread(self._look)
                if asked or (now != self._loaded() and now == last):
                    log.info("reloading: %s", "asked by SIGHUP" if asked else "files have changed")
                    await self._reloaded()
                last = now
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def _reloaded(self) -> None:
        try:
            await self._reload()
        except Exception:  # a mistake of ours in reading a new file must not end what runs
            log.exception("the reload broke; what was loaded stays in force")

    async def _wait(self) -> bool:
        """Wait for the next look; True where somebody asked for a reload."""
        try:
            async with asyncio.timeout(self._every_s):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    def _signalled(self) -> None:
        # A closed terminal sends the same signal; then nobody is there to be served.
        if self._terminal and not os.isatty(0):
            self._hung_up()
        else:
            self._asked.set()
