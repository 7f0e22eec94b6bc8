"""Programs of other projects that Tocsin must work with, built from source when first needed.

    amtool = peer("amtool")        # a Path; skips the test where it cannot be built

They are kept in `$TOCSIN_CACHE/bin` (default ~/.cache/tocsin/bin) and named by version. Building
needs Go on PATH; where that is missing or fails the test is skipped, with CI=true it fails.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.services import cache_directory

_BUILD_TIMEOUT_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A Go program and where its source is."""

    module: str
    command: str
    version: str
    stand_ins: Sequence[str] = ()  # files that its release builds first, of no use to us


PEERS: Mapping[str, Peer] = {
    "amtool": Peer("github.com/prometheus/alertmanager", "cmd/amtool", "v0.34.2"),
    "alertmanager": Peer(
        "github.com/prometheus/alertmanager",
        "cmd/alertmanager",
        "v0.34.2",
        ("ui/app/dist/index.html",),
    ),
}


class PeerError(RuntimeError):
    """A peer cannot be built; the text says why."""


def peer(name: str) -> Path:
    """Return a peer's program; without one the test is skipped, with CI=true it fails."""
    try:
        return built(name)
    except PeerError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}", pytrace=False)
        pytest.skip(str(error))


@cache
def built(name: str) -> Path:
    """Return a peer's program, built now if it never was. Raises PeerError."""
    wanted = PEERS[name]
    directory = cache_directory() / "bin"
    program = directory / f"{name}-{wanted.version}"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise PeerError(f"no {name}: it is built with Go, which is not on PATH")
    directory.mkdir(parents=True, exist_ok=True)
    # Built aside and moved, so that two runs at once and a broken build leave nothing half done.
    with tempfile.TemporaryDirectory(dir=directory) as aside:
        _build(go, wanted, Path(aside) / name)
        (Path(aside) / name).replace(program)
    return program


def _build(go: str, wanted: Peer, into: Path) -> None:
    """Build outside of the module cache, whose files are read-only and must stay as they are."""
    found = json.loads(_run([go, "mod", "download", "-json", f"{wanted.module}@{wanted.version}"]))
    with tempfile.TemporaryDirectory(prefix="tocsin-peer-") as scratch:
        source = Path(scratch) / "source"
        shutil.copytree(found["Dir"], source, copy_function=shutil.copyfile)
        for path in (source, *source.rglob("*/")):
            path.chmod(0o755)
        for name in wanted.stand_ins:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text("")
        _run([go, "build", "-mod=mod", "-o", str(into), f"./{wanted.command}"], source)


def _run(command: Sequence[str], directory: Path | None = None) -> str:
    polite = [nice, "-n", "15"] if (nice := shutil.which("nice")) else []
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false -p=2", "CGO_ENABLED": "0"}
    try:
        return subprocess.run(
            [*polite, *command], check=True, capture_output=True, text=True, env=environment,
            cwd=directory, timeout=_BUILD_TIMEOUT_S,
        ).stdout  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise PeerError(f"{' '.join(command)}: {error.stderr.strip()[-400:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{' '.join(command)}: {error}") from error
