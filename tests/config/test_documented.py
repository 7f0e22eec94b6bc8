"""engine/README.md names every key with its default."""

import re
from dataclasses import fields
from pathlib import Path

from engine.config import KEYS, SOURCE_KEYS
from engine.limits import Limits

README = (Path(__file__).parents[2] / "engine" / "README.md").read_text("utf-8")


def rows(heading: str) -> dict[str, str]:
    """First and last column of the table under a heading."""
    table = README[README.index(f"| {heading} |") :].split("\n\n")[0].strip()
    cells = [line.strip("| ").split("|") for line in table.split("\n")[2:]]
    return {row[0].strip(" `"): row[-1].strip(" `") for row in cells}


def test_every_key_and_no_other() -> None:
    assert set(rows("key")) == set(KEYS)
    assert set(rows("key of a source")) == set(SOURCE_KEYS)


def test_every_limit_with_its_default() -> None:
    shown = rows("limit")
    assert shown == {field.name: f"{field.default:,}" for field in fields(Limits)}


def test_defaults_that_are_said_are_those_in_use(tmp_path: Path) -> None:
    from engine.config import parse

    said = rows("key")
    keys = ("shards", "fsync", "checkpoint_every", "session_timeout", "evaluation_timeout",
            "log_level", "app_id", "listen", "dedup")  # fmt: skip
    text = "".join(f"{key}: {said[key]}\n" for key in keys)
    written, _ = parse(text, "t", tmp_path, environ={}, hostname="h")
    assert written == parse("", "t", tmp_path, environ={}, hostname="h")[0]
    assert re.search(r"\| `broker` .*\| `embedded://data/log` \|", README)
