"""A server process of the tests: started, awaited, killed, frozen, and never left behind."""

import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.waiting import until

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0


class ServiceError(RuntimeError):
    """A service is missing, or did not start or stop in time; the text says what to do."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server process with a directory and a port that it keeps over restarts."""

    name = "service"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        """The output of the present or the last run."""
        return self.directory / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.running else None  # type: ignore[union-attr]

    @property
    def running(self) -> bool:
        """Whether the process is alive (a paused one is)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it on its port with what its directory holds, and wait until it serves."""
        assert not self.running, f"{self.name} already runs"
        self._reap()
        self._log = self.log.open("wb")
        self._process = subprocess.Popen(
            self._command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        # Ends the server and removes its directory when this process goes, even by SIGKILL: the
        # pipe closes then. (A
        # parent-death signal would follow the starting thread instead.)
        self._watch = subprocess.Popen(
            ["sh", "-c", 'read -r _; kill -KILL "$1"; rm -rf "$2"', "watch",
             str(self._process.pid), str(self.directory)],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            until(self._ready_or_dead, _START_TIMEOUT_S, lambda: self._tail("no answer"))
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end (SIGTERM), insist after a while, and wait."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would; what it wrote stays for the next `start`."""
        if self.running:
            assert self._process is not None
            self._process.kill()
        self._reap()

    def restart(self) -> None:
        """Stop and start again, same port, same directory."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its port accepts, nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw it (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            assert self._process is not None
            self._process.send_signal(number)

    def _reap(self) -> None:
        if self._watch is not None:
            # Killed first: its pipe must not close on a pid that may be somebody else's by then.
            self._watch.kill()
            self._watch.wait()
            assert self._watch.stdin is not None
            self._watch.stdin.close()
            self._watch = None
        if self._process is not None:
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise ServiceError(self._tail("ended at once"))
        return self._ready()

    def _tail(self, what: str) -> str:
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return f"{self.name}: {what}\n{text[-4000:]}"

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _ready(self) -> bool:
        raise NotImplementedError
