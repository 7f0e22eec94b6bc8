"""Outside rule files, where they are there."""

import os
from collections.abc import Iterator
from pathlib import Path

_BESIDE = Path(__file__).parents[2].parent / "shared" / "corpora"
CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or _BESIDE)
_SUFFIXES = (".yml", ".yaml", ".rules")


def rule_files(*folders: str) -> Iterator[tuple[str, str]]:
    """Path below the corpora, and text, of every file that could hold rules."""
    for folder in folders:
        for file in sorted((CORPORA / folder).rglob("*")):
            if file.suffix in _SUFFIXES and "secret" not in file.name:
                name = file.relative_to(CORPORA).as_posix()
                yield name, file.read_bytes().decode("utf-8", errors="surrogateescape")
