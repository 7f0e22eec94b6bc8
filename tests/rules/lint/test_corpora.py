"""Lints over real rule files: none raises, every warning points into its file, few are wrong."""

import os
from collections import Counter
from pathlib import Path

import pytest

from engine.rules import load
from engine.rules.lint import LINT_CODES, lint

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[4] / "shared/corpora")
FOLDERS = ("rules-kube-prometheus", "rules-misc", "ruletests")


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_rules(folder: str) -> None:
    if not (CORPORA / folder).exists():
        pytest.skip("no corpora: set TOCSIN_CORPORA")
    rules, found = 0, Counter[str]()
    for path in sorted((CORPORA / folder).rglob("*.y*ml")):
        if "pint" in path.parts:
            continue  # written to be wrong
        text = path.read_text("utf-8", errors="surrogateescape")
        read, _ = load({str(path): text})
        if read is None:
            continue
        rules += sum(len(group.rules) for group in read.prom)
        lines = text.split("\n")
        for each in lint(read.prom, {str(path): text}):
            assert each.severity == "warning"
            assert each.code in LINT_CODES
            assert 1 <= each.column <= len(lines[each.line - 1]) + 1
            found[each.code] += each.code != "alerts-for"  # generators write `for: 0m`
    # People who test their rules and ship them make few mistakes: a lint that cries often is one.
    assert rules > 100
    assert sum(found.values()) < rules * 0.15, found
