"""Configuration files with a verdict of Alertmanager's."""

from pathlib import Path
from typing import Any

import yaml

from tests.conformance.alertmanager import CONFIGS
from tests.conformance.alertmanager.scenes import judged, read
from tests.conformance.corpora import Part, Tally


def parts(only: str = "") -> list[Part]:
    """Return the files that are in this half of the corpus."""
    return [(run, (only,))] if (CONFIGS / "expected.yaml").exists() else []


def run(only: str = "") -> Tally:
    """Judge every file that is there."""
    verdicts = yaml.safe_load((CONFIGS / "expected.yaml").read_text("utf-8"))
    cases = {
        one["file"]: (_judge, (CONFIGS / one["file"], one))
        for one in verdicts
        if (CONFIGS / one["file"]).exists()
    }
    return judged("config", cases, only)


def _judge(given: tuple[Path, Any]) -> str:
    path, wanted = given
    return verdict(path.read_text("utf-8"), wanted)


def verdict(text: str, wanted: Any) -> str:
    """Compare what is refused; a receiver type that we lack is no verdict of Alertmanager's."""
    _, errors = read(text)
    if wanted["valid"] and errors:
        return f"refused: {errors}"
    if not wanted["valid"] and not errors:
        return f"accepted; Alertmanager: {wanted.get('error') or wanted.get('note')}"
    return ""
