"""Prometheus's own cases of template expansion, read from outside (see corpora/README.md)."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.template import go
from engine.template.go.prometheus import TMPL
from engine.template.go.values import Int64, Uint64

_CORPORA = Path(os.environ.get("TOCSIN_CORPORA", Path(__file__).parents[3] / "shared/corpora"))
_FILE = _CORPORA / "prometheus-alerting" / "templates.yaml"
_CASES: list[dict[str, Any]] = (
    yaml.safe_load(_FILE.read_text("utf-8"))["cases"] if _FILE.exists() else []
)
_NOW_MS = 1_353_755_652_000
_TYPES: dict[str, Any] = {"int64": Int64, "uint64": Uint64, "float64": float, "string": str}


def _dialect(case: dict[str, Any]) -> go.Dialect:
    functions = {**go.FUNCTIONS, "tmpl": TMPL} if case.get("html") else go.FUNCTIONS
    missing = "error" if "missingkey=error" in case.get("options", ()) else "zero"
    return go.Dialect(functions, is_html=bool(case.get("html")), missing=missing)


@pytest.mark.skipif(not _CASES, reason=f"no corpus at {_FILE}")
@pytest.mark.parametrize("case", _CASES, ids=[case["template"][:60] for case in _CASES])
def test_expands_as_prometheus_does(case: dict[str, Any]) -> None:
    rows = [(row["labels"], float(row["value"])) for row in case.get("query_result", ())]
    context = go.AlertContext(
        {}, 0.0, {}, "http://testhost:9090/path/prefix", _NOW_MS, lambda _text: rows
    )
    kind = _TYPES.get(case.get("input_type", ""), lambda value: value)
    data = [kind(each) for each in case["input"]] if "input" in case else None
    if case.get("fails"):
        with pytest.raises(go.TemplateError):
            _dialect(case).compile(case["template"]).expand(data, context)
    else:
        shown = _dialect(case).compile(case["template"]).expand(data, context)
        assert shown == case["output"]
