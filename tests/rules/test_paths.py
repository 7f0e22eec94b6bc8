"""Rule files on disk."""

from pathlib import Path

import pytest

from engine.errors import FileError
from engine.rules import load, read_paths
from tests.rules.checking import one


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_directories_give_their_rule_files_sorted_and_relative(tmp_path: Path) -> None:
    for name in ("rules/b.yml", "rules/a.yaml", "rules/deep/c.yml", "rules/README.md", "one.yml"):
        write(tmp_path / name, name)
    write(tmp_path / "rules/.hidden/d.yml", "")
    found = read_paths(["rules", "one.yml"], tmp_path)
    assert list(found) == ["one.yml", "rules/a.yaml", "rules/b.yml", "rules/deep/c.yml"]
    assert found["rules/b.yml"] == "rules/b.yml"


def test_a_mounted_configmap_is_read_once_under_its_own_names(tmp_path: Path) -> None:
    write(tmp_path / "rules/..2026/a.yml", "x")
    (tmp_path / "rules/..data").symlink_to("..2026")
    (tmp_path / "rules/a.yml").symlink_to("..data/a.yml")
    assert list(read_paths(["rules"], tmp_path)) == ["rules/a.yml"]


def test_a_glob_may_find_nothing_in_a_directory_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    assert read_paths(["rules/*/deep/*.yml"], tmp_path) == {}
    for missing in ("gone/*.yml", "rules/gone/*/a.yml"):
        with pytest.raises(FileError, match="gone does not exist"):
            read_paths([missing], tmp_path)


def test_files_elsewhere_keep_their_whole_path(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "x")
    base = tmp_path / "config"
    base.mkdir()
    assert list(read_paths([tmp_path / "a.yml"], base)) == [(tmp_path / "a.yml").as_posix()]


def test_what_does_not_exist_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"ruels does not exist: create it, or correct `rules:`"):
        read_paths(["ruels"], tmp_path)


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", one().encode() + b"# \xff\n")
    rules, findings = load(read_paths(["a.yml"], tmp_path))
    assert rules is None
    assert [(f.file, f.line, f.code) for f in findings] == [("a.yml", 9, "yaml-encoding")]
