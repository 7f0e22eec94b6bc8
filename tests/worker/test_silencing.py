"""Silences of files get into the log through the notifier's owner, and only what differs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import config as configuration
from engine.alerts import SilenceMatcher, SilenceRecord, decode
from engine.config import Config
from engine.errors import FencedError, StreamError
from engine.limits import Limits
from engine.owner import Output
from engine.worker import silencing
from engine.worker.silencing import Silencing, read_silences
from notifiers import FileSilence
from tests.notifiers.world import SIMPLE, T0, World
from tests.notifiers.world import config as notifications

HOUR_MS = 3_600_000
TEXT = """\
silences:
- {name: NAME, matchers: [alertname=NAME], ends_at: 2029-01-01T00:00:00Z, comment: why}
"""


def silence(name: str, **changes: Any) -> FileSilence:
    values = {"matchers": (SilenceMatcher("alertname", name),), "starts_at_ms": 0,
              "ends_at_ms": T0 + HOUR_MS, "comment": "why", **changes}  # fmt: skip
    return FileSilence(name, "silences/a.yaml", **values)


class Worker:
    """The parts of a worker that it needs: a log with the notifier behind it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.world = World(notifications(SIMPLE), limits or Limits())
        self.live_notifier: Any = self.world.notifier
        self.streams = self
        self.fails: list[Exception] = []
        self.appends: list[int] = []
        self.events: list[str] = []

    def clock(self) -> int:
        return self.world.now_ms

    def event(self, name: str, fields: dict[str, Any]) -> None:
        self.events.append(name)

    async def append_as_notifier(self, outputs: Sequence[Output]) -> list[int]:
        if self.fails:
            raise self.fails.pop(0)
        first = len(self.world.log)
        self.appends.append(len(outputs))
        self.world.append(*(decode(output.value) for output in outputs))
        return list(range(first, len(self.world.log)))

    async def wait_applied(self, offset: int, timeout_ms: int) -> bool:
        return offset < len(self.world.log)

    def held(self) -> dict[str, SilenceRecord]:
        found = self.world.notifier.silences(self.world.now_ms)
        return {each.annotations["tocsin.silence"]: each for each in found}


def made(worker: Worker, *wanted: FileSilence) -> Silencing:
    return Silencing(worker, wanted, "default")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silencing, "RETRY_S", 0.0)


async def test_a_takeover_and_a_reload() -> None:
    worker = Worker()
    ours = made(worker, silence("a"), silence("b"))
    await ours.settle()
    assert worker.appends == [2]
    await made(worker, silence("a"), silence("b")).settle()
    assert worker.appends == [2], "a successor with the same files has nothing to say"
    worker.world.now_ms += 60_000
    ours.wanted = (silence("a", comment="another"), silence("c"))
    await ours.settle()
    ends = {name: each.ends_at_ms - T0 for name, each in worker.held().items()}
    assert ends == {"a": HOUR_MS, "c": HOUR_MS, "b": 60_000}
    assert worker.held()["a"].comment == "another"
    assert worker.events == ["silence_of_file"] * 5


async def test_who_is_no_owner_says_nothing() -> None:
    worker = Worker()
    worker.live_notifier = None
    await made(worker, silence("a")).settle()
    assert worker.appends == []


async def test_a_log_that_refuses_is_asked_again() -> None:
    worker = Worker()
    worker.fails = [StreamError("down"), StreamError("down")]
    await made(worker, silence("a")).settle()
    assert set(worker.held()) == {"a"}


async def test_who_is_replaced_stops() -> None:
    worker = Worker()
    worker.fails = [FencedError("another owns it")]
    await made(worker, silence("a")).settle()
    assert worker.appends == []


async def test_many_go_in_pieces_and_too_many_are_not_tried_for_ever(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silencing, "RECORDS_AT_ONCE", 4)
    worker = Worker(Limits(silences_max=6))
    await made(worker, *(silence(f"s{n}") for n in range(10))).settle()
    assert worker.appends == [4, 4, 2]
    assert len(worker.held()) == 6
    assert "beyond limits.silences_max" in caplog.text


async def test_two_at_once_say_it_once() -> None:
    worker = Worker()
    ours = made(worker, silence("a"))
    await asyncio.gather(ours.settle(), ours.settle())
    assert worker.appends == [1]


# Reading ----------------------------------------------------------------------------------------


def configured(directory: Path, text: str) -> Config:
    (directory / "tocsin.yaml").write_text(text)
    config, findings = configuration.load(directory / "tocsin.yaml")
    assert config is not None, findings
    return config


def write(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEXT.replace("NAME", name))


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("silences: silences", ["a", "b", "c"]),
        ("silences: silences/*.yaml", ["a"]),
        ("silences: 'silences/**/*.yaml'", ["a", "b"]),
        ("silences: [silences/a.yaml, 'silences/team/*']", ["a", "b", "c"]),
        ("silences: 'silences/*.none'", []),
        ("", []),
    ],
)
def test_what_paths_name(said: str, names: list[str], tmp_path: Path) -> None:
    for path, name in (("a.yaml", "a"), ("team/b.yaml", "b"), ("team/c.yml", "c"),
                       (".hidden/d.yaml", "d")):  # fmt: skip
        write(tmp_path / "silences" / path, name)
    found, text = read_silences(configured(tmp_path, said), T0)
    assert (sorted(each.name for each in found or ()), text) == (names, "")


def test_a_mistake_refuses_all_and_names_the_place(tmp_path: Path) -> None:
    write(tmp_path / "silences" / "a.yaml", "a")
    write(tmp_path / "silences" / "b.yaml", "a")
    config = configured(tmp_path, "silences: silences")
    found, text = read_silences(config, T0)
    assert found is None
    assert "silences/b.yaml:2:10: error[silence-duplicate]" in text
    (tmp_path / "silences" / "b.yaml").write_bytes(b"\xff\xfe")
    assert "error[yaml-encoding]" in read_silences(config, T0)[1]
    for file in (tmp_path / "silences").iterdir():
        file.unlink()
    (tmp_path / "silences").rmdir()
    found, text = read_silences(config, T0)
    assert (found, "correct `silences:`" in text) == (None, True)
    # A mount that is missing is no file that says: nothing any more.
    (tmp_path / "silences").mkdir()
    config = configured(tmp_path, "silences: silences/*.yaml")
    assert read_silences(config, T0) == ((), "")
    (tmp_path / "silences").rmdir()
    found, text = read_silences(config, T0)
    assert (found, "silences does not exist" in text) == (None, True)
