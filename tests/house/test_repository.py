"""What is committed serves any machine: no address in a lock, no path of ours, links that lead."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, rooms, short, sources

LOCKS = ("requirements.lock", "requirements-dev.lock")
TOP = {"rules", "engine", "notifiers", "tests", "helm", ".ci", ".github"}
# Spelt in two parts so that this file does not name them itself.
_OURS = re.compile(r"(^|[^\w.])/(wo" + r"rk|fa" + r"rm)/|/ro" + r"ot/\.")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    pins = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    unpinned = [pin.split()[0] for pin in pins if pin.strip() and "--hash=sha256:" not in pin]
    assert not unpinned


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    runtime, dev = ({*_pins(name)} for name in LOCKS)
    asked = {_name(each) for each in project["dependencies"]}
    asked_dev = {_name(each) for each in project["optional-dependencies"]["dev"]}
    assert asked <= runtime, f"run `make lock`: {asked - runtime}"
    assert asked_dev | runtime <= dev, f"run `make lock`: {(asked_dev | runtime) - dev}"
    assert not (asked_dev - asked) & runtime - {"packaging"}


def test_the_locks_agree() -> None:
    runtime, dev = (_pins(name) for name in LOCKS)
    differing = {name: (pin, dev[name]) for name, pin in runtime.items() if dev[name] != pin}
    assert not differing


def test_no_file_names_a_place_of_one_machine() -> None:
    named = []
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if _OURS.search(line):
                named.append(f"{short(path)}:{number}: {line.strip()[:80]}")
    assert not named, "\n".join(named)


def test_the_top_is_as_planned() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in files() if path.parent != ROOT}
    assert tops <= TOP, f"folders at the top that are not on the plan: {tops - TOP}"


@pytest.mark.parametrize("path", [path for path in files() if path.suffix == ".md"], ids=short)
def test_links_lead_somewhere(path: Path) -> None:
    dead = [
        target
        for target in _LINK.findall(path.read_text("utf-8"))
        if "://" not in target
        and not target.startswith("mailto:")
        and not (path.parent / target).exists()
    ]
    assert not dead


def test_the_architecture_tells_of_every_room() -> None:
    text = (ROOT / "engine" / "ARCHITECTURE.md").read_text("utf-8")
    untold = [
        name for name, _ in rooms() if not re.search(rf"\b{re.escape(name.split('.')[1])}\b", text)
    ]
    assert not untold, f"engine/ARCHITECTURE.md says nothing of {untold}"


def test_each_room_has_what_holds_and_what_is_absent() -> None:
    text = (ROOT / "engine" / "ARCHITECTURE.md").read_text("utf-8")
    section = text[text.index("## The rooms") : text.index("## Time")]
    told: set[str] = set()
    for paragraph in re.split(r"\n(?=- \*\*)", section)[1:]:
        named = re.match(r"- \*\*([a-z, ]+)\*\*:", paragraph)
        assert named, paragraph.splitlines()[0]
        assert "**Invariant:**" in paragraph, named[1]
        assert "**Absent:**" in paragraph, named[1]
        told |= set(named[1].split(", "))
    inside = {name.split(".")[1] for name, _ in rooms() if name.startswith("engine.")}
    assert not inside - told


def test_tests_do_not_sleep() -> None:
    """A condition is awaited with a deadline (tests/waiting.py); `sleep(0)` lets others run."""
    sleeping = [
        f"{short(path)}:{number}"
        for path in sources("tests")
        if path.name != "waiting.py" and path.parts[-2] != "bench" and path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"\b(time|asyncio)\.sleep\((?!0\))", line) and "not a wait" not in line
    ]
    assert not sleeping, f"await a condition, or say `# not a wait: why` on the line: {sleeping}"


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return {
        _name(match[1]): match[2]
        for match in re.finditer(r"^([A-Za-z0-9_.-]+)==(\S+)", text, flags=re.MULTILINE)
    }


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()
