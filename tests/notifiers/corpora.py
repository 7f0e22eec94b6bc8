"""The outside cases, read where they are; a test that needs them is skipped by name without."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(os.environ.get("TOCSIN_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))


def scenario(name: str) -> Any:
    """Return a file of alertmanager-scenarios, or skip."""
    path = ROOT / "alertmanager-scenarios" / name
    if not path.exists():
        pytest.skip(f"corpus alertmanager-scenarios/{name} is not at $TOCSIN_CORPORA")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def file(name: str) -> str:
    """Return a file of alertmanager-configs, or skip."""
    path = ROOT / "alertmanager-configs" / name
    if not path.exists():
        pytest.skip(f"corpus alertmanager-configs/{name} is not at $TOCSIN_CORPORA")
    return path.read_text(encoding="utf-8")
