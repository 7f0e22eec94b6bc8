"""Rooms keep their doors: contracts of import, a sorted front page, no reaching into files."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from engine import cli
from tests.house.tree import PACKAGES, ROOT, rooms, short, sources, tree

PAGES = [(name, path) for name, path in rooms() if path.name == "__init__.py"]
IDS = [name for name, _ in PAGES]


def test_imports_point_as_the_contracts_say() -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("name", "path"), PAGES, ids=IDS)
def test_a_room_has_a_front_page(name: str, path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{short(path)} says nothing about its room"
    room = importlib.import_module(name)
    public = room.__all__
    assert len(public) == len(set(public))  # sorted is ruff's part (RUF022)
    missing = [each for each in public if not hasattr(room, each)]
    assert not missing, f"{name} lists what it does not have: {missing}"


@pytest.mark.parametrize(("name", "path"), PAGES, ids=IDS)
def test_a_front_page_lists_what_it_brings_in(name: str, path: Path) -> None:
    brought = {
        alias.asname or alias.name
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{name}.")
        for alias in node.names
    }
    hidden = {each for each in brought if not each.startswith("_")} - set(
        importlib.import_module(name).__all__
    )
    assert not hidden, f"{name} imports and does not list {sorted(hidden)}"


def test_a_room_is_entered_by_its_door() -> None:
    packages = {name for name, _ in PAGES}
    reached = []
    for path in sources():
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts[:2])
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for target in names:
                room = ".".join(target.split(".")[:2])
                if room != target and room in packages and room != own:
                    reached.append(f"{short(path)}:{node.lineno} imports {target}, not {room}")
    assert not reached, "\n".join(reached)


def test_no_room_is_named_after_nothing() -> None:
    banned = {"common", "data", "handle", "helper", "helpers", "info", "item", "manager", "misc",
              "obj", "process", "util", "utils"}  # fmt: skip
    named = [short(path) for path in sources() if path.stem in banned]
    assert not named


def test_every_file_is_part_of_the_product() -> None:
    """No dead file: each module is imported, or run by name (an entry point, `python -m`)."""
    named = _named_in_pyproject() | {f"engine.cli.{verb}" for verb in cli.VERBS}
    imported = {name for path in sources("engine", "notifiers", "tests") for name in _imports(path)}
    dead = []
    for path in sources():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.stem in {"__init__", "__main__"} or module in imported | named:
            continue
        dead.append(module)
    assert not dead, f"imported by nobody: {dead}"


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _named_in_pyproject() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    quoted = text.split('"')[1::2]
    return {each.split(":")[0] for each in quoted if each.split(".")[0] in PACKAGES}
