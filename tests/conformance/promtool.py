"""promtool's verdict on its own rule-file samples and unit-test files.

`promtool_verdicts.json` is what promtool 3.15.0 said (`python -m tests.conformance --record` asks
it again, of every file that is there); a file that it does not name is asked about where promtool
is built, else it is left out and named.
"""

import contextlib
import io
import json
import os
import subprocess
from pathlib import Path

from engine.cli.check import check_rules
from engine.ruletests import run_tests
from tests.acceptance.services import program
from tests.conformance.corpora import ROOT, Tally
from tests.conformance.ruletests import why

VERDICTS = Path(__file__).with_name("promtool_verdicts.json")
FOLDERS = ("promtool", "rulefmt", "rules-fixtures")


def run(only: str = "") -> Tally:
    """Compare `check rules` and `test rules` with promtool's exit codes."""
    tally = Tally("promtool")
    known = json.loads(VERDICTS.read_text()) if VERDICTS.exists() else {}
    for path in _files():
        name = path.relative_to(ROOT / "promtool").as_posix()
        wanted = known.get(name, _ask(path))
        if wanted is None:
            print(f"promtool: no verdict on {name} and no promtool to ask; left out")
        elif only in name:
            tally.add(name, _judge(path, wanted))
    return tally


def record() -> None:
    """Ask promtool and write what it says."""
    said = {path.relative_to(ROOT / "promtool").as_posix(): _ask(path) for path in _files()}
    VERDICTS.write_text(json.dumps(said, indent=0, sort_keys=True) + "\n")


def _files() -> list[Path]:
    return sorted(p for folder in FOLDERS for p in (ROOT / "promtool" / folder).glob("*.y*ml"))


def is_test(text: str) -> bool:
    """Whether a file holds unit tests."""
    return "\ntests:" in f"\n{text}"


def _ask(path: Path) -> int | None:
    promtool = program("promtool")
    if promtool is None:
        return None
    verb = "test" if is_test(path.read_text()) else "check"
    asked = [promtool, verb, "rules", path.name]
    return subprocess.run(asked, cwd=path.parent, capture_output=True, check=False).returncode


def _judge(path: Path, wanted: int) -> str:
    text = path.read_text()
    try:
        if is_test(text):
            report = run_tests(str(path), text)
            if report.passed == (wanted == 0):
                return ""
            return "passes, promtool fails it" if report.passed else why(report)
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = check_rules([str(path)], "text")
    except Exception as error:  # noqa: BLE001 - counts as one failing case
        return f"raised {error!r}"
    if (code == 0) == (wanted == 0):
        return ""
    told = output.getvalue().replace(os.fspath(path.parent) + "/", "").strip().splitlines()
    return f"exit {code}, promtool {wanted}: {told[0] if told else ''}"
