"""The command itself: what it says without a verb, and that it starts fast."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import VERBS, main


def test_alone_it_says_what_to_do_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    told = capsys.readouterr().out
    assert "tocsin demo" in told
    assert "tocsin init DIR" in told
    assert len(told.splitlines()) <= 10
    (tmp_path / "tocsin.yaml").write_text("")
    assert main([]) == 0
    assert "there is a tocsin.yaml here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--version"], 0, "tocsin "),
        (["--help"], 0, "verbs:"),
        (["silense"], 2, "did you mean `tocsin silence`?"),
        (["nonsense"], 2, "no verb `nonsense`"),
        (["--nonsense"], 2, "--nonsense"),
        (["silence"], 2, "ACTION"),
        (["silence", "add", "a=b"], 2, "--comment"),
        (["status", "--output", "xml"], 2, "--output"),
    ],
)
def test_help_and_usage(
    words: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == code
    shown = capsys.readouterr()
    assert told in (shown.out if code == 0 else shown.err)


def test_every_verb_is_named_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(verb in told for verb in VERBS)


def test_nothing_heavy_is_imported_before_a_verb_needs_it() -> None:
    code = (
        "import sys; from engine.cli import main; main([]); "
        "print([n for n in ('numpy','numba','faust','starlette','httpx','jinja2','yaml')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_another_distribution_named_notifiers_is_said_plainly(tmp_path: Path) -> None:
    """PyPI has one; where it comes first on the path nothing of Tocsin's would work."""
    (tmp_path / "notifiers").mkdir()
    (tmp_path / "notifiers/__init__.py").write_text("raise SystemExit('the other one was run')")
    home = Path(__file__).parents[2]
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(home)!r}]; " \
           "from engine.cli import main; sys.exit(main(['--version']))"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert "`notifiers` is not Tocsin's" in done.stderr
    assert str(tmp_path) in done.stderr
    assert "pip install tocsin" in done.stderr
