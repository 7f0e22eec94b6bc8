"""The repository as the house tests read it: its files, its rooms, its syntax trees."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "notifiers")


@functools.cache
def files() -> tuple[Path, ...]:
    """Return what git tracks or would track, or everything where there is no git (an sdist)."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        names = {name.decode() for name in listed.stdout.split(b"\0") if name}
        return tuple(sorted(ROOT / name for name in names if (ROOT / name).is_file()))
    return tuple(sorted(path for path in ROOT.rglob("*") if path.is_file()))


def sources(*folders: str) -> list[Path]:
    """Return the Python files of some top folders (default: the product's packages)."""
    wanted = folders or PACKAGES
    return [path for path in files() if path.suffix == ".py" and _top(path) in wanted]


def rooms() -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, path) of every room: a module or a package right below a package."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).iterdir()):
            if path.suffix == ".py" and not path.stem.startswith("__"):
                yield f"{package}.{path.stem}", path
            elif (path / "__init__.py").is_file():
                yield f"{package}.{path.name}", path / "__init__.py"


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def short(path: Path) -> str:
    """Return a path as people write it."""
    return str(path.relative_to(ROOT))


def _top(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]
