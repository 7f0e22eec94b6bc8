"""Runs the demo: the worker as users run it, the fleet as its producer, and the show."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import Clock, system_clock
from engine.demo import show
from engine.demo.age import process_age_ms
from engine.demo.fleet import STEP_MS, Fleet
from engine.demo.home import (
    LOGS_PARTITIONS,
    METRICS_PARTITIONS,
    DemoError,
    Home,
    write_configuration,
)
from engine.demo.host import DemoHost
from engine.demo.silence import HintChooser
from engine.demo.standins import StandIns
from engine.demo.verdict import Receipt, evidence, missing
from engine.demo.view import Rates, View

if TYPE_CHECKING:
    from engine.worker import ScreenSnapshot


ONCE_WITHIN_MS = 180_000
LOOK_EVERY_S = 0.25
LOG_LINES_SHOWN = 12
HOST = "127.0.0.1"

EXIT_OK, EXIT_FAILED = 0, 1

Guest = Callable[[DemoHost], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    once: bool
    plain: bool
    directory: Path
    port: int
    seed: int


class Producer:
    """Appends the fleet's records to the source topics, round robin over their partitions."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed = seed
        self._clock = clock
        self._fleet: Fleet | None = None

    async def __call__(self, host: DemoHost) -> None:
        """Append for ever, every 100 ms."""
        self._fleet = fleet = Fleet(self._seed, self._clock())
        while True:
            await asyncio.sleep(STEP_MS / 1_000)
            made = fleet.advance(self._clock())
            for topic, records, partitions in (
                ("metrics", made.metrics, METRICS_PARTITIONS),
                ("logs", made.logs, LOGS_PARTITIONS),
            ):
                for partition in range(partitions):
                    if share := records[partition::partitions]:
                        await host.broker_append(topic, partition, share)

    @property
    def series(self) -> int:
        """How many series the fleet has."""
        return self._fleet.series if self._fleet is not None else 0

    def going_on(self) -> tuple[str, ...]:
        """Name the incidents of now."""
        if self._fleet is None:
            return ()
        return tuple(one.incident.name for one in self._fleet.going_on(self._clock()))


class Watcher:
    """Looks at the running worker and the stand-ins, shows it, and ends `--once`."""

    def __init__(
        self,
        options: Options,
        shown: show.Show,
        producer: Producer,
        receipts: Callable[[], Sequence[Receipt]],
        clock: Clock,
    ) -> None:
        self._once = options.once
        self._base_url = f"http://{HOST}:{options.port}"
        self._shown = shown
        self._producer = producer
        self._receipts = receipts
        self._clock = clock
        self._rates = Rates()
        self._hints = HintChooser(self._base_url)
        self.missing: tuple[str, ...] = missing(())
        self.sent_total = 0

    def starting(self) -> View:
        """Return the first view, before the worker is there."""
        return View(self._clock(), process_age_ms(), self._base_url, None)

    async def __call__(self, host: DemoHost) -> None:
        """Show until the worker ends; with `--once`, end it when all has been received."""
        view = self.starting()
        try:
            while not self._once or self.missing:
                view = self._view(host.snapshot_for_screen())
                self._shown.update(view)
                await asyncio.sleep(LOOK_EVERY_S)
            host.stop(EXIT_OK)
        finally:
            self._shown.update(replace(view, ending=True))

    def _view(self, snapshot: ScreenSnapshot) -> View:
        now_ms = self._clock()
        samples, lines = self._rates.add(now_ms, snapshot)
        self.sent_total = snapshot.sent_total
        if self._once:
            self.missing = missing(self._receipts())
        return View(
            now_ms=now_ms,
            age_ms=process_age_ms(),
            base_url=self._base_url,
            snapshot=snapshot,
            samples_per_second=samples,
            lines_per_second=lines,
            fleet_series=self._producer.series,
            going_on=self._producer.going_on(),
            hint=self._hints.choose(snapshot, now_ms),
            waiting_for=self.missing if self._once else (),
        )


