"""Golden requests: what goes over the wire, kept as files. UPDATE_GOLDEN=1 rewrites them."""

import json
import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1] / "golden"


_RUN = re.compile(r"(.)\1{40,}")


def check(name: str, text: str) -> None:
    """Compare a text with its golden file; a long run of one character is kept as its length."""
    text = _RUN.sub(lambda run: f"[{run[1]} x {len(run[0])}]", text)
    path = ROOT / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{name} is new: UPDATE_GOLDEN=1 writes it; then read it"
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; UPDATE_GOLDEN=1 rewrites it"


def check_json(name: str, value: Any) -> None:
    """Compare a JSON value with its golden file."""
    check(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
