"""Puts views on a terminal as a full screen, or anywhere else as plain lines."""

import io
import sys
from dataclasses import replace
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live

from engine.demo.age import process_age_ms
from engine.demo.plain import PlainReport
from engine.demo.screen import Screen
from engine.demo.view import View

FRAMES_PER_SECOND = 4


class Show(Protocol):
    """Where views go."""

    def start(self, view: View) -> None:
        """Begin with what is known before Tocsin is up."""
        ...

    def update(self, view: View) -> None:
        """Show what is new."""
        ...

    def stop(self) -> None:
        """Leave the terminal as it was; may be called twice."""
        ...


class FullScreen:
    """Redraws by a thread of its own, so that it also moves while Tocsin is being imported."""

    def __init__(self, console: Console) -> None:
        self._view: View | None = None
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=True,
            refresh_per_second=FRAMES_PER_SECOND,
            get_renderable=self._frame,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self, view: View) -> None:
        """Switch to the terminal's second screen."""
        self._view = view
        self._live.start(refresh=True)

    def update(self, view: View) -> None:
        """Keep it for the next frame."""
        self._view = view

    def stop(self) -> None:
        """Switch back."""
        self._live.stop()

    def _frame(self) -> Screen | str:
        if self._view is None:
            return ""
        if self._view.snapshot is None:
            return Screen(replace(self._view, age_ms=process_age_ms()))
        return Screen(self._view)


class PlainLines:
    """Writes a line for each thing that happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._report = PlainReport()

    def start(self, view: View) -> None:
        """Say that something is about to happen."""
        self._write(f"{view.age_ms / 1_000:6.1f} s  start     Tocsin on its embedded log")

    def update(self, view: View) -> None:
        """Write what is new."""
        for line in self._report.lines(view):
            self._write(line)

    def stop(self) -> None:
        """Nothing to undo."""

    def _write(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def choose(plain: bool) -> Show:
    """Return the full screen where there is a terminal that can show one, else plain lines."""
    console = Console(highlight=False)
    speaks_unicode = console.encoding.startswith("utf")
    if plain or not console.is_terminal or console.is_dumb_terminal or not speaks_unicode:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Summaries come from rule files: a terminal that cannot show a sign must not end us.
            sys.stdout.reconfigure(errors="replace")
        return PlainLines(sys.stdout)
    return FullScreen(console)
