"""Template expansions of the corpus prometheus-alerting."""

from collections.abc import Mapping
from typing import Any

import yaml

from engine.template import go
from engine.template.go.prometheus import TMPL
from engine.template.go.values import Int64, Uint64
from tests.conformance.corpora import ROOT, Tally

NOW_MS = 1_353_755_652_000
TYPES: Mapping[str, Any] = {"int64": Int64, "uint64": Uint64, "float64": float, "string": str}


def run(tally: Tally, only: str = "") -> None:
    """Expand every template and compare."""
    text = (ROOT / "prometheus-alerting/templates.yaml").read_text()
    for number, case in enumerate(yaml.safe_load(text)["cases"]):
        if only in case["template"]:
            tally.add(f"template {number}: {case['template'][:60]}", _judge(case))


def _judge(case: Mapping[str, Any]) -> str:
    rows = [(row["labels"], float(row["value"])) for row in case.get("query_result") or ()]
    context = go.AlertContext(
        {}, 0.0, {}, "http://testhost:9090/path/prefix", NOW_MS, lambda _text: rows
    )
    functions = {**go.FUNCTIONS, "tmpl": TMPL} if case.get("html") else go.FUNCTIONS
    missing = "error" if "missingkey=error" in case.get("options", ()) else "zero"
    dialect = go.Dialect(functions, is_html=bool(case.get("html")), missing=missing)
    kind = TYPES.get(case.get("input_type", ""), lambda value: value)
    given = [kind(each) for each in case["input"]] if "input" in case else None
    try:
        got = dialect.compile(case["template"]).expand(given, context)
    except go.TemplateError as error:
        return "" if case.get("fails") else f"failed: {error}"
    except Exception as error:  # noqa: BLE001 - counts as one failing case
        return f"raised {error!r}"
    if case.get("fails"):
        return f"expected it to fail, got {got!r}"
    return "" if got == case["output"] else f"expected {case['output']!r}, got {got!r}"