def check_port(port: int) -> None:
    """Raise DemoError with the remedy where something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoError(
                f"Port {port} cannot be used ({error.strerror}): "
                f"choose another one, e.g. `tocsin demo --port {_free_port()}`."
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def run_demo(options: Options, clock: Clock = system_clock) -> int:
    """Run the demo until Ctrl-C, or with `--once` until all was received; return the exit code."""
    home = Home(options.directory)
    far = StandIns(options.port)
    try:
        check_port(options.port)
        home.open()
        far.start()
        path = write_configuration(options.directory, far.addresses())
    except DemoError as error:
        print(error, file=sys.stderr)
        far.close()
        home.close()
        return EXIT_FAILED
    try:
        return _shown(options, path, far, clock)
    finally:
        far.close()
        home.close()


def dump(directory: Path, port: int) -> int:
    """Write the configuration that the demo runs with, and nothing else."""
    path = write_configuration(directory, StandIns(port).addresses())
    print(f"Wrote {path}, {directory / 'notifiers.yaml'} and {directory / 'rules'}/.")
    print(f"Put your own Slack and mail server in, then: tocsin run --config {path}")
    return EXIT_OK


def _shown(options: Options, path: Path, far: StandIns, clock: Clock) -> int:
    shown = show.choose(options.plain)
    producer = Producer(options.seed, clock)
    watcher = Watcher(options, shown, producer, far.receipts, clock)
    log = options.directory / "tocsin.log"
    shown.start(watcher.starting())
    try:
        with stderr_to(log), _deadline(options, watcher, shown):
            code = _work(path, far, (producer, watcher))
    except KeyboardInterrupt:
        code = EXIT_OK
    finally:
        shown.stop()
    return _ended(options, watcher, far, code, log)


def _work(path: Path, far: StandIns, guests: Sequence[Guest]) -> int:
    """Do what `tocsin run` does, with guests."""
    from engine import config as configuration  # late: the first screen must not wait for them
    from engine import worker

    config, findings = configuration.load(path)
    if config is None:
        raise AssertionError(f"the demo's own configuration has findings: {findings}")
    return worker.run(config, extra_routes=far.routes, background=guests)


@contextmanager
def _deadline(options: Options, watcher: Watcher, shown: show.Show) -> Iterator[None]:
    """End the process when `--once` takes too long, whatever hangs then."""
    if not options.once:
        yield
        return

    def late() -> None:
        shown.stop()
        lacking = ", ".join(watcher.missing)
        print(f"Not received within {ONCE_WITHIN_MS // 1_000} s: {lacking}.", flush=True)
        os._exit(EXIT_FAILED)

    timer = threading.Timer(max(0, ONCE_WITHIN_MS - process_age_ms()) / 1_000, late)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _ended(options: Options, watcher: Watcher, far: StandIns, code: int, log: Path) -> int:
    seconds = process_age_ms() / 1_000
    lacking = watcher.missing if options.once else ()
    if lacking:
        print(f"Ended after {seconds:.0f} s without: {', '.join(lacking)}.")
    if code:
        print(f"Tocsin ended with exit code {code}; {log} ends with:", file=sys.stderr)
        print(*_tail(log), sep="\n", file=sys.stderr)
    if code or lacking:
        return code or EXIT_FAILED
    if options.once:
        found = ", ".join(f"{n} {name}" for name, n in evidence(far.receipts()).items())
        print(f"Received within {seconds:.0f} s, from alert to resolution: {found}.")
    path = options.directory / "tocsin.yaml"
    print(f"{watcher.sent_total} notifications sent. The configuration is {path}.")
    return EXIT_OK


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]


@contextmanager
def stderr_to(path: Path) -> Iterator[None]:
    """Send what the product logs into a file: on a screen it would be written over the frame."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
