"""Silences in files: read here, put into the log by the notifier's owner.

What the files say is compared with what the log says: at takeover, and after each reload. So a
silence of a file survives its worker, and one that left the files ends, whoever owns the notifier
by then.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.alerts import SilenceRecord, encode
from engine.config import Config
from engine.document import render
from engine.errors import FencedError, FileError, StreamError
from engine.owner import Output
from engine.rules import read_paths
from engine.worker.plans import lines
from notifiers import FileSilence, load_silences, silence_changes

if TYPE_CHECKING:
    from engine.worker.worker import Worker

log = logging.getLogger("tocsin.worker")

RETRY_S = 1.0
RECORDS_AT_ONCE = 500
"""How many records one append takes."""
APPLIED_TIMEOUT_MS = 30_000


def read_silences(config: Config, now_ms: int) -> tuple[tuple[FileSilence, ...] | None, str]:
    """Read the files of silences; returns them, or None, and the findings as text."""
    try:
        files = read_paths(config.silences, config.base, "silences")
    except FileError as error:
        return None, f"{error}\n"
    found, findings = load_silences(
        files, now_ms, limits=config.limits, mode=config.matcher_parsing
    )
    return found, lines(render(findings, files))


class Silencing:
    """What the files of this worker say, and the way of it into the log."""

    def __init__(self, worker: "Worker", wanted: tuple[FileSilence, ...], tenant: str) -> None:
        self._worker, self._tenant = worker, tenant
        self.wanted = wanted
        self._settling = asyncio.Lock()

    async def settle(self) -> None:
        """Make the log say what the files say; only the notifier's owner does."""
        tried: set[str] = set()
        async with self._settling:
            while (notifier := self._worker.live_notifier) is not None:
                now_ms = self._worker.clock()
                held = notifier.silences(now_ms, self._tenant)
                wanted = silence_changes(self.wanted, held, self._tenant, now_ms)
                records = [each for each in wanted if each.id not in tried][:RECORDS_AT_ONCE]
                if not records:
                    break
                try:
                    await self._append(records)
                except FencedError:
                    return  # whoever owns it now does the same
                except StreamError as error:
                    log.warning("silences of files are not in the log yet, again: %s", error)
                    await asyncio.sleep(RETRY_S)
                    continue
                tried |= {each.id for each in records}
            else:
                return
        if refused := sorted(each.id for each in wanted):
            # It is in the log, and the notifier took no notice: there are too many.
            log.error("silences of files are beyond limits.silences_max: %s", ", ".join(refused))

    async def _append(self, records: Sequence[SilenceRecord]) -> None:
        streams = self._worker.streams
        outputs = [Output("alerts", 0, None, encode(record)) for record in records]
        offsets = await streams.append_as_notifier(outputs)
        await streams.wait_applied(max(offsets), APPLIED_TIMEOUT_MS)
        for record in records:
            self._worker.event("silence_of_file", {"id": record.id, "ends_at": record.ends_at_ms})
