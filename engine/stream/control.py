"""The topic `control` as every process reads it: rule sets, where the notifier is, who is alive.

Keys: `notifier` (the owner of `alerts`, written at its takeover), `instance/<id>` (the process
that runs under an instance id, written at its start); all others are the worker's.

Two live processes with one instance id would steal the group membership from each other for ever:
aiokafka sends no id in heartbeats, so the broker fences neither. Here the log decides, and no
clock: who finds another process's record behind its own leaves.
"""

import secrets
from collections.abc import Awaitable, Callable

import msgspec

from engine.owner import LogRecord
from engine.stream.hosted import EndProcess
from engine.stream.settings import StreamSettings
from engine.stream.takeover import Events

NOTIFIER_KEY = "notifier"
INSTANCE_KEY = "instance/"


class NotifierAt(msgspec.Struct, frozen=True):
    """Who owns `alerts`."""

    v: int
    epoch: int
    instance: str
    url: str


class Instance(msgspec.Struct, frozen=True):
    """A process under an instance id."""

    v: int
    boot: str  # of this very process
    url: str


class Control:
    """What this process knows from `control`."""

    def __init__(
        self,
        settings: StreamSettings,
        pass_on: Callable[[str, LogRecord], None],
        end_process: EndProcess,
        events: Events,
    ) -> None:
        self._settings, self._pass_on = settings, pass_on
        self._end_process, self._events = end_process, events
        self._me = Instance(1, secrets.token_hex(8), settings.advertised_url)
        self._seen_me = False
        self.notifier_at: NotifierAt | None = None
        self.read = False  # up to the end that it had at start

    def caught_up(self) -> None:
        """Note that all of it was read once."""
        self.read = True

    async def announce(self, publish: Callable[[str, bytes], Awaitable[int]]) -> None:
        """Say that this process runs under its instance id."""
        await publish(INSTANCE_KEY + self._settings.instance_id, msgspec.json.encode(self._me))

    def notifier_here(self, epoch: int) -> bytes:
        """Return the record that says: the notifier is here."""
        settings = self._settings
        at = NotifierAt(1, epoch, settings.instance_id, settings.advertised_url)
        return msgspec.json.encode(at)

    def take(self, record: LogRecord) -> None:
        """Read one record."""
        key = (record.key or b"").decode("utf-8", "replace")
        try:
            if key == NOTIFIER_KEY:
                self._notifier(msgspec.json.decode(record.value or b"", type=NotifierAt))
            elif key == INSTANCE_KEY + self._settings.instance_id:
                self._instance(msgspec.json.decode(record.value or b"", type=Instance))
            elif not key.startswith(INSTANCE_KEY):
                self._pass_on(key, record)
        except msgspec.DecodeError as error:
            self._events("control_unreadable", {"key": key, "error": str(error)})

    def _notifier(self, at: NotifierAt) -> None:
        if self.notifier_at is None or at.epoch >= self.notifier_at.epoch:
            self.notifier_at = at

    def _instance(self, found: Instance) -> None:
        if found.boot == self._me.boot:
            self._seen_me = True
        elif self._seen_me:
            self._end_process(
                f"a younger process has the instance id {self._settings.instance_id}: give each"
                " its own instance_id"
            )
