"""`promtool test rules` and `tocsin test rules`, both really run, on every open file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.services import program

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
FOLDERS = ("promtool/promtool", "ruletests", "ruletests-giantswarm")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (CORPORA / folder).glob("**/*.y*ml")
    if "\ntests:" in "\n" + path.read_text()
)
TOGETHER = 8  # files of one run of each program: what starting costs is shared

pytestmark = [
    pytest.mark.real("promtool"),
    pytest.mark.skipif(not FILES, reason="no corpora: set TOCSIN_CORPORA"),
]


@pytest.mark.parametrize("start", range(0, len(FILES), TOGETHER))
def test_they_agree_on_every_file(start: int) -> None:
    promtool = program("promtool")
    assert promtool is not None
    files = FILES[start : start + TOGETHER]
    names = list(map(str, files))
    theirs = [
        subprocess.run(
            [promtool, "test", "rules", name], capture_output=True, check=False
        ).returncode
        for name in names
    ]
    ours = subprocess.run(
        [sys.executable, "-m", "engine", "test", "rules", "--output", "json", *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ours.returncode == int(any(theirs)), ours.stderr
    passed = {Path(one["path"]).resolve(): one["passed"] for one in json.loads(ours.stdout)}
    assert passed == {
        path.resolve(): code == 0 for path, code in zip(files, theirs, strict=True)
    }, ours.stdout[-4000:]
