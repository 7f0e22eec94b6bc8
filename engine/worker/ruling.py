"""Put rule sets into force: everywhere, at one tick, through the log.

Order: text to `control`; "loaded" from the live workers; a switch to every shard that names the
time from which ticks are judged by it; then "active". Done again after a crash in between, it
changes nothing: a shard that has switched already takes no notice.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from engine.errors import StreamError
from engine.owner import LogRecord, Output
from engine.rules import RuleSet
from engine.series import BATCH_VERSION, PlanSwitch, encode
from engine.worker.plans import ACTIVE_KEY, RULES_KEY, PlanLibrary, packed
from engine.worker.roster import LOADED_KEY, SAY_EVERY_S, Roster, loaded_record

if TYPE_CHECKING:
    from engine.worker.worker import Worker

log = logging.getLogger("tocsin.worker")

LOADED_WAIT_S = 30.0  # for the workers to load a new rule set; then it goes on without them
LOOK_AGAIN_S = 0.1
SWITCH_AHEAD_MS = 1_000  # no shard's time is there yet, even where clocks differ a little
RETRY_S = 1.0


class Ruling:
    """The rule sets of one worker: what it knows, says, and, as the notifier's owner, decides."""

    def __init__(self, worker: "Worker", rules: RuleSet) -> None:
        self._worker = worker
        self.library = PlanLibrary(
            worker.config.limits, worker.project, keep=worker.keep, on_loaded=self._loaded
        )
        self.library.offer(rules)
        self.roster = Roster()
        self._switching = asyncio.Lock()

    def told(self, key: str, record: LogRecord) -> None:
        """Apply one record of `control`."""
        if not self.roster.told(key, record):
            self.library.told(key, record)

    # -- saying what is loaded here -------------------------------------------------------------

    def _loaded(self) -> None:
        self._worker.keep(self._publish())

    async def say_loaded(self) -> None:
        """Say what is loaded here again and again: who is silent is not waited for."""
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            if self.library.loaded:
                await self._publish()

    async def _publish(self) -> None:
        config = self._worker.config
        key, url = LOADED_KEY + config.instance_id, config.advertised_url
        try:
            await self._worker.streams.publish(key, loaded_record(self.library.loaded, url))
        except StreamError as error:
            log.warning("the log does not take what is loaded here; again soon: %s", error)

    # -- deciding -------------------------------------------------------------------------------

    async def activate(self, rules: RuleSet) -> None:
        """Put a rule set into force; only the notifier's owner does."""
        worker = self._worker
        async with self._switching:
            while worker.live_notifier is not None and self.library.active != rules.digest:
                try:
                    await self._switch(rules)
                except StreamError as error:
                    log.warning("the rule set is not in force yet, again: %s", error)
                await asyncio.sleep(RETRY_S if self.library.active != rules.digest else 0)

    async def _switch(self, rules: RuleSet) -> None:
        library, worker = self.library, self._worker
        library.offer(rules)
        first = not library.active
        await worker.streams.publish(RULES_KEY + rules.digest, packed(rules))
        await library.until(lambda: library.knows(rules.digest))
        switch = PlanSwitch(BATCH_VERSION, rules.digest)
        if not first:
            await self._loaded_everywhere(rules.digest)
            from_ms = worker.clock() + SWITCH_AHEAD_MS
            switch = PlanSwitch(BATCH_VERSION, rules.digest, from_ms)
        raw = encode(switch)
        shards = range(worker.config.shards)
        await worker.streams.append([Output("shards", shard, None, raw) for shard in shards])
        await worker.streams.publish(ACTIVE_KEY, rules.digest.encode())
        await library.until(lambda: library.active == rules.digest)
        for digest in library.old():
            await worker.streams.publish(RULES_KEY + digest, None)
        for instance in self.roster.departed(worker.clock()):
            await worker.streams.publish(LOADED_KEY + instance, None)
        log.info("rule set %s is in force: %d rules", rules.digest[:12], rules.size)

    async def _loaded_everywhere(self, digest: str) -> None:
        """Wait until every live worker projects by a rule set, or has had its time."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while lacking := self.roster.lacking(digest, self._worker.clock()):
            if loop.time() - began_s > LOADED_WAIT_S:
                self._worker.event("rules_not_loaded", {"digest": digest, "workers": lacking})
                log.warning(
                    "rule set %s goes into force without %s: not loaded there after %d s",
                    digest[:12], ", ".join(lacking), LOADED_WAIT_S,
                )  # fmt: skip
                return
            await asyncio.sleep(LOOK_AGAIN_S)
