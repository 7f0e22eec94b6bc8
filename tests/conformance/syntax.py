"""Expressions that a PromQL parser must accept or refuse."""

import yaml

from engine.promql import PromQLError, parse
from tests.conformance.corpora import ROOT, Tally


def run(only: str = "") -> Tally:
    """Parse every expression. Of experimental syntax a refusal that says so is right as well."""
    tally = Tally("promql-syntax")
    cases = yaml.safe_load((ROOT / "promql-syntax/promql_syntax.yaml").read_text())["cases"]
    for number, case in enumerate(cases):
        text = str(case["input"])
        if only not in text:
            continue
        try:
            parse(text)
            error = ""
        except PromQLError as refused:
            error = str(refused) or "refused"
        if not error and not case["valid"]:
            problem = f"accepted; Prometheus: {case.get('error')}"
        elif error and case["valid"] and not (case.get("experimental") and "experimental" in error):
            problem = f"refused: {error}"
        else:
            problem = ""
        tally.add(f"{number}: {text[:80]}", problem)
    return tally
