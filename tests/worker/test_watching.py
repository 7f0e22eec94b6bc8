"""Changed files are loaded once, when they are whole; SIGHUP asks at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine import config as configuration
from engine.config import Config
from engine.worker.watching import Look, Watching, look
from tests.waiting import until_async


class Files:
    """A made-up directory, and a count of the reloads."""

    def __init__(self) -> None:
        self.now: Look = (("rules/a.yml", 1, 10, 100),)
        self.loaded: Look = self.now
        self.looks = 0
        self.reloads: list[Look] = []
        self.breaks = False
        self.hung_up = 0

    def look(self) -> Look:
        self.looks += 1
        return self.now

    async def reload(self) -> None:
        self.loaded = self.now
        self.reloads.append(self.now)
        if self.breaks:
            raise RuntimeError("a mistake of ours")

    def hang_up(self) -> None:
        self.hung_up += 1


@asynccontextmanager
async def watched(
    files: Files, look: Callable[[], Look] | None = None, every_s: float = 0.001
) -> AsyncIterator[None]:
    watching = Watching(
        look or files.look, lambda: files.loaded, files.reload, hung_up=files.hang_up,
        every_s=every_s,
    )  # fmt: skip
    task = asyncio.ensure_future(watching.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def seen(files: Files, more: int = 5) -> None:
    wanted = files.looks + more
    await until_async(lambda: files.looks >= wanted)


async def test_a_change_is_loaded_once() -> None:
    files = Files()
    async with watched(files):
        await seen(files)
        assert files.reloads == []
        files.now = (("rules/a.yml", 2, 12, 200),)
        await until_async(lambda: files.reloads)
        await seen(files)
    assert files.reloads == [files.now]


async def test_files_that_still_change_are_not_read() -> None:
    files, writing = Files(), True

    def look() -> Look:
        if writing:
            files.now = (("rules/a.yml", 1, files.looks, files.looks),)
        return files.look()

    async with watched(files, look):
        await seen(files, 20)
        assert files.reloads == []
        writing = False
        await until_async(lambda: files.reloads)
    assert len(files.reloads) == 1


async def test_a_load_by_somebody_else_is_not_repeated() -> None:
    files = Files()
    async with watched(files):
        files.now = files.loaded = (("rules/a.yml", 2, 12, 200),)  # POST /-/reload
        await seen(files)
    assert files.reloads == []


async def test_a_reload_that_breaks_ends_nothing() -> None:
    files = Files()
    files.breaks = True
    async with watched(files):
        files.now = (("rules/a.yml", 2, 12, 200),)
        await until_async(lambda: files.reloads)
        files.now = (("rules/a.yml", 3, 12, 300),)
        await until_async(lambda: len(files.reloads) == 2)


async def test_sighup_asks_at_once() -> None:
    files = Files()
    async with watched(files, every_s=3_600):
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGHUP)
        await until_async(lambda: files.reloads)
    assert files.hung_up == 0


def _config(directory: Path) -> Config:
    (directory / "rules").mkdir()
    (directory / "rules" / "a.yml").write_text("groups: []\n")
    (directory / "silences").mkdir()
    (directory / "notifiers.yaml").write_text("route: {receiver: nobody}\n")
    (directory / "tocsin.yaml").write_text("silences: ['silences/**/*.yaml']\n")
    config, findings = configuration.load(directory / "tocsin.yaml")
    assert config is not None, findings
    return config


def test_what_a_look_sees(tmp_path: Path) -> None:
    config = _config(tmp_path)
    looks = [look(config)]

    def changes(what: str) -> None:
        looks.append(look(config))
        assert looks[-1] != looks[-2], what

    (tmp_path / "rules" / "b.yml").write_text("groups: []\n")
    changes("a new file")
    (tmp_path / "rules" / "a.yml").write_text("groups: [ ]\n")
    changes("another content")
    (tmp_path / "rules" / "new").write_text("groups: []\n")
    assert look(config) == looks[-1], "no rule file by its name"
    (tmp_path / "rules" / "new").replace(tmp_path / "rules" / "b.yml")
    changes("a renamed copy of the same size, as editors write")
    (tmp_path / "rules" / "b.yml").unlink()
    changes("a file that went")
    (tmp_path / "notifiers.yaml").write_text("route: {receiver: somebody}\n")
    changes("the notifications")
    text = "templates: [t/*.tmpl]\nroute: {receiver: of a file that is bad}\n"
    (tmp_path / "notifiers.yaml").write_text(text)
    (tmp_path / "t").mkdir()
    changes("templates are named")
    (tmp_path / "t" / "a.tmpl").write_text("{{ define `a` }}{{ end }}")
    changes("a new template")
    (tmp_path / "t" / "a.tmpl").write_text("{{ define `b` }}{{ end }} ")
    changes("another template")
    (tmp_path / "silences" / "team").mkdir(parents=True)
    assert look(config) == looks[-1], "a directory is no silence"
    (tmp_path / "silences" / "team" / "a.yaml").write_text("silences: []")
    changes("a new file of silences")
    (tmp_path / "silences" / "team" / "a.yaml").unlink()
    changes("a file of silences that went")


def test_a_swapped_link_is_seen(tmp_path: Path) -> None:
    """Kubernetes: rules/a.yml -> ..data/a.yml, ..data -> ..2026_1, then another directory."""
    config = _config(tmp_path)
    rules = tmp_path / "rules"
    for name in ("..2026_1", "..2026_2"):
        (rules / name).mkdir()
        (rules / name / "a.yml").write_text("groups: []\n")
        os.utime(rules / name / "a.yml", (1_700_000_000, 1_700_000_000))
    (rules / "a.yml").unlink()
    (rules / "..data").symlink_to("..2026_1")
    (rules / "a.yml").symlink_to("..data/a.yml")
    before = look(config)
    (rules / "..tmp").symlink_to("..2026_2")
    (rules / "..tmp").replace(rules / "..data")
    assert look(config) != before
