"""Programs of other projects that Tocsin must work with, built from source when first needed.

    amtool = peer("amtool")        # a Path; skips the test where it cannot be built

They are kept in `$TOCSIN_CACHE/bin` (default ~/.cache/tocsin/bin) and named by version. Building
needs Go on PATH; where that is missing or fails the test is skipped, with CI=true it fails.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.services import cache_directory

_BUILD_TIMEOUT_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A Go program and where its source is."""

    package: str
    version: str


PEERS: Mapping[str, Peer] = {
    "amtool": Peer("github.com/prometheus/alertmanager/cmd/amtool", "v0.34.2"),
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
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise PeerError(f"no {name}: it is built with Go, which is not on PATH")
    directory.mkdir(parents=True, exist_ok=True)
    # Built aside and moved, so that two runs at once and a broken build leave nothing half done.
    with tempfile.TemporaryDirectory(dir=directory) as aside:
        _install(go, wanted, Path(aside))
        (Path(aside) / name).replace(program)
    return program


def _install(go: str, wanted: Peer, into: Path) -> None:
    command = [go, "install", f"{wanted.package}@{wanted.version}"]
    if nice := shutil.which("nice"):
        command = [nice, "-n", "15", *command]
    environment = {
        **os.environ,
        "GOBIN": str(into),
        "GOFLAGS": "-buildvcs=false -p=2",
        "CGO_ENABLED": "0",
    }
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_BUILD_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        raise PeerError(f"cannot build {wanted.package}: {error.stderr.strip()[-400:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"cannot build {wanted.package}: {error}") from error
