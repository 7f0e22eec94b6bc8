"""Read rule files from disk."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.config import glob_directory
from engine.errors import FileError

_FILES_MAX = 10_000
_SUFFIXES = (".yml", ".yaml")


def read_paths(
    paths: Iterable[Path | str], base: Path | str = ".", key: str = "rules"
) -> dict[str, str]:
    """Return path -> text of rule files, as `find_paths` finds them.

    Raises FileError where a path does not exist or cannot be read.
    """
    return {name: _read(file) for name, file in find_paths(paths, base, key).items()}


def find_paths(
    paths: Iterable[Path | str], base: Path | str = ".", key: str = "rules"
) -> dict[str, Path]:
    """Return shown path -> file; a directory gives its *.yml and *.yaml, recursively.

    A glob gives what it matches now, be it nothing (`**` any directories). `key` is the one of
    tocsin.yaml that names the paths.

    Paths are shown relative to `base` where they are below it, sorted. Hidden files and
    directories are left out (Kubernetes mounts a ConfigMap twice, once under `..data`).
    Raises FileError where a path does not exist.
    """
    root = Path(base)
    found: dict[str, Path] = {}
    for path in paths:
        for file in _files(str(path), root, key):
            found[_shown(file, root)] = file
            if len(found) > _FILES_MAX:
                raise FileError(f"more than {_FILES_MAX:,} files of `{key}:` below {path}")
    return {name: found[name] for name in sorted(found)}


def _files(path: str, root: Path, key: str) -> Iterator[Path]:
    directory = glob_directory(path)
    if directory is not None and not (root / path).exists():
        # Nothing in a directory is an answer; a directory that is not there is a mount or a
        # checkout that is missing, and must not look like it.
        _checked(root / directory, key)
        for each in glob.iglob(path, root_dir=root, recursive=True):
            yield from _expand(root / each, key)
    else:
        yield from _expand(root / path, key)


def _checked(path: Path, key: str) -> None:
    if not path.exists():
        first = " (`tocsin init DIR` writes a first rule)" if key == "rules" else ""
        raise FileError(f"{path} does not exist: create it, or correct `{key}:`{first}")


def _expand(path: Path, key: str) -> Iterator[Path]:
    _checked(path, key)
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _SUFFIXES and not hidden and file.is_file():
            yield file


def _shown(file: Path, root: Path) -> str:
    # Not resolved: a ConfigMap's files are links into a directory that changes its name.
    try:
        return Path(os.path.abspath(file)).relative_to(os.path.abspath(root)).as_posix()
    except ValueError:
        return file.as_posix()


def _read(file: Path) -> str:
    try:
        # What is not UTF-8 becomes a finding with a line, not an exception (engine.document).
        return file.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}") from error
