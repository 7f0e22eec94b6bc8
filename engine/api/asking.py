"""Ask all workers how rules stand, once a second at most, however many clients there are."""

import asyncio
from typing import Final

import msgspec
from starlette.requests import Request

from engine.api.deps import ApiDeps
from engine.api.proxy import Proxy
from engine.api.standing import Records, Standing, Together, together

PATH: Final = "/api/v1/rules/standing"
KEPT_MS: Final = 1_000
ANSWER_S: Final = 1.0  # who takes longer is silent: the notifier's records stand in

_answer = msgspec.json.Decoder(Standing)


class Asking:
    """What this worker and the others said last."""

    def __init__(self, deps: ApiDeps, proxy: Proxy) -> None:
        self._deps, self._proxy = deps, proxy
        self._ours: tuple[int, Standing] | None = None
        self._theirs: tuple[int, list[Standing], list[str]] | None = None
        self._lock, self._own_lock = asyncio.Lock(), asyncio.Lock()

    async def here(self) -> Standing:
        """Return what this worker knows; records are never older than the notifier."""
        async with self._own_lock:
            if self._ours is None or not self._fresh(self._ours[0]):
                self._ours = self._deps.now_ms(), await self._deps.standing()
        view = self._deps.notifier()
        if view is None:
            return self._ours[1]
        alerts = list(view.rule_alerts(self._deps.now_ms()))
        records = Records(alerts, list(view.rule_failures()))
        return msgspec.structs.replace(self._ours[1], records=records)

    async def everywhere(self, request: Request) -> Together:
        """Return what all know together; a request that is a hop already asks nobody."""
        if self._proxy.is_hop(request):
            return together([await self.here()], [])
        async with self._lock:
            if self._theirs is None or not self._fresh(self._theirs[0]):
                ours, theirs = await asyncio.gather(self.here(), self._ask(request))
                self._theirs = self._deps.now_ms(), *theirs
            else:
                ours = await self.here()
        return together([ours, *self._theirs[1]], self._theirs[2])

    def _fresh(self, at_ms: int) -> bool:
        return 0 <= self._deps.now_ms() - at_ms < KEPT_MS

    async def _ask(self, request: Request) -> tuple[list[Standing], list[str]]:
        urls = {url.rstrip("/"): instance for instance, url in self._deps.peers().items()}
        owner = self._deps.notifier_url()
        if owner is not None and self._deps.notifier() is None:
            urls.setdefault(owner.rstrip("/"), "that owns the notifier")
        found = await asyncio.gather(
            *(self._proxy.look(url, PATH, request, self._deps, ANSWER_S) for url in urls)
        )
        answers, silent = [], []
        for instance, content in zip(urls.values(), found, strict=True):
            try:
                answers.append(_answer.decode(content or b""))
            except msgspec.DecodeError:
                silent.append(instance)
        return answers, silent
